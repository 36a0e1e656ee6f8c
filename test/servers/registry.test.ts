import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HostName, ServerId, Whereabouts } from '../../src/events/event.ts'
import { createRegistry, type Registry, type ServerEntry } from '../../src/servers/registry/registry.ts'
import { ServersUnavailable } from '../../src/servers/servers.ts'
import { decided, hostName, newServerId, openJournal, submission, temporaryDirectory } from '../journal/journal-file.ts'

const entry = (uuid: ServerId, host: string | null, movingTo: string | null = null): ServerEntry => ({
  uuid,
  host: host === null ? null : hostName(host),
  movingTo: movingTo === null ? null : hostName(movingTo),
  projectId: null,
  name: null,
})

async function whereIs(registry: Registry, uuid: ServerId): Promise<Whereabouts | undefined> {
  return (await registry.locate([uuid])).get(uuid)
}

const at = (...hosts: readonly string[]) => ({
  kind: 'located',
  destinations: hosts.map((host) => ({ host, cell: null })),
  instance: null,
})

describe('locate', () => {
  it('tells unknown, unassigned, one host, and both of a server that moves, source first', async () => {
    const registry = createRegistry((await openJournal()).servers)
    const [placed, nowhere, moving, home, bound] = Array.from({ length: 5 }, newServerId) as [
      ServerId,
      ServerId,
      ServerId,
      ServerId,
      ServerId,
    ]
    await registry.importServers([
      entry(placed, 'z'),
      entry(nowhere, null),
      entry(moving, 'z', 'a'),
      entry(home, 'z', 'z'),
      entry(bound, null, 'a'),
    ])
    const unknown = newServerId()
    const found = await registry.locate([placed, nowhere, moving, home, bound, unknown, placed])
    expect(Object.fromEntries(found)).toEqual({
      [placed]: at('z'),
      [nowhere]: { kind: 'unassigned' },
      [moving]: at('z', 'a'),
      [home]: at('z'),
      [bound]: { kind: 'unassigned' },
      [unknown]: { kind: 'unknown' },
    })
  })

  it('matches byte by byte', async () => {
    const registry = createRegistry((await openJournal()).servers)
    const uuid = 'abcdef01-2345-4678-8abc-def012345678' as ServerId
    await registry.put(entry(uuid, 'a'))
    for (const other of [uuid.toUpperCase(), uuid.replaceAll('-', ''), `${uuid} `, '', "' OR 1"]) {
      expect(await whereIs(registry, other as ServerId)).toEqual({ kind: 'unknown' })
    }
    expect(await whereIs(registry, uuid)).toEqual(at('a'))
  })

  it('answers many calls of a moment at once, each with all that it asked for', async () => {
    const registry = createRegistry((await openJournal()).servers)
    const uuids = Array.from({ length: 300 }, newServerId)
    await registry.importServers(uuids.map((uuid, i) => entry(uuid, `h${i}`)))
    const answers = await Promise.all(uuids.map((uuid, i) => registry.locate(uuids.slice(i, i + 20).concat(uuid))))
    for (const [i, answer] of answers.entries()) {
      for (const [j, uuid] of uuids.slice(i, i + 20).entries()) expect(answer.get(uuid)).toEqual(at(`h${i + j}`))
    }
  })
})

