import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { HostName, ServerId } from '../../../src/events/event.ts'
import type { NovaServers } from '../../../src/servers/nova/nova-servers.ts'
import { useStand } from '../../stand/use-stand.ts'
import { type Cloud, cellId, createCloud, type Row } from './cloud.ts'
import { hostsIn, locateOne, map, migrationContext, novaServers, seed } from './servers.ts'

const stand = await useStand('mariadb', 'postgresql')

describe.skipIf(stand === null).each(['mysql', 'postgresql'] as const)("servers in Nova's databases, on %s", (engine) => {
  let cloud: Cloud
  let servers: NovaServers

  beforeAll(async () => {
    if (stand === null) return
    cloud = await createCloud(engine === 'mysql' ? stand.mariadb : stand.postgresql, engine)
    servers = novaServers(cloud)
  })
  afterAll(async () => {
    await servers?.close()
    await cloud?.close()
  })
  beforeEach(() => cloud.clear())

  it('are on their host, in whichever cell they are', async () => {
    const [first, second] = [await seed(cloud), await seed(cloud, { cell: 'cell2', row: { host: 'compute-9.example.org' } })]
    const located = await servers.locate([first, second])
    expect(located.get(first)).toMatchObject({ kind: 'located', destinations: [{ host: 'compute-1', cell: cellId('cell1') }] })
    expect(located.get(second)).toMatchObject({
      kind: 'located',
      destinations: [{ host: 'compute-9.example.org', cell: cellId('cell2') }],
      instance: { uuid: second, cell: cellId('cell2'), isMovingAcrossCells: false },
    })
  })

  it('are unknown in any other spelling, though the database might find them', async () => {
    const id = await seed(cloud)
    const others = [id.toUpperCase(), id.replaceAll('-', ''), `{${id}}`, `${id} `, 'x', '', "' OR 1=1 --"] as ServerId[]
    const located = await servers.locate([...others, id])
    expect(others.map((each) => located.get(each)?.kind)).toEqual(others.map(() => 'unknown'))
    expect(located.get(id)?.kind).toBe('located')
  })

  it('are unknown where the mapping or the row is missing, and unassigned where cell or host is', async () => {
    expect(hostsIn(await locateOne(servers, randomUUID() as ServerId))).toBe('unknown')
    const archived = randomUUID() as ServerId
    await map(cloud, archived, 'cell1')
    expect(hostsIn(await locateOne(servers, archived))).toBe('unknown')
    expect(hostsIn(await locateOne(servers, await seed(cloud, { mappedTo: null })))).toBe('unassigned')
    expect(hostsIn(await locateOne(servers, await seed(cloud, { cell: 'cell0', row: { host: null } })))).toBe('unassigned')
    expect(hostsIn(await locateOne(servers, await seed(cloud, { row: { host: '' } })))).toBe('unassigned')
    expect(hostsIn(await locateOne(servers, await seed(cloud, { row: { hidden: 1 } })))).toBe('unknown')
    expect(hostsIn(await locateOne(servers, await seed(cloud, { row: { hidden: null } })))).toBe('compute-1')
  })

  it('get their events on both hosts while they move, the source first, each host once', async () => {
    const move = async (row: Row, host = 'compute-1') => {
      const uuid = randomUUID() as ServerId
      const id = Math.floor(Math.random() * 1e9)
      await seed(cloud, { row: { uuid, host }, migrationContext: migrationContext(id) })
      await cloud.insert('cell1', 'migrations', [{ id, instance_uuid: uuid, deleted: 0, ...row }])
      return hostsIn(await locateOne(servers, uuid))
    }
    expect(await move({ source_compute: 'compute-1', dest_compute: 'compute-2' })).toBe('compute-1 compute-2')
    expect(await move({ source_compute: 'compute-1', dest_compute: 'compute-2' }, 'compute-2')).toBe('compute-1 compute-2')
    expect(await move({ source_compute: 'compute-1', dest_compute: 'compute-1' })).toBe('compute-1')
    expect(await move({ source_compute: 'compute-1', dest_compute: null })).toBe('compute-1')
    expect(await move({ source_compute: null, dest_compute: null })).toBe('compute-1')
    expect(await move({ source_compute: 'compute-1', dest_compute: 'compute-2', deleted: 3 })).toBe('compute-1 compute-2')
    expect(hostsIn(await locateOne(servers, await seed(cloud, { migrationContext: migrationContext(1) })))).toBe('compute-1')
    for (const text of ['', 'null', '[]', '{"nova_object.data": 1}', '{'])
      expect(hostsIn(await locateOne(servers, await seed(cloud, { migrationContext: text })))).toBe('compute-1')
  })

  it('that move across cells reach each host by its own cell, and the known host where a host is not mapped', async () => {
    const id = Math.floor(Math.random() * 1e9)
    const uuid = await seed(cloud, { migrationContext: migrationContext(id) })
    await cloud.insert('cell1', 'migrations', [
      { id, instance_uuid: uuid, source_compute: 'compute-1', dest_compute: 'compute-2', cross_cell_move: 1, deleted: 0 },
    ])
    expect(await locateOne(servers, uuid)).toMatchObject({ destinations: [{ host: 'compute-1', cell: cellId('cell1') }] })
    await cloud.insert('api', 'host_mappings', [
      { host: 'compute-1', cell_id: 2 },
      { host: 'compute-2', cell_id: 3 },
    ])
    expect(await locateOne(servers, uuid)).toMatchObject({
      destinations: [
        { host: 'compute-1', cell: cellId('cell1') },
        { host: 'compute-2', cell: cellId('cell2') },
      ],
      instance: { isMovingAcrossCells: true },
    })
  })

  it('are found again when they have moved to another cell, though their cell was remembered', async () => {
    const uuid = await seed(cloud)
    expect(await locateOne(servers, uuid)).toMatchObject({ destinations: [{ cell: cellId('cell1') }] })
    // As Nova ends a resize across cells: the row in the old cell is hidden, the mapping leads to the new one.
    await cloud.run('cell1', engine === 'mysql' ? 'UPDATE instances SET hidden = 1' : 'UPDATE instances SET hidden = true')
    await seed(cloud, { cell: 'cell2', row: { uuid, host: 'compute-5' } })
    expect(await locateOne(servers, uuid)).toMatchObject({ destinations: [{ host: 'compute-5', cell: cellId('cell2') }] })
    await cloud.clear()
    expect(hostsIn(await locateOne(servers, uuid))).toBe('unknown')
  })

  it('are found again when their cell was replaced by another, though it was remembered', async () => {
    const fresh = novaServers(cloud)
    const cell = (id: number, uuid: string) => ({
      ...{ id, uuid, name: `cell${id}`, disabled: 0 },
      ...{ transport_url: 'rabbit://elsewhere/', database_connection: cloud.url('cell2') },
    })
    const [before, after] = ['00000000-0000-0000-0000-0000000000c6', '00000000-0000-0000-0000-0000000000c7']
    await cloud.insert('api', 'cell_mappings', [cell(6, before)])
    const [kept, unmapped] = [await seed(cloud, { cell: 'cell2' }), await seed(cloud, { cell: 'cell2' })]
    await cloud.run('api', 'UPDATE instance_mappings SET cell_id = 6')
    const seen = await fresh.locate([kept, unmapped])
    expect([kept, unmapped].map((id) => seen.get(id))).toMatchObject(Array(2).fill({ destinations: [{ cell: before }] }))
    // As nova-manage does: delete_cell --force, create_cell, map_instances.
    await cloud.run('api', 'DELETE FROM instance_mappings')
    await cloud.run('api', 'DELETE FROM cell_mappings WHERE id = 6')
    await cloud.insert('api', 'cell_mappings', [cell(7, after)])
    await map(cloud, kept, 'cell2')
    await cloud.run('api', 'UPDATE instance_mappings SET cell_id = 7')
    await expect
      .poll(() => locateOne(fresh, kept), { timeout: 20_000 })
      .toMatchObject({ destinations: [{ host: 'compute-1', cell: after }] })
    expect((await locateOne(fresh, unmapped)).kind).toBe('unknown')
    await fresh.close()
    await cloud.clear()
    await cloud.run('api', 'DELETE FROM cell_mappings WHERE id = 7')
  })

  it('have what Nova could not load left out, rather than failing the request', async () => {
    const id = await seed(cloud)
    const networkOf = async (text: string) => {
      await cloud.run('cell1', `UPDATE instance_info_caches SET network_info = '${text}'`)
      const found = await locateOne(servers, id)
      const cache = found.kind === 'located' ? found.instance?.data['info_cache'] : null
      return cache && typeof cache === 'object' && 'nova_object.data' in cache ? cache['nova_object.data'] : null
    }
    expect(await networkOf('')).toMatchObject({ network_info: null })
    expect(await networkOf('null')).toMatchObject({ network_info: null })
    expect(await networkOf('[{"id": ')).toMatchObject({ network_info: null })
    expect(await networkOf('{}')).toMatchObject({ network_info: '[]' })
    expect(await networkOf('[{"id": "é😀"}]'.replace('😀', ''))).toMatchObject({ network_info: '[{"id": "é"}]' })
  })

  it('of many requests in flight are all found, thousands at a time', async () => {
    const real = await Promise.all(Array.from({ length: 20 }, (_, index) => seed(cloud, { row: { host: `compute-${index}` } })))
    const strangers = Array.from({ length: 2500 }, () => randomUUID() as ServerId)
    const located = await servers.locate([...strangers, ...real])
    expect(located.size).toBe(2520)
    expect(real.map((id) => hostsIn(located.get(id) ?? { kind: 'unknown' }))).toEqual(real.map((_, index) => `compute-${index}`))
    const singly = await Promise.all(Array.from({ length: 500 }, (_, index) => locateOne(servers, real[index % 20] as ServerId)))
    expect(singly.map(hostsIn)).toEqual(singly.map((_, index) => `compute-${index % 20}`))
  })

  it('tell the version of nova-compute on a host', async () => {
    const service = { report_count: 0, deleted: 0, binary: 'nova-compute' }
    await cloud.insert('cell2', 'services', [
      { ...service, host: 'compute-1', topic: 'compute', version: 71 },
      { ...service, host: 'compute-2', topic: 'compute', version: 64, deleted: 2 },
      { ...service, host: 'compute-3', topic: 'conductor', version: 64, binary: 'nova-conductor' },
    ])
    const fresh = novaServers(cloud)
    const version = (host: string) => fresh.computeVersion(cellId('cell2'), host as HostName)
    expect([await version('compute-1'), await version('compute-2'), await version('compute-3')]).toEqual([71, null, null])
    await fresh.close()
  })

  it('get rows in instance_actions as nova-api writes them, and not twice where they are there', async () => {
    const id = await seed(cloud)
    const action = {
      instanceUuid: id,
      action: 'extend_volume',
      requestId: 'req-1',
      userId: 'u',
      projectId: 'p',
      startedAtUs: 1_795_000_000_250_000,
    } as const
    await servers.recordActions(cellId('cell1'), [action, action], { unlessThere: false })
    await servers.recordActions(cellId('cell1'), [action, { ...action, requestId: 'req-2', userId: null }], { unlessThere: true })
    const rows = await cloud.run('cell1', 'SELECT * FROM instance_actions ORDER BY id')
    expect(rows).toMatchObject([{ request_id: 'req-1' }, { request_id: 'req-1' }, { request_id: 'req-2', user_id: null }])
    expect(rows[0]).toMatchObject({ action: 'extend_volume', instance_uuid: id, user_id: 'u', project_id: 'p', deleted: 0 })
    expect(rows[0]).toMatchObject({ finish_time: null, message: null, deleted_at: null })
    expect(rows[0]?.['start_time']).toMatch(/^2026-11-18 11:06:40/)
    expect(rows[0]?.['updated_at']).toEqual(rows[0]?.['start_time'])
  })

  it('get rows in instance_actions for each server and each action of a request, also where those of others are there', async () => {
    const [one, other] = [await seed(cloud), await seed(cloud)]
    const about = { requestId: 'req-1', userId: 'u', projectId: 'p', startedAtUs: 0 }
    const there = { ...about, instanceUuid: one, action: 'stop' } as const
    const missing = [
      { ...there, instanceUuid: other },
      { ...there, action: 'extend_volume' },
    ] as const
    await servers.recordActions(cellId('cell1'), [there], { unlessThere: true })
    await servers.recordActions(cellId('cell1'), [there, ...missing], { unlessThere: true })
    const rows = await cloud.run('cell1', 'SELECT instance_uuid, action FROM instance_actions ORDER BY id')
    expect(rows.map((row) => [row['instance_uuid'], row['action']])).toEqual(
      [there, ...missing].map(({ instanceUuid, action }) => [instanceUuid, action]),
    )
  })

  it('are in cells that come, change and go while novacast runs', async () => {
    expect((await servers.all()).map(({ name }) => name)).toEqual(['cell0', 'cell1', 'cell2'])
    expect(await servers.cell(cellId('cell1'))).toMatchObject({
      name: 'cell1',
      transportUrl: 'rabbit://nobody@cell1/',
      isDisabled: false,
    })
    const added = '00000000-0000-0000-0000-0000000000aa'
    await cloud.insert('api', 'cell_mappings', [
      {
        id: 9,
        uuid: added,
        name: 'cell9',
        transport_url: 'rabbit://cell9/',
        database_connection: cloud.url('cell2'),
        disabled: 1,
      },
    ])
    expect(await servers.cell(added as never)).toMatchObject({ name: 'cell9', isDisabled: true })
    const uuid = await seed(cloud, { cell: 'cell2', mappedTo: null })
    await cloud.run('api', `UPDATE instance_mappings SET cell_id = 9 WHERE instance_uuid = '${uuid}'`)
    expect(await locateOne(servers, uuid)).toMatchObject({ destinations: [{ cell: added }] })
    await cloud.run('api', "UPDATE cell_mappings SET transport_url = 'rabbit://elsewhere/' WHERE id = 9")
    await expect
      .poll(async () => (await servers.cell(added as never))?.transportUrl, { timeout: 15_000 })
      .toBe('rabbit://elsewhere/')
    // Its database is another one now, in which the server is on another host.
    await seed(cloud, { row: { uuid, host: 'compute-7' }, mappedTo: null })
    await cloud.run('api', `UPDATE instance_mappings SET cell_id = 9 WHERE instance_uuid = '${uuid}'`)
    await cloud.run('api', `UPDATE cell_mappings SET database_connection = '${cloud.url('cell1')}' WHERE id = 9`)
    await expect
      .poll(() => locateOne(servers, uuid), { timeout: 15_000 })
      .toMatchObject({ destinations: [{ host: 'compute-7', cell: added }] })
    await cloud.clear()
    await cloud.run('api', 'DELETE FROM cell_mappings WHERE id = 9')
    await expect.poll(() => servers.all(), { timeout: 15_000 }).toHaveLength(3)
  })

  it('are in cells whose URLs are templates of the local ones', async () => {
    const local = cloud.url('cell2')
    const [, credentials, host] = /\/\/([^@]*)@([^/]*)/.exec(local) ?? []
    const database = local.split('/').at(-1)
    const added = '00000000-0000-0000-0000-0000000000bb'
    await cloud.insert('api', 'cell_mappings', [
      {
        ...{ id: 8, uuid: added, name: 'cell8', disabled: 0 },
        transport_url: 'rabbit://{username}:{password}@cell8:{port}/{path}',
        database_connection: '{scheme}://{username}:{password}@{hostname}:{port}/{path}',
      },
    ])
    expect([credentials, host, database]).not.toContain(undefined)
    const templated = novaServers(cloud, { database: local, transportUrl: 'rabbit://openstack:secret@broker:5673/vhost' })
    const uuid = await seed(cloud, { cell: 'cell2', mappedTo: null })
    await cloud.run('api', `UPDATE instance_mappings SET cell_id = 8 WHERE instance_uuid = '${uuid}'`)
    expect(await locateOne(templated, uuid)).toMatchObject({ destinations: [{ host: 'compute-1', cell: added }] })
    expect((await templated.cell(added as never))?.transportUrl).toBe('rabbit://openstack:secret@cell8:5673/vhost')
    await templated.close()
    const raw = novaServers(cloud, { database: null })
    expect(await locateOne(raw, uuid)).toMatchObject({ kind: 'unlocated', reason: expect.stringContaining('cell8') })
    await raw.close()
    // A single brace makes it no template: it is used as it is, here with an option that means nothing.
    const braced = `${cloud.url('cell2')}?charset={`
    await cloud.run('api', `UPDATE cell_mappings SET database_connection = '${braced}' WHERE id = 8`)
    const literal = novaServers(cloud, { database: local })
    expect(await locateOne(literal, uuid)).toMatchObject({ destinations: [{ host: 'compute-1', cell: added }] })
    expect((await literal.check()).find(({ name }) => name === 'database of cell8')).toMatchObject({
      ...{ ok: true, detail: expect.stringContaining('used as it is') },
    })
    await literal.close()
    await cloud.clear()
    await cloud.run('api', 'DELETE FROM cell_mappings WHERE id = 8')
  })
})
