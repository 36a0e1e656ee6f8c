import { spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createClient, type Delivery, staticToken } from '../../src/sdk/index.ts'
import { MAIN, startCommand } from '../cli/command.ts'
import { readLines, startShell } from '../cli/service.ts'
import { waitFor } from '../stand/wait.ts'
import { expectOrder, register, withClient } from './drain.ts'

const HOSTS = ['compute-1', 'compute-2'] as const
const SERVERS = Array.from({ length: 20 }, () => crypto.randomUUID())
/** Senders that keep their connection, that open a new one for each request, and that send only now and then. */
const KEEPING = 8
const FRESH = 4
const SLOW = 2
const RESTARTS = 2
/** Posts that are answered before each restart and after the last one. */
const POSTS = 100

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'novacast-restart-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Posts until stopped; what is not answered 200 is told. */
function startSenders(url: string) {
  const accepted = new Set<string>()
  const trouble: string[] = []
  let isOver = false
  const post = async (dispatcher: Agent, isFresh: boolean) => {
    const tag = crypto.randomUUID()
    const event = { server_uuid: SERVERS[accepted.size % SERVERS.length], name: 'network-vif-plugged', tag }
    try {
      const { statusCode, body } = await request(`${url}/v2.1/os-server-external-events`, {
        ...{ dispatcher, method: 'POST', reset: isFresh, body: JSON.stringify({ events: [event] }) },
        headers: { 'x-auth-token': 'admin:admin', 'content-type': 'application/json' },
      })
      const text = await body.text()
      if (statusCode === 200) accepted.add(tag)
      else trouble.push(`${statusCode} ${text}`)
    } catch (error) {
      trouble.push(String(error))
    }
  }
  const sender = async ({ isFresh = false, pauseMs = 15 }) => {
    // Each has its own: a pool would hand one's connection to the next.
    const agent = new Agent({ connections: 1, pipelining: 1, keepAliveTimeout: 60_000 })
    while (!isOver) {
      await post(agent, isFresh)
      await sleep(pauseMs)
    }
    await agent.close()
  }
  const all = Promise.all([
    ...Array.from({ length: KEEPING }, () => sender({})),
    ...Array.from({ length: FRESH }, () => sender({ isFresh: true })),
    ...Array.from({ length: SLOW }, () => sender({ pauseMs: 400 })),
  ])
  const stop = async () => {
    isOver = true
    await all
  }
  onTestFinished(stop)
  return { accepted, trouble, stop }
}

/** Stands in for a host's agent, as long as the test goes on: acknowledges what comes, and keeps it in the order in which it came. */
function startAgent(url: string, host: string): Delivery[] {
  const arrived: Delivery[] = []
  const client = createClient({ url, auth: staticToken('admin:admin') })
  const over = new AbortController()
  const follow = async () => {
    for await (const delivery of client.hosts.follow(host, { signal: over.signal })) {
      arrived.push(delivery)
      // What cannot be acknowledged comes again.
      void client.hosts.ack(host, [delivery.id]).catch(() => {})
    }
  }
  const following = follow()
  onTestFinished(async () => {
    over.abort()
    await following
    await client.close()
  })
  return arrived
}

/** Opens a connection that stays with the process that takes it, for as long as that likes. */
async function leaveIdleConnection(url: string): Promise<void> {
  const agent = new Agent({ connections: 1, keepAliveTimeout: 600_000 })
  onTestFinished(() => agent.destroy())
  const { body } = await request(`${url}/healthcheck`, { dispatcher: agent })
  await body.dump()
}

/** Restarts under load: every request is answered 200, and every event reaches its host, once or marked as a repeat, in order. */
async function testRestarts(url: string, restart: () => Promise<void>): Promise<void> {
  await withClient(url, (client) => register(client, SERVERS, HOSTS))
  const agents = HOSTS.map((host) => startAgent(url, host))
  const { accepted, trouble, stop } = startSenders(url)
  const more = async () => {
    const enough = accepted.size + POSTS
    await waitFor('more posts to be answered', () => accepted.size >= enough || trouble.length > 0 || null)
    expect(trouble).toEqual([])
  }
  await more()
  for (let i = 0; i < RESTARTS; i++) {
    await restart()
    await more()
  }
  await stop()
  expect(trouble).toEqual([])
  await waitFor('all events to arrive', () => new Set(agents.flat().map(({ tag }) => tag)).size >= accepted.size || null)
  const arrived = agents.flat()
  expect(new Set(arrived.map(({ tag }) => tag))).toEqual(accepted)
  const firsts = arrived.filter(({ attempt }) => attempt === 1)
  expect(firsts.length).toBe(new Set(firsts.map(({ id }) => id)).size)
  const last = new Map(arrived.map((delivery) => [delivery.id, delivery]))
  expectOrder([...new Map(arrived.map((delivery) => [delivery.id, last.get(delivery.id) ?? delivery])).values()], SERVERS)
  console.log(`${RESTARTS} restarts: ${accepted.size} posts, all answered 200; ${arrived.length - accepted.size} repeats`)
}

