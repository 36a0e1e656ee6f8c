import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { runCommand, startCommand } from './command.ts'
import { type Lines, readLines, type Service, startService } from './service.ts'

interface StoryOnHost {
  readonly tag: string
  readonly deliveries: readonly [{ readonly state: string; readonly receipt: object }]
}

const SERVER = '11111111-1111-4111-8111-111111111111'
const OTHER = '22222222-2222-4222-8222-222222222222'

let service: Service
let directory = ''
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'novacast-agent-'))
  const config = join(directory, 'novacast.conf')
  writeFileSync(config, '[novacast]\nack_timeout = 1\n')
  service = await startService(['--config-file', config])
})
afterAll(async () => {
  await service.stop()
  rmSync(directory, { recursive: true })
})

const run = (args: readonly string[], input?: string) =>
  runCommand(args, { environment: { NOVACAST_URL: service.url }, ...(input === undefined ? {} : { input }) })

/** Both servers are on a host of the test's own. */
async function placeOn(host: string): Promise<void> {
  await run(['servers', 'import', '-'], [SERVER, OTHER].map((uuid) => `${JSON.stringify({ uuid, host })}\n`).join(''))
}

function startAgent(host: string, ...args: string[]): Lines {
  const lines = readLines(startCommand(['agent', host, ...args], { environment: { NOVACAST_URL: service.url } }))
  onTestFinished(async () => {
    await lines.stop()
  })
  return lines
}

const stateOf = async (host: string) => JSON.parse((await run(['hosts', 'show', host, '-f', 'json'])).stdout)

/** Waits until nothing is open at a host any more. */
async function isQuiet(host: string): Promise<void> {
  for (let i = 0; i < 50; i++) {
    const { pending, dispatched } = await stateOf(host)
    if (pending === 0 && dispatched === 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  expect.unreachable(`${host} still has open deliveries`)
}

describe('novacast agent', () => {
  it('prints events, those that waited first, and acknowledges them', async () => {
    await placeOn('printer')
    await run(['send', 'network-vif-plugged', SERVER, '--tag', 'port-a'])
    const agent = startAgent('printer')
    await agent.next(/^following printer at http/)
    expect(await agent.next(/port-a/)).toMatch(
      new RegExp(`^\\S+Z {2}network-vif-plugged completed of server ${SERVER} tag port-a {2}\\S{36}$`),
    )
    await run(['send', 'network-changed', SERVER, '--status', 'failed'])
    await agent.next(/network-changed failed/)
    await isQuiet('printer')
    expect(await agent.stop()).toBe(0)
  })

  it('prints JSON when asked to', async () => {
    await placeOn('json')
    await run(['send', 'volume-extended', SERVER, '--tag', 'v\u001b[31m'])
    const agent = startAgent('json', '-f', 'json')
    const line = await agent.next(/^{/)
    expect(line).not.toContain('\x1b')
    expect(JSON.parse(line)).toMatchObject({ host: 'json', name: 'volume-extended', tag: 'v\u001b[31m', attempt: 1 })
  })

  it('runs a command per event; one that fails gets its event again, and nothing of that server passes it', async () => {
    await placeOn('runner')
    const log = join(directory, 'runner.log')
    const flag = join(directory, 'worked')
    // Fails on the first event of SERVER as long as the flag is not there, then makes the flag.
    const script = `cat >> ${log}; case "$NOVACAST_EVENT_TAG" in port-a) test -e ${flag} || { touch ${flag}; exit 3; };; esac`
    for (const tag of ['port-a', 'port-b']) await run(['send', 'network-vif-plugged', SERVER, '--tag', tag])
    await run(['send', 'network-changed', OTHER, '--tag', 'other'])
    const agent = startAgent('runner', '--exec', script)
    expect(await agent.next(/attempt 1/)).toMatch(
      /^event \S{36} \(network-vif-plugged, attempt 1\): the command ended with exit code 3; it will come again$/,
    )
    await isQuiet('runner')
    const ran = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(ran.filter(({ server_uuid }) => server_uuid === SERVER).map(({ tag, attempt }) => [tag, attempt > 1])).toEqual([
      ['port-a', false],
      ['port-a', true],
      ['port-b', expect.any(Boolean)],
    ])
    expect(ran.filter(({ server_uuid }) => server_uuid === OTHER)).toEqual([
      expect.objectContaining({ tag: 'other', host: 'runner', attempt: 1 }),
    ])
  })

  it('reports what a command applied, and what failed again and again, and goes on behind it', async () => {
    await placeOn('reporter')
    for (const tag of ['bad', 'good']) await run(['send', 'network-changed', SERVER, '--tag', tag])
    const agent = startAgent('reporter', '--tries', '2', '--exec', 'test "$NOVACAST_EVENT_TAG" = good || exit 7')
    await agent.next(/ended with exit code 7; it will come again$/)
    await agent.next(/ended with exit code 7; it is reported as failed$/)
    await isQuiet('reporter')
    const { stdout } = await run(['events', 'list', '--host', 'reporter', '--order', 'oldest', '-f', 'json'])
    const told = JSON.parse(stdout).map(({ tag, deliveries: [{ state, receipt }] }: StoryOnHost) => ({ tag, state, ...receipt }))
    expect(told).toEqual([
      { tag: 'bad', state: 'failed', result: 'failed', reason: 'the command ended with exit code 7, the last of 2 tries' },
      { tag: 'good', state: 'acknowledged', result: 'applied', reason: null },
    ])
    const [{ id }] = JSON.parse(stdout)
    expect((await run(['events', 'show', id])).stdout).toContain('reporter: failed (the command ended with exit code 7')
  })

  it('gives a command what a shell script needs', async () => {
    await placeOn('shell')
    const out = join(directory, 'shell.out')
    const fields = ['ID', 'NAME', 'STATUS', 'TAG', 'SERVER', 'HOST', 'ATTEMPT', 'REQUEST_ID'].map(
      (name) => `$NOVACAST_EVENT_${name}`,
    )
    startAgent('shell', '--exec', `echo "${fields.join('|')}" > ${out}`)
    await run(['send', 'network-changed', SERVER, '--tag', 'a"b'])
    await isQuiet('shell')
    expect(readFileSync(out, 'utf8')).toMatch(
      new RegExp(`^\\S{36}\\|network-changed\\|completed\\|a"b\\|${SERVER}\\|shell\\|1\\|req-\\S{36}\n$`),
    )
  })

  it('finishes and acknowledges what it has begun when it is stopped', async () => {
    await placeOn('stopper')
    const begun = join(directory, 'begun')
    const agent = startAgent('stopper', '--exec', `touch ${begun}; echo begun; sleep 0.5; echo done`)
    await run(['send', 'network-changed', SERVER])
    await agent.next(/^begun$/)
    expect(await agent.stop()).toBe(0)
    expect(agent.all).toContain('done')
    await isQuiet('stopper')
  })

  it('gives way to another agent of the same host and says so', async () => {
    const first = startAgent('rival')
    await first.next(/^following/)
    const second = startAgent('rival')
    await second.next(/^following/)
    await first.next(/^novacast: another client follows host rival now$/)
    expect((await stateOf('rival')).connected).toBe(true)
  })
})