describe('the registry', () => {
  it('does what a map does, and keeps it in the file', async () => {
    const file = join(temporaryDirectory(), 'novacast.db')
    let store = await openJournal(file)
    let registry = createRegistry(store.servers)
    const model = new Map<ServerId, ServerEntry>()
    const uuids = Array.from({ length: 12 }, newServerId)
    const hosts = fc.option(fc.constantFrom('a', 'b', 'Compute.example'))
    const text = fc.option(fc.string({ unit: 'grapheme', maxLength: 20 }))
    const entries = fc
      .tuple(fc.constantFrom(...uuids), hosts, hosts, text, text)
      .map(([uuid, host, movingTo, projectId, name]) => ({ ...entry(uuid, host, movingTo), projectId, name }))
    const actions = fc.oneof(
      entries.map((made) => ({ kind: 'put' as const, made })),
      fc.array(entries, { maxLength: 5 }).map((made) => ({ kind: 'import' as const, made })),
      fc.constantFrom(...uuids).map((uuid) => ({ kind: 'remove' as const, uuid })),
      fc.constant({ kind: 'reopen' as const }),
    )
    await fc.assert(
      fc.asyncProperty(actions, async (action) => {
        // Remembered before the write, so that what is stale would show.
        await registry.locate(uuids)
        switch (action.kind) {
          case 'put': {
            const { created, server } = await registry.put(action.made)
            expect(created).toBe(!model.has(action.made.uuid))
            expect(await registry.get(action.made.uuid)).toEqual(server)
            model.set(action.made.uuid, action.made)
            break
          }
          case 'import':
            expect(await registry.importServers(action.made)).toBe(action.made.length)
            for (const made of action.made) model.set(made.uuid, made)
            break
          case 'remove':
            expect(await registry.remove(action.uuid)).toBe(model.delete(action.uuid))
            break
          case 'reopen':
            await store.close()
            store = await openJournal(file)
            registry = createRegistry(store.servers)
        }
        await expectSame(registry, model, uuids)
      }),
      { numRuns: 150, endOnFailure: true },
    )
  })

  it('lists by uuid, page by page, all or those of a host', async () => {
    const registry = createRegistry((await openJournal()).servers)
    const uuids = Array.from({ length: 25_000 }, newServerId).sort()
    await registry.importServers(
      uuids.map((uuid, i) => entry(uuid, i % 1000 === 0 ? 'rare' : 'h', i % 5000 === 7 ? 'rare' : null)),
    )
    const list = async (host: HostName | undefined, limit: number) => {
      const found: ServerId[] = []
      for (;;) {
        const after = found.at(-1)
        const page = await registry.list({ limit, ...(host && { host }), ...(after && { after }) })
        found.push(...page.map(({ uuid }) => uuid))
        if (page.length < limit) return found
      }
    }
    expect(await list(undefined, 1000)).toEqual(uuids)
    expect(await list(hostName('rare'), 7)).toEqual(uuids.filter((_, i) => i % 1000 === 0 || i % 5000 === 7))
    expect(await list(hostName('nobody'), 10)).toEqual([])
  })

  it('says so when the file is closed', async () => {
    const store = await openJournal()
    const registry = createRegistry(store.servers)
    const uuid = newServerId()
    await registry.put(entry(uuid, 'a'))
    await store.close()
    await expect(registry.put(entry(uuid, 'b'))).rejects.toThrow(ServersUnavailable)
    await expect(registry.locate([uuid])).rejects.toThrow(ServersUnavailable)
    await expect(registry.get(uuid)).rejects.toThrow(ServersUnavailable)
    await expect(registry.list({ limit: 1 })).rejects.toThrow(ServersUnavailable)
  })
})

async function expectSame(
  registry: Registry,
  model: ReadonlyMap<ServerId, ServerEntry>,
  uuids: readonly ServerId[],
): Promise<void> {
  const listed = (await registry.list({ limit: 100 })).map(({ updatedAtUs: _, ...rest }) => rest)
  expect(listed).toEqual([...model.values()].sort((a, b) => (a.uuid < b.uuid ? -1 : 1)))
  const found = await registry.locate(uuids)
  for (const uuid of uuids) {
    const known = model.get(uuid)
    if (known === undefined) expect(found.get(uuid)).toEqual({ kind: 'unknown' })
    else if (known.host === null) expect(found.get(uuid)).toEqual({ kind: 'unassigned' })
    else expect(found.get(uuid)).toEqual(at(...new Set([known.host, known.movingTo ?? known.host])))
  }
}

describe('importServers', () => {
  it('takes 200,000 servers in bounded memory while events are committed in between', async () => {
    const store = await openJournal()
    const registry = createRegistry(store.servers)
    const total = 200_000
    let before = 0
    let most = 0
    async function* entries() {
      for (let i = 0; i < total; i++) {
        if (i === 20_000) before = process.memoryUsage().rss
        if (i % 10_000 === 0) most = Math.max(most, process.memoryUsage().rss)
        yield { ...entry(newServerId(), `compute-${i % 100}`), projectId: 'p'.repeat(32), name: `server ${i}` }
      }
    }
    let importing = true
    const imported = registry.importServers(entries()).finally(() => {
      importing = false
    })
    const waits: number[] = []
    while (importing) {
      const start = performance.now()
      await store.commit(submission([decided(['a'])]))
      waits.push(performance.now() - start)
    }
    expect(await imported).toBe(total)
    expect(waits.length).toBeGreaterThan(total / 250 / 4)
    expect(waits.sort((a, b) => a - b)[Math.floor(waits.length / 2)]).toBeLessThan(100)
    expect(await store.search({ limit: 1_000_000 })).toHaveLength(waits.length)
    expect((most - before) / 2 ** 20).toBeLessThan(100)
  })
})
