import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand, startCommand } from './command.ts'
import { readLines, type Service, startService, startShell } from './service.ts'

const SERVER = '11111111-1111-4111-8111-111111111111'
const HOMELESS = '22222222-2222-4222-8222-222222222222'
const STRANGER = '33333333-3333-4333-8333-333333333333'
const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname

let service: Service
beforeAll(async () => {
  service = await startService()
  await run(['servers', 'import', '-'], `{"uuid": "${SERVER}", "host": "compute-1"}\n{"uuid": "${HOMELESS}", "host": null}\n`)
})
afterAll(async () => {
  await service.stop()
})

const run = (args: readonly string[], input?: string) =>
  runCommand(args, { environment: { NOVACAST_URL: service.url }, ...(input === undefined ? {} : { input }) })

describe('novacast send', () => {
  it('sends one event and prints what became of it', async () => {
    expect(await run(['send', 'volume-extended', SERVER, '--tag', 'volume-1'])).toEqual({
      code: 0,
      stdout: [
        '+-----------------+--------------------------------------+-----------+----------+------+',
        '| name            | server_uuid                          | status    | tag      | code |',
        '+-----------------+--------------------------------------+-----------+----------+------+',
        `| volume-extended | ${SERVER} | completed | volume-1 |  200 |`,
        '+-----------------+--------------------------------------+-----------+----------+------+',
        '',
      ].join('\n'),
      stderr: '',
    })
  })

  it('sends the events of a file and fails when one is refused', async () => {
    const events = [SERVER, HOMELESS, STRANGER].map((server_uuid) => ({ name: 'network-changed', server_uuid, status: 'failed' }))
    const { code, stdout, stderr } = await run(['send', '--file', '-', '-f', 'value', '-c', 'code'], JSON.stringify({ events }))
    expect({ code, stdout }).toEqual({ code: 1, stdout: '200\n422\n404\n' })
    expect(stderr).toBe('2 of 3 events refused (400: tag missing, 404: unknown server, 422: server without a host)\n')
  })

  it('fails with the words of the service when all of it is refused', async () => {
    expect(await run(['send', 'network-changed', STRANGER])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^novacast: 404 itemNotFound: /),
    })
    expect(await run(['send', 'nonsense', SERVER])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^novacast: 400 badRequest: .*nonsense/),
    })
    const old = await run(['send', 'volume-reimaged', SERVER, '--microversion', '2.51'])
    expect(old).toMatchObject({ code: 1, stderr: expect.stringContaining('volume-reimaged') })
  })
})

describe('novacast hosts', () => {
  it('tells what waits for whom', async () => {
    expect(await run(['hosts', 'show', 'compute-1', '-f', 'json', '-c', 'host', '-c', 'connected'])).toMatchObject({
      code: 0,
      stdout: '{\n  "host": "compute-1",\n  "connected": false\n}\n',
    })
    const { stdout } = await run(['hosts', 'list', '-f', 'json'])
    expect(JSON.parse(stdout)).toEqual([
      expect.objectContaining({ host: 'compute-1', pending: expect.any(Number), last_seen: null }),
    ])
    expect(await run(['hosts', 'show', 'nowhere'])).toMatchObject({ code: 1, stderr: expect.stringContaining('404') })
  })
})

