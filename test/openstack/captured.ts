import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { captures } from '../nova/captures.ts'
import type { DatabaseName, Row } from './databases.ts'
import type { Posted } from './observe.ts'

const DIRECTORY = join(import.meta.dirname, '../data/nova-rows')

/** A situation in which the real nova-api was recorded: what stood in its databases, and what was posted. */
export interface Captured {
  readonly name: string
  readonly rows: Readonly<Partial<Record<DatabaseName, Readonly<Record<string, readonly Row[]>>>>>
  readonly posted: Posted
}

/** All of them, by name. */
export const CAPTURED: readonly Captured[] = readdirSync(DIRECTORY)
  .filter((file) => file.endsWith('.json'))
  .map((file) => {
    const name = file.replace('.json', '')
    const { codes, rows } = JSON.parse(readFileSync(join(DIRECTORY, file), 'utf8'))
    return { name, rows, posted: requestOf(name, Object.keys(codes)) }
  })

/** What was posted; where nothing was cast, the request was not kept, and was this. */
function requestOf(name: string, servers: readonly string[]): Posted {
  const kept = captures.find((each) => each.name === name)?.request
  if (kept === undefined) {
    const events = servers.map((server_uuid) => ({ server_uuid, name: 'network-changed' }))
    return { headers: { 'Content-Type': 'application/json', 'OpenStack-API-Version': 'compute 2.93' }, body: { events } }
  }
  const { 'X-Auth-Token': _, ...headers } = kept.headers
  return { headers, body: kept.body }
}