describe('a restart under load drops no request', () => {
  it('on SIGHUP: a new process takes over the socket and the journal', { timeout: 600_000 }, async () => {
    const novacast = readLines(startCommand(['serve', '--port', '0', '--data-dir', directory()]))
    onTestFinished(() => void novacast.process.kill('SIGKILL'))
    const [, url = ''] = /listens on (\S+)/.exec(await novacast.next(/listens on/)) ?? []
    const taken = () => novacast.all.filter((line) => line.includes('serves from now on')).length
    await testRestarts(url, async () => {
      const before = taken()
      novacast.process.kill('SIGHUP')
      await waitFor('a new process', () => taken() > before || null, 200_000)
      await leaveIdleConnection(url)
    })
    // Also ends those that have left and are kept by such a connection.
    expect(await novacast.stop(), novacast.all.join('\n')).toBe(0)
  })

  it('on SIGTERM: the socket is kept by systemd, and given to the process that it starts next', {
    timeout: 600_000,
  }, async () => {
    const holder = join(import.meta.dirname, '../support/socket_activation.py')
    const command = [process.execPath, MAIN, 'serve', '--data-dir', directory()]
    const systemd = readLines(spawn('python3', [holder, ...command]))
    onTestFinished(() => void systemd.process.kill('SIGTERM'))
    const url = `http://127.0.0.1:${(await systemd.next(/^port/)).split(' ')[1]}`
    const told = (word: string) =>
      systemd.all.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.split(' ')[1]))
    const lives = () => systemd.all.filter((line) => line.includes('listens on')).length
    await waitFor('novacast to listen', () => lives() > 0 || null, 200_000)
    await testRestarts(url, async () => {
      const before = lives()
      process.kill(told('pid').at(-1) ?? 0, 'SIGTERM')
      await waitFor('the next life', () => lives() > before || null, 200_000)
    })
    expect(await systemd.stop(), systemd.all.join('\n')).toBe(0)
    expect(told('exit')).toEqual(Array.from({ length: RESTARTS + 1 }, () => 0))
  })
})

describe('a successor that cannot start', () => {
  it('leaves all as it was', { timeout: 600_000 }, async () => {
    const dataDir = directory()
    const novacast = readLines(startCommand(['serve', '--port', '0', '--data-dir', dataDir, '--config-dir', dataDir]))
    onTestFinished(() => void novacast.process.kill('SIGKILL'))
    const [, url = ''] = /listens on (\S+)/.exec(await novacast.next(/listens on/)) ?? []
    await withClient(url, async (client) => {
      await register(client, SERVERS, HOSTS)
      writeFileSync(join(dataDir, 'bad.conf'), '[novacast]\nnonsense = 1\n')
      novacast.process.kill('SIGHUP')
      await novacast.next(/this one goes on/)
      expect(novacast.all.join('\n')).toContain('bad.conf:2')
      expect((await client.sendEvents([{ server_uuid: SERVERS[0] ?? '', name: 'network-changed' }]))[0]?.code).toBe(200)
    })
    expect(await novacast.stop(), novacast.all.join('\n')).toBe(0)
  })

  it('because its program is gone, neither: who ends the service then is not kept waiting for it', {
    timeout: 600_000,
  }, async () => {
    const dataDir = directory()
    const program = join(dataDir, 'node')
    copyFileSync(process.execPath, program)
    const novacast = startShell(`exec '${program}' '${MAIN}' serve --port 0 --data-dir '${dataDir}'`)
    onTestFinished(() => void novacast.process.kill('SIGKILL'))
    await novacast.next(/listens on/)
    rmSync(program)
    novacast.process.kill('SIGHUP')
    expect(await novacast.next(/this one goes on/)).toContain('ENOENT')
    expect(await novacast.stop(), novacast.all.join('\n')).toBe(0)
  })
})