describe('novacast events', () => {
  it('finds events by everything that is known of them', async () => {
    const list = async (...filter: string[]) =>
      (await run(['events', 'list', ...filter, '-f', 'value', '-c', 'name', '-c', 'status', '-c', 'code'])).stdout
    const extended = 'volume-extended completed 200\n'
    const failed = (code: number) => `network-changed failed ${code}\n`
    expect(await list('--name', 'volume-extended')).toBe(extended)
    expect(await list('--tag', 'volume-1')).toBe(extended)
    expect(await list('--server', SERVER)).toBe(failed(200) + extended)
    expect(await list('--server', SERVER, '--order', 'oldest')).toBe(extended + failed(200))
    expect(await list('--host', 'compute-1', '--state', 'pending', '--limit', '1')).toBe(failed(200))
    expect(await list('--code', '422')).toBe(failed(422))
    expect(await list('--until', '2020-01-01T00:00:00Z')).toBe('')
    expect(await list('--since', '2020-01-01T00:00:00Z', '--name', 'network-changed', '--code', '200')).toBe(failed(200))
    expect(await run(['events', 'list', '--since', 'yesterday'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('400'),
    })
  })

  it('shows one event, and finds it by its request', async () => {
    const [found] = JSON.parse((await run(['events', 'list', '--name', 'volume-extended', '-f', 'json'])).stdout)
    const shown = await run(['events', 'show', found.id, '-f', 'json'])
    expect(JSON.parse(shown.stdout)).toEqual(found)
    expect(found).toMatchObject({
      user_id: 'admin',
      microversion: '2.93',
      deliveries: [{ host: 'compute-1', state: 'pending', attempts: 0 }],
    })
    const byRequest = await run(['events', 'list', '--request-id', found.request_id, '-f', 'value', '-c', 'id'])
    expect(byRequest.stdout).toBe(`${found.id}\n`)
    const table = (await run(['events', 'show', found.id])).stdout
    expect(table).toMatch(/\| deliveries +\| compute-1: pending +\|/)
  })

  it('fits a list of events on a terminal, as a table', async () => {
    const { stdout } = await run(['events', 'list', '--name', 'volume-extended'])
    expect(stdout).toMatch(/^\+.*\+\n\| id +\| name +\| server_uuid +\| tag +\| code \| deliveries +\|\n/)
  })

  it('shows what happens as it happens, a line each, until it is stopped', async () => {
    const environment = { NOVACAST_URL: service.url }
    const lines = readLines(startCommand(['events', 'tail', '--server', SERVER], { environment }))
    const json = readLines(startCommand(['events', 'tail', '--name', 'network-vif-plugged', '-f', 'json'], { environment }))
    // Either may connect last.
    const both = Promise.all([json.next(/accepted/), lines.next(/accepted/)])
    await repeatUntil(both, () => run(['send', 'network-vif-plugged', SERVER, '--tag', 'port-a']))
    expect(await lines.next(/accepted/)).toMatch(
      new RegExp(`^\\S+Z {2}accepted +\\S{36} network-vif-plugged completed of server ${SERVER} tag port-a for compute-1$`),
    )
    expect(JSON.parse(await json.next(/accepted/))).toMatchObject({ kind: 'accepted', event: { tag: 'port-a' } })
    expect(await lines.stop()).toBe(0)
    expect(await json.stop()).toBe(0)
  })

  it('ends quietly when its reader has enough', async () => {
    const piped = startShell(`"${process.execPath}" "${MAIN}" events tail | head -n 1`, { NOVACAST_URL: service.url })
    const ended = new Promise((resolve) => piped.process.once('close', resolve))
    await repeatUntil(ended, () => run(['send', 'network-changed', SERVER]))
    expect(piped.all).toEqual([expect.stringMatching(/accepted/)])
  })
})

// Behind those that count what was sent.
describe('novacast send --idempotency-key', () => {
  it('delivers once what is sent again with its idempotency key, and the event says that it came again', async () => {
    const send = ['send', 'network-changed', SERVER, '--tag', 'sent-twice', '--idempotency-key', 'a "key"', '-f', 'json']
    const first = await run(send)
    expect(first.code).toBe(0)
    expect(await run(send)).toEqual(first)
    const list = ['events', 'list', '--tag', 'sent-twice', '-f', 'json', '-c', 'repeats', '-c', 'last_repeat_at']
    expect(JSON.parse((await run(list)).stdout)).toEqual([{ repeats: 1, last_repeat_at: expect.stringMatching(/^20.*Z$/) }])
  })
})

/** Does something again and again until the promise is settled: a stream only shows what happens after it stands. */
async function repeatUntil(done: Promise<unknown>, act: () => Promise<unknown>): Promise<void> {
  let isDone = false
  void done.finally(() => {
    isDone = true
  })
  while (!isDone) await Promise.race([done, act()])
  await done
}
