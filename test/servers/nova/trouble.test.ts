import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DatabaseTrouble } from '../../../src/database/trouble.ts'
import type { HostName, ServerId } from '../../../src/events/event.ts'
import type { NovaServers, NovaServersParts } from '../../../src/servers/nova/nova-servers.ts'
import { ServersUnavailable } from '../../../src/servers/servers.ts'
import { useStand } from '../../stand/use-stand.ts'
import { createStallingProxy, type StallingProxy } from '../../support/stalling-proxy.ts'
import { type Cloud, cellId, createCloud } from './cloud.ts'
import { hostsIn, locateOne, novaServers, seed } from './servers.ts'

const QUERY_MS = 4000
const CONNECT_MS = 5000
/** Far below both: nobody has waited for them. */
const AT_ONCE_MS = 2000

const stand = await useStand('mariadb', 'postgresql')

describe.skipIf(stand === null).each(['mysql', 'postgresql'] as const)("trouble with Nova's databases, on %s", (engine) => {
  let cloud: Cloud
  let proxy: StallingProxy
  let servers: NovaServers
  let good: ServerId
  let bad: ServerId

  const through = (url: string) => url.replace(/@[^/]*/, `@127.0.0.1:${proxy.port}`)
  const timed = async <T>(asked: Promise<T>) => {
    const start = performance.now()
    return { answer: await asked, ms: performance.now() - start }
  }

  beforeAll(async () => {
    if (stand === null) return
    const server = engine === 'mysql' ? stand.mariadb : stand.postgresql
    cloud = await createCloud(server, engine)
    proxy = await createStallingProxy(server)
    await cloud.run('api', `UPDATE cell_mappings SET database_connection = '${through(cloud.url('cell2'))}' WHERE name = 'cell2'`)
    good = await seed(cloud)
    bad = await seed(cloud, { cell: 'cell2' })
  })
  afterAll(async () => {
    await proxy?.close()
    await cloud?.close()
  })
  beforeEach(async () => {
    servers = novaServers(cloud, { queryTimeoutMs: QUERY_MS, connectTimeoutMs: CONNECT_MS })
    expect((await servers.locate([good, bad])).size).toBe(2)
  })
  afterEach(async () => {
    proxy.flow()
    await servers.close()
  })

  it('leaves the servers of a cell that is down unlocated, at once, and finds them when it is back', async () => {
    await proxy.down()
    const first = await timed(servers.locate([good, bad]))
    expect(first.answer.get(bad)).toMatchObject({ kind: 'unlocated', cell: cellId('cell2') })
    expect(first.answer.get(good)?.kind).toBe('located')
    const again = await timed(locateOne(servers, bad))
    expect(again.answer.kind).toBe('unlocated')
    expect(again.ms).toBeLessThan(AT_ONCE_MS)
    await proxy.up()
    await expect.poll(async () => hostsIn(await locateOne(servers, bad)), { timeout: 30_000 }).toBe('compute-1')
  })

  it('does not notice that connections are lost, where new ones can be had', async () => {
    const behind = novaServers({ ...cloud, apiUrl: through(cloud.apiUrl) })
    for (let round = 0; round < 5; round++) {
      await Promise.all([locateOne(behind, bad), behind.locate([good, bad])])
      const underWay = Array.from({ length: 20 }, () =>
        behind.locate([bad, `6a3c1f0e-0000-4000-8000-00000000000${round}` as ServerId]),
      )
      proxy.cut()
      const found = await Promise.all(underWay)
      expect(new Set(found.flatMap((each) => [...each.values()]).map(hostsIn))).toEqual(new Set(['unknown', 'compute-1']))
    }
    await behind.close()
  })

  it('keeps nobody waiting for a cell that is silent who has no server there, and those who have only once', async () => {
    proxy.stall()
    const waiting = timed(locateOne(servers, bad))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const other = await timed(locateOne(servers, good))
    expect(other.answer.kind).toBe('located')
    expect(other.ms).toBeLessThan(AT_ONCE_MS)
    const first = await waiting
    expect(first.answer).toMatchObject({ kind: 'unlocated', reason: expect.stringContaining(`${QUERY_MS} ms`) })
    const again = await timed(servers.locate([good, bad]))
    expect(again.answer.get(bad)?.kind).toBe('unlocated')
    expect(again.ms).toBeLessThan(AT_ONCE_MS)
    proxy.flow()
    await expect.poll(async () => hostsIn(await locateOne(servers, bad)), { timeout: 30_000 }).toBe('compute-1')
  })

  it('rejects actions for a cell that is down, and knows no versions there', async () => {
    await proxy.down()
    const action = { instanceUuid: bad, action: 'start', requestId: 'r', userId: null, projectId: null, startedAtUs: 0 } as const
    await expect(servers.recordActions(cellId('cell2'), [action], { unlessThere: true })).rejects.toThrow()
    expect(await servers.computeVersion(cellId('cell2'), 'compute-1' as HostName)).toBeNull()
    await proxy.up()
  })

  it('finds servers also where actions cannot be written', async () => {
    const user = /\/\/([^:]*):/.exec(cloud.apiUrl)?.[1]
    const name = engine === 'mysql' ? `'${user}'@'%'` : user
    await cloud.run('cell1', `REVOKE INSERT ON instance_actions FROM ${name}`)
    const action = { instanceUuid: good, action: 'start', requestId: 'r', userId: null, projectId: null, startedAtUs: 0 } as const
    for (let round = 0; round < 5; round++) {
      const written = servers.recordActions(cellId('cell1'), [action], { unlessThere: false })
      // It may be granted again: nothing that is for this row's sake.
      await expect(written).rejects.toSatisfy((error) => error instanceof DatabaseTrouble && error.kind === 'refused')
      expect(hostsIn(await locateOne(servers, good))).toBe('compute-1')
    }
    await cloud.run('cell1', `GRANT INSERT ON instance_actions TO ${name}`)
    await servers.recordActions(cellId('cell1'), [action], { unlessThere: false })
  })

  it('finds servers while many actions wait to be written', async () => {
    const patient = novaServers(cloud, { queryTimeoutMs: 60_000 })
    expect(hostsIn(await locateOne(patient, good))).toBe('compute-1')
    // An action refers to its server.
    const { letGo } = await cloud.hold('cell1', `SELECT uuid FROM instances WHERE uuid = '${good}' FOR UPDATE`)
    const written = Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => {
        const action = { instanceUuid: good, action: 'extend_volume', requestId: `r${index}`, userId: null } as const
        const all = [{ ...action, projectId: null, startedAtUs: 0 }]
        return patient.recordActions(cellId('cell1'), all, { unlessThere: false })
      }),
    )
    expect(hostsIn(await locateOne(patient, good))).toBe('compute-1')
    await letGo()
    expect(new Set((await written).map(({ status }) => status))).toEqual(new Set(['fulfilled']))
    await patient.close()
  })

  it('finds servers seen before while nova_api is down, and is unavailable for others', async () => {
    const behind = novaServers(
      { ...cloud, apiUrl: through(cloud.apiUrl) },
      { queryTimeoutMs: QUERY_MS, connectTimeoutMs: CONNECT_MS },
    )
    expect(hostsIn(await locateOne(behind, good))).toBe('compute-1')
    const stranger = '6a3c1f0e-0000-4000-8000-000000000001' as ServerId
    await proxy.down()
    expect(hostsIn(await locateOne(behind, good))).toBe('compute-1')
    await expect(locateOne(behind, stranger)).rejects.toBeInstanceOf(ServersUnavailable)
    const again = await timed(locateOne(behind, stranger).catch((error: unknown) => error))
    expect(again.answer).toBeInstanceOf(ServersUnavailable)
    expect(again.ms).toBeLessThan(AT_ONCE_MS)
    expect((await behind.all()).length).toBe(3)
    await proxy.up()
    await expect.poll(() => locateOne(behind, stranger).catch(() => null), { timeout: 30_000 }).toEqual({ kind: 'unknown' })
    await behind.close()
  })

  it('is reached with the options of connection_parameters, nova_api and the cells each with theirs', async () => {
    const reached = async (parts: Partial<NovaServersParts>) => {
      const asked = novaServers(cloud, parts)
      const lines = await asked.check()
      await asked.close()
      return lines.map(({ ok }) => ok)
    }
    // What the servers of the stand do not have.
    const tls = engine === 'mysql' ? 'ssl_mode=REQUIRED' : 'sslmode=require'
    expect(await reached({ apiDatabaseParameters: tls })).toEqual([false])
    expect(await reached({ databaseParameters: tls })).toEqual([true, false, false, false])
    const refused = { apiDatabaseParameters: 'ssl_capath=/x&sslmode=x' }
    expect(() => novaServers(cloud, refused)).toThrow('[api_database] connection with connection_parameters: expected ssl')
  })

  it('is told with the options that have no effect', async () => {
    const [apiDatabaseParameters, databaseParameters] = ['charset=utf8&write_timeout=5', 'charset=utf8&read_timeout=5']
    const asked = novaServers(cloud, { apiDatabaseParameters, databaseParameters })
    const [api, ...cells] = await asked.check()
    await asked.close()
    expect(api?.detail).toMatch(/; options without effect: write_timeout$/)
    for (const { detail } of cells) expect(detail).toMatch(/; options without effect: read_timeout$/)
  })

  it('is told line by line by check, with what is missing', async () => {
    const lines = await servers.check()
    expect(lines.map(({ name, ok }) => `${name}: ${ok}`)).toEqual([
      'nova_api: true',
      'database of cell0: true',
      'database of cell1: true',
      'database of cell2: true',
    ])
    expect(lines[0]?.detail).toContain('3 cells: cell0, cell1, cell2')
    await proxy.down()
    const down = (await servers.check()).at(-1)
    expect(down).toMatchObject({ name: 'database of cell2', ok: false, mend: expect.stringContaining('server') })
    await proxy.up()
    const user = /\/\/([^:]*):/.exec(cloud.apiUrl)?.[1]
    const revoke = (table: string, right: string) =>
      cloud.run('cell1', `REVOKE ${right} ON ${table} FROM ${engine === 'mysql' ? `'${user}'@'%'` : user}`)
    await revoke('instance_actions', 'INSERT')
    await revoke('migrations', 'SELECT')
    if (engine === 'postgresql') await cloud.run('cell1', `REVOKE USAGE ON SEQUENCE instance_actions_id_seq FROM ${user}`)
    const missing = (await servers.check()).find(({ name }) => name === 'database of cell1')
    expect(missing?.detail).toContain('SELECT on migrations, INSERT on instance_actions')
    if (engine === 'postgresql') expect(missing?.detail).toContain('USAGE on instance_actions_id_seq')
    expect(missing?.mend).toContain('docs/reference/nova-databases.md')
  })

  it('is told by check without any password where the URL or the login is wrong', async () => {
    const wrong = novaServers({ ...cloud, apiUrl: cloud.apiUrl.replace(':secret@', ':geheim@') })
    const [line] = await wrong.check()
    expect(line).toMatchObject({ name: 'nova_api', ok: false, mend: expect.stringContaining('password') })
    expect(JSON.stringify(line)).not.toContain('geheim')
    await expect(locateOne(wrong, good)).rejects.toThrow(ServersUnavailable)
    await wrong.close()
    expect(() => novaServers({ ...cloud, apiUrl: 'nova:geheim@host' })).toThrow(/^\[api_database\] connection: expected/)
  })
})
