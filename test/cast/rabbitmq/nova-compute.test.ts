import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import type { CallContext, Cast } from '../../../src/cast/cast.ts'
import type { Destination, ExternalEvent, HostName, ServerId } from '../../../src/events/event.ts'
import { EVENT_NAMES } from '../../../src/events/names.ts'
import { createLog } from '../../../src/observe/log.ts'
import { createNovaServers } from '../../../src/servers/nova/nova-servers.ts'
import { capturedContext } from '../../nova/captures.ts'
import { describeOn, useStand } from '../../stand/use-stand.ts'
import { casterOf, castOf, eventually } from './rig.ts'

const stand = await useStand('nova')

describeOn(stand, 'the real nova-compute', ({ nova }) => {
  const [cell] = nova.cells
  if (cell === undefined) throw new Error('expected a cell')
  const log = createLog({ level: 'silent' })
  const parts = {
    apiDatabase: nova.apiDatabase,
    apiDatabaseParameters: '',
    database: cell.database,
    databaseParameters: '',
    transportUrl: cell.transportUrl,
    maxConnectionsPerDatabase: 2,
    log,
  }
  const servers = createNovaServers(parts)
  afterAll(() => servers.close())

  /** A server of its own on compute-1, as Nova's databases have it. */
  async function serverOn(host: string) {
    const [seeded] = await nova.seed(1, { hosts: [host], rich: true })
    const id = String(seeded?.uuid) as ServerId
    const whereabouts = (await servers.locate([id])).get(id)
    if (whereabouts?.kind !== 'located' || whereabouts.instance === null) throw new Error(`expected ${id} to be located`)
    return { id, instance: whereabouts.instance, destination: whereabouts.destinations[0] }
  }

  function castTo(
    { host, cell }: Destination,
    server: Awaited<ReturnType<typeof serverOn>>,
    events: readonly Partial<ExternalEvent>[],
    context: CallContext | null,
  ): Cast {
    const about = events.map((event) => ({ ...event, serverId: server.id }))
    const cast = castOf(host, about, { cell, context, instances: new Map([[server.id, server.instance]]) })
    return cast
  }

  /** What the log says under the id of a request. */
  function linesOf(host: string, cast: Cast): string[] {
    const file = nova.logs[host]
    if (file === undefined) throw new Error(`expected a log of ${host}`)
    const { requestId } = cast.deliveries[0]
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.includes(requestId))
  }

  const handled = EVENT_NAMES.map(({ name }) => name).filter((name) => name !== 'network-changed')
  it.each([
    ["with the sender's token", capturedContext()],
    ['from the journal', null],
  ])('takes every event of one cast, in order, and none raises: %s', async (_, context) => {
    const server = await serverOn('compute-1')
    const { caster } = casterOf(servers)
    const events = handled.map((name) => ({ name, tag: name === 'power-update' ? 'POWER_ON' : randomUUID() }))
    const cast = castTo(server.destination, server, events, context)
    expect(await caster.cast(cast)).toEqual({ kind: 'taken' })
    const last = events.at(-1)
    await nova.nextLog('compute-1', new RegExp(`Received unexpected event ${last?.name}-${last?.tag}`))
    const lines = linesOf('compute-1', cast)
    const received = lines.flatMap((line) => /Received event (\S+)/.exec(line)?.[1] ?? [])
    expect(received).toEqual(events.map(({ name, tag }) => `${name}-${tag}`))
    expect(lines.filter((line) => /ERROR|Traceback|Exception/.test(line))).toEqual([])
  })

  it('takes what several requests have for threads that wait, of several servers, in one message', async () => {
    const both = [await serverOn('compute-1'), await serverOn('compute-1')]
    const { caster } = casterOf(servers)
    const names = EVENT_NAMES.filter(({ awaited }) => awaited).map(({ name }) => name)
    const context = capturedContext()
    const casts = names.flatMap((name) =>
      both.map((server) => castTo(server.destination, server, [{ name, tag: randomUUID() }], context)),
    )
    const [first] = casts
    if (first === undefined) throw new Error('unreachable')
    expect(await Promise.all(casts.map((cast) => caster.cast(cast)))).toEqual(casts.map(() => ({ kind: 'taken' })))
    const keys = casts.map(({ deliveries: [{ event }] }) => `${event.name}-${event.tag}`)
    await nova.nextLog('compute-1', new RegExp(`Received unexpected event ${keys.at(-1)}`))
    // They came in one message: its request is the first cast's.
    const lines = linesOf('compute-1', first)
    expect(lines.flatMap((line) => /Received event (\S+)/.exec(line)?.[1] ?? [])).toEqual(keys)
    expect(lines.filter((line) => /ERROR|Traceback|Exception/.test(line))).toEqual([])
  })

  it('takes network-changed, and asks Neutron', async () => {
    const server = await serverOn('compute-2')
    const { caster } = casterOf(servers)
    const cast = castTo(server.destination, server, [{ tag: randomUUID() }], capturedContext())
    expect(await caster.cast(cast)).toEqual({ kind: 'taken' })
    await nova.nextLog(
      'compute-2',
      new RegExp(`${cast.deliveries[0].requestId}.*Refreshing instance network info cache due to event`),
    )
  })

  // A server that runs cannot be powered on: nothing to do. Nova's fake hypervisor cannot power off for an event: an error.
  it.each([
    ['volume-extended', 'volume', 'extend_volume', 'compute_extend_volume', 'Success', capturedContext()],
    ['power-update', 'POWER_ON', 'start', 'compute_power_update', 'Success', capturedContext()],
    ['power-update', 'POWER_OFF', 'stop', 'compute_power_update', 'Error', null],
    ['volume-extended', 'volume', 'extend_volume', 'compute_extend_volume', 'Success', null],
  ] as const)('brings the instance action of %s %s to its end', async (name, tag, action, step, result, context) => {
    const server = await serverOn('compute-1')
    const { caster } = casterOf(servers)
    const cast = castTo(server.destination, server, [{ name, tag }], context)
    expect(await caster.cast(cast)).toEqual({ kind: 'taken' })
    const database = await createConnection(cell.database.replace('mysql+pymysql', 'mysql').replace(/\?.*/, ''))
    onTestFinished(() => database.end())
    const rows = async () => {
      const [found] = await database.query<RowDataPacket[]>(
        `SELECT a.action, a.user_id, a.project_id, e.event, e.result, e.host FROM instance_actions a
         LEFT JOIN instance_actions_events e ON e.action_id = a.id WHERE a.instance_uuid = ? AND a.request_id = ?`,
        [server.id, cast.deliveries[0].requestId],
      )
      return found.map((row) => ({ ...row }))
    }
    let found = await rows()
    for (let tries = 0; tries < 600 && found[0]?.['result'] == null; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 200))
      found = await rows()
    }
    const { userId, projectId } = cast.deliveries[0].sender
    expect(found).toEqual([{ action, user_id: userId, project_id: projectId, event: step, result, host: 'compute-1' }])
  })

  it.each([['completed'], ['failed']] as const)(
    'lets go what waits for network-vif-plugged, and tells it: %s',
    async (status) => {
      const server = await serverOn('compute-1')
      const [host, tag] = [`waiter-${randomUUID()}`, randomUUID()]
      const { caster } = casterOf(servers)
      const script = join(import.meta.dirname, 'waiting_compute.py')
      const compute = spawn('/usr/bin/python3', [script, nova.confFile, host, server.id, 'network-vif-plugged', tag])
      onTestFinished(() => void compute.kill('SIGKILL'))
      let [said, complaints] = ['', '']
      createInterface(compute.stdout).on('line', (line) => {
        said += `${line}\n`
      })
      compute.stderr.on('data', (text) => {
        complaints += String(text)
      })
      await eventually('a thread that waits', () => said === 'waiting\n' || compute.exitCode !== null, 90_000)
      expect(said, complaints).toBe('waiting\n')
      const destination = { host: host as HostName, cell: server.destination.cell }
      const other = castTo(destination, server, [{ name: 'network-vif-plugged', tag: randomUUID(), status }], capturedContext())
      expect(await caster.cast(other)).toEqual({ kind: 'taken' })
      const cast = castTo(destination, server, [{ name: 'network-vif-plugged', tag, status }], capturedContext())
      expect(said).toBe('waiting\n')
      expect(await caster.cast(cast)).toEqual({ kind: 'taken' })
      await eventually('the thread to go on', () => said !== 'waiting\n')
      expect(said).toBe(`waiting\nreleased ${status}\n`)
    },
  )
})
