import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createComputes } from '../openstack-faults/computes.ts'
import { createCloud } from '../servers/nova/cloud.ts'
import { seed } from '../servers/nova/servers.ts'
import type { Database, Rabbitmq } from '../stand/stand.ts'
import { waitFor } from '../stand/wait.ts'
import { register, withClient } from './drain.ts'
import { startFollowers } from './followers.ts'
import { type Doomed, type DoomedOptions, startDoomed } from './novacast-to-kill.ts'

/** What stands at the other end for one life of novacast. */
export interface Receivers {
  /** In the order in which they came, each host's for itself, repeats among them. `attempt` is null where nobody tells. */
  readonly arrivals: readonly { readonly server: string; readonly tag: string; readonly attempt: number | null }[]
  /** Resolves when nothing is left to be delivered. */
  untilNothingWaits(): Promise<unknown>
  stop(): Promise<void>
}

/** A journal in some engine and servers on hosts, for one novacast after the other. */
export interface Place {
  readonly servers: readonly string[]
  start(options?: Pick<DoomedOptions, 'environment'>): Promise<Doomed>
  /** Takes what is delivered to these hosts. */
  receive(url: string, hosts: readonly string[]): Promise<Receivers>
  /** Which of the arrivals of one delivery counts: an agent drops repeats, nova-compute does it again. */
  readonly counts: 'first' | 'last'
}

export type MakePlace = (servers: number, hosts: readonly string[]) => Promise<Place>

/** In a file, with novacast's own registry and streams to agents. */
export const inFile: MakePlace = async (count, hosts) => {
  const start = starter([])
  const servers = Array.from({ length: count }, () => crypto.randomUUID())
  const novacast = await start()
  await withClient(novacast.url, (client) => register(client, servers, hosts))
  await novacast.kill()
  return { servers, start, receive: async (url, some) => startFollowers(url, some), counts: 'first' }
}

/** In a database of this server, with Nova's databases beside it and casts over this broker. */
export const inDatabase =
  (database: Database, engine: 'mysql' | 'postgresql', rabbitmq: Rabbitmq): MakePlace =>
  async (count, hosts) => {
    const vhost = await rabbitmq.createVhost()
    const cloud = await createCloud(database, engine)
    onTestFinished(() => cloud.close())
    await cloud.run('api', `UPDATE cell_mappings SET transport_url = '${rabbitmq.transportUrl(vhost)}' WHERE name <> 'cell0'`)
    const servers: string[] = []
    for (let i = 0; i < count; i++) servers.push(await seed(cloud, { row: { host: hosts[i % hosts.length] } }))
    const { url: connection } = await database.createDatabase()
    const file = join(temporaryDirectory(), 'novacast.conf')
    const transport = `[DEFAULT]\ntransport_url = ${rabbitmq.transportUrl(vhost)}`
    writeFileSync(
      file,
      `${transport}\n[api_database]\nconnection = ${cloud.apiUrl}\n[novacast]\nidentity = noauth\nconnection = ${connection}\n`,
    )
    const receive: Place['receive'] = async (url, some) => {
      const computes = createComputes({ url: rabbitmq.url(vhost), hosts: some, durable: true })
      await computes.join()
      return {
        get arrivals() {
          return computes.arrivals.map(({ server, tag }) => ({ server, tag, attempt: null }))
        },
        untilNothingWaits: async () => {
          await withClient(url, async (client) => {
            await waitFor('all deliveries to be made', async () => {
              for await (const { id, deliveries } of client.events.search({ state: 'pending' }, { limit: 1 }))
                throw new Error(`of ${id}: ${JSON.stringify(deliveries)}`)
              return true
            })
          })
          await computes.drain()
        },
        stop: () => computes.leave(),
      }
    }
    return { servers, start: starter(['--config-file', file]), receive, counts: 'last' }
  }

function starter(flags: readonly string[]): Place['start'] {
  const directory = temporaryDirectory()
  return async (options = {}) => {
    const novacast = await startDoomed(directory, { flags, ...options })
    onTestFinished(() => novacast.kill())
    return novacast
  }
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'novacast-kill-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
