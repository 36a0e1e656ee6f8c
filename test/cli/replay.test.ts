import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Client, createClient, staticToken } from '../../src/sdk/index.ts'
import { startDoomed } from '../durability/novacast-to-kill.ts'
import { collect, freePort } from '../sdk/peer.ts'
import { runCommand, startCommand } from './command.ts'
import { readLines, type Service, startService } from './service.ts'

let service: Service
let client: Client
beforeAll(async () => {
  service = await startService()
  client = createClient({ url: service.url, auth: staticToken('admin:admin') })
})
afterAll(async () => {
  await client.close()
  await service.stop()
})

const run = (...args: readonly string[]) =>
  runCommand(['events', 'replay', ...args], { environment: { NOVACAST_URL: service.url } })

/** Events for three new servers in turn, which the host has acknowledged: their ids, and the servers. */
async function acknowledged(to: Client, host: string, count: number) {
  const servers = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()] as const
  for (const server of servers) await to.servers.put(server, { host })
  for (let i = 0; i < count; i += 500) {
    const some = Array.from({ length: Math.min(500, count - i) }, (_, j) => i + j)
    await to.sendEvents(
      some.map((n) => ({ name: 'network-changed', server_uuid: servers[n % 3] as string, tag: `${host}-${n}` })),
    )
  }
  const ids = (await collect(to.events.search({ host, order: 'oldest' }))).map(({ id }) => id)
  for (let i = 0; i < ids.length; i += 1000) await to.hosts.ack(host, ids.slice(i, i + 1000))
  return { ids, servers }
}

describe('novacast events replay', { timeout: 300_000 }, () => {
  it('shows what would be replayed and then replays the same, to where the servers are now', async () => {
    const { ids, servers } = await acknowledged(client, 'old-home', 7)
    for (const server of servers.slice(0, 2)) await client.servers.put(server, { host: 'new-home' })
    await client.servers.put(servers[2], { host: null })
    const about = ['--host', 'old-home', '--state', 'acknowledged']
    const dry = await run(...about, '--dry-run')
    expect(dry).toMatchObject({
      code: 0,
      stderr: '5 would be replayed, 2 left out: 2 because its server is on no host\n',
    })
    const [first, , third] = dry.stdout.split('\n')
    expect(first).toMatch(
      new RegExp(`^\\S+Z  ${ids[0]} network-changed of server ${servers[0]} tag old-home-0: would be replayed to new-home$`),
    )
    expect(third).toMatch(/: left out, its server is on no host$/)
    expect((await collect(client.events.search({ host: 'new-home' }))).length).toBe(0)

    const real = await run(...about, '-f', 'json')
    const told = real.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(told.map(({ id }) => id)).toEqual(ids)
    const [, runId = ''] = /^what becomes of them: novacast events list --request-id (req-\S{36})$/m.exec(real.stderr) ?? []
    expect(real).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^5 replayed, 2 left out: 2 because its server is on no host\n/),
    })
    const replays = await collect(client.events.search({ request_id: runId, order: 'oldest' }))
    expect(replays.map(({ replay_of, deliveries: [delivery] }) => [replay_of, delivery?.host, delivery?.state])).toEqual(
      ids.filter((_, i) => i % 3 !== 2).map((id) => [id, 'new-home', 'pending']),
    )
    const shown = await runCommand(['events', 'show', String(ids[0])], { environment: { NOVACAST_URL: service.url } })
    expect(shown.stdout).toContain(`${replays[0]?.id} at `)
    // The same command goes on with the run, which has nothing left to do.
    expect(await run(...about, '--run', runId)).toMatchObject({ code: 0, stderr: expect.stringContaining('5 replayed') })
    expect((await collect(client.events.search({ request_id: runId }))).length).toBe(5)
  })

  it('replays those that are named, and fails where one is left out or not there', async () => {
    const { ids } = await acknowledged(client, 'named', 2)
    const first = await run(String(ids[1]), String(ids[0]))
    expect(first).toMatchObject({ code: 0, stderr: expect.stringMatching(/^2 replayed, 0 left out\n/) })
    const [, replay = ''] = /replayed as (\S{36}) to named$/m.exec(first.stdout) ?? []
    expect(await run(replay)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/: left out, its delivery to named is pending\n$/),
      stderr: '0 replayed, 1 left out: 1 because its delivery to named is pending\n',
    })
    expect(await run(crypto.randomUUID())).toMatchObject({ code: 1, stderr: expect.stringContaining('404 itemNotFound') })
  })

  it('is called wrongly without anything to look for, with both ways to, and with nonsense', async () => {
    const both = 'novacast: give either ids of events or filters, such as --host compute-1 --state expired\n'
    expect(await run()).toMatchObject({ code: 2, stderr: both })
    expect(await run(crypto.randomUUID(), '--host', 'h')).toMatchObject({ code: 2, stderr: both })
    expect(await run('--state', 'lost')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('body state: expected one of pending'),
    })
    expect(await run('--run', 'x', '--host', 'h')).toMatchObject({ code: 1, stderr: expect.stringContaining('the id of a run') })
  })

  it('draws a bar where standard error is a terminal', async () => {
    await acknowledged(client, 'watched', 20)
    const command = `'${process.execPath}' src/cli/main.ts events replay --host watched > /dev/null`
    const environment = { PATH: process.env['PATH'], NOVACAST_URL: service.url }
    const lines = readLines(
      spawn('script', ['-qec', command, '/dev/null'], { env: environment, cwd: join(import.meta.dirname, '../..') }),
    )
    await lines.next(/█+.* 100% \| 20 replayed, 0 left out/)
    await lines.next(/^20 replayed, 0 left out\s*$/)
  })

  it('survives kill -9 of the service in the middle: all is replayed, nothing twice', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'novacast-replay-'))
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
    const flags = ['--port', String(await freePort())]
    const doomed = await startDoomed(dataDir, { flags })
    onTestFinished(() => doomed.kill())
    const before = createClient({ url: doomed.url, auth: staticToken('admin:admin') })
    onTestFinished(() => before.close())
    const { ids } = await acknowledged(before, 'doomed', 1200)
    const replaying = readLines(
      startCommand(['events', 'replay', '--host', 'doomed'], { environment: { NOVACAST_URL: doomed.url } }),
    )
    const ended = new Promise((resolve) => replaying.process.once('close', resolve))
    await replaying.next(/replayed as/)
    await doomed.kill()
    const again = await startDoomed(dataDir, { flags })
    onTestFinished(() => again.kill())
    expect(await ended).toBe(0)
    expect(await replaying.next(/^\d+ replayed/)).toBe('1200 replayed, 0 left out')
    const replays = (await collect(before.events.search({ order: 'oldest' }))).filter(({ replay_of }) => replay_of !== null)
    expect(replays.map(({ replay_of }) => replay_of)).toEqual(ids)
  })
})
