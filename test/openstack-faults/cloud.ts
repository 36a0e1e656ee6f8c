import { type RawBuilder, sql } from 'kysely'
import { openDatabase } from '../../src/database/connect.ts'
import { parseDatabaseUrl } from '../../src/database/url.ts'
import type { Keystone, OwnNova, OwnNovaOptions } from '../stand/stand.ts'
import { startNova } from '../stand/use-stand.ts'
import { waitFor } from '../stand/wait.ts'
import { type Computes, createComputes } from './computes.ts'
import { type Load, type LoadOptions, startLoad } from './load.ts'

/** A busy machine takes long. */
export const PATIENT = { timeout: 600_000 }
/** Events that are accepted before a fault, during it, and after. */
export const SOME = 150

/** A Nova of two cells whose broker and databases may be stopped, with all that a test of that needs. */
export interface Cloud {
  readonly nova: OwnNova
  /** Begins to send events to servers made for that, on hosts of these names in a cell, whose nova-computes are stood in for. */
  sendTo(cell: 'cell1' | 'cell2', hosts: readonly string[], options: SendOptions): Promise<Sending>
  remove(): Promise<void>
}

export type SendOptions = Pick<LoadOptions, 'urls'> & {
  /** Whether the queues outlive the broker; so they do unless said. */
  readonly durable?: boolean
}

export interface Sending extends Load {
  readonly computes: Computes
  readonly servers: readonly string[]
  /** Resolves when so many more events have been accepted. */
  more(count: number): Promise<void>
}

export async function startCloud(keystone: Keystone, engine: OwnNovaOptions['engine']): Promise<Cloud> {
  const nova = await startNova({ engine, cells: 2 })
  return {
    nova,
    sendTo: async (cell, hosts, { urls, durable = true }) => {
      const servers = (await nova.seed(SERVERS, { cell, hosts })).map(({ uuid }) => uuid)
      const computes = createComputes({ url: nova.rabbitmq.url(cell === 'cell1' ? '/' : cell), hosts, durable })
      await computes.join()
      const load = startLoad({ urls, token: await keystone.token('neutron'), servers })
      return { ...load, servers, computes, more: (count) => untilMore(load, count) }
    },
    remove: async () => {
      await Promise.all([nova, nova.database, nova.rabbitmq, nova.cell2Database].map((each) => each?.remove()))
    },
  }
}

const SERVERS = 12

/** Resolves when so many more events have been accepted. */
export async function untilMore({ accepted }: Load, count: number): Promise<void> {
  const enough = accepted.length + count
  await waitFor(`${count} more events to be accepted`, () => accepted.length >= enough || null)
}

/** Makes a cell forget a server that nova_api still has in it: its row is hidden, as one is that moved to another cell. */
export async function hideServer(cellDatabase: string, uuid: string): Promise<void> {
  await inDatabase(cellDatabase, sql`UPDATE instances SET hidden = true WHERE uuid = ${uuid}`)
}

/** Says in a cell that a server is on this host; null: on none. */
export async function setHost(cellDatabase: string, uuid: string, host: string | null): Promise<void> {
  await inDatabase(cellDatabase, sql`UPDATE instances SET host = ${host} WHERE uuid = ${uuid}`)
}

/** Takes the table of instance actions away from a cell, and answers how it is put back. */
export async function takeActions(cellDatabase: string): Promise<() => Promise<void>> {
  await inDatabase(cellDatabase, sql`ALTER TABLE instance_actions RENAME TO instance_actions_taken`)
  return () => inDatabase(cellDatabase, sql`ALTER TABLE instance_actions_taken RENAME TO instance_actions`)
}

async function inDatabase(url: string, statement: RawBuilder<unknown>): Promise<void> {
  const parsed = parseDatabaseUrl(url)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  const options = { maxConnections: 1, connectTimeoutMs: 20_000, queryTimeoutMs: 60_000, applicationName: 'tests' }
  const database = openDatabase(parsed.url, options)
  try {
    await statement.execute(database.kysely)
  } finally {
    await database.close()
  }
}
