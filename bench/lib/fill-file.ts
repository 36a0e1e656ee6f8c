import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { openForWriting } from '../../src/journal/sqlite/database.ts'
import { migrate } from '../../src/journal/sqlite/migrate.ts'
import type { WireEvent, WireStep, WriterWork } from '../../src/journal/sqlite/protocol.ts'
import { createWriter } from '../../src/journal/sqlite/writer.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { drawServers, type Filling, hostOf, serverId } from './journal-fill.ts'

const BATCH = 100
const BATCHES_AT_ONCE = 100

/** Fills a file with the journal's own writer, without threads and syncs: some 7 µs an event. */
export async function fillFile(file: string, { events, servers, days }: Filling): Promise<void> {
  mkdirSync(dirname(file), { recursive: true })
  const db = openForWriting(file)
  db.exec('PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 20000; PRAGMA cache_size = -64000')
  await migrate(db)
  const write = createWriter(db, 0)
  const startUs = (Date.now() - days * 86_400_000) * 1000
  const stepUs = (days * 86_400_000_000) / events
  const draw = drawServers(servers)
  let works: WriterWork[] = []
  const flush = () => {
    const failed = write(works.map((work) => ({ parse: () => work }))).find((result) => result.kind === 'failed')
    if (failed?.kind === 'failed') throw new Error(failed.fault.message)
    works = []
  }
  for (let next = 0; next < events; next += BATCH) {
    const atUs = Math.round(startUs + next * stepUs)
    const made = Array.from({ length: Math.min(BATCH, events - next) }, () => eventOf(draw()))
    const id = () => `req-${crypto.randomUUID()}`
    works.push({ kind: 'commit', body: [atUs, id(), id(), 'neutron', 'neutron', 'service', '2.93', made, [], []] })
    works.push({ kind: 'record', body: made.map((event) => endOf(event, atUs)) })
    if (works.length >= 2 * BATCHES_AT_ONCE) flush()
    if (next % 1_000_000 === 0 && next > 0) console.error(`  ${next / 1e6} million`)
  }
  flush()
  db.close()
}

function eventOf(server: number): WireEvent {
  const destination = [hostOf(server), null] as const
  return [uuidv7(), serverId(server), 'network-vif-plugged', 'completed', crypto.randomUUID(), 200, [destination], null]
}

function endOf([id, , , , , , [destination]]: WireEvent, atUs: number): WireStep {
  return ['dispatchedForGood', destination?.[0] ?? '', id, atUs, null, null]
}
