import { randomUUID } from 'node:crypto'
import type { CorpusServer, Keystone } from '../stand/stand.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { startNovacast } from '../support/novacast.ts'
import { itAnswersAsRecorded, type Subject, ZED_POLICY } from './runner.ts'

/** Where the corpus' servers are, as far as a registry can say it: what was deleted and not yet archived still has its host. */
const PLACES: Readonly<Record<CorpusServer, 'unknown' | readonly [host: string | null, movingTo?: string]>> = {
  a: ['compute-1'],
  b: ['compute-2'],
  unassigned: [null],
  migrating: ['compute-1', 'compute-2'],
  missing: 'unknown',
  deleted: ['compute-1'],
  softdeleted: ['compute-1'],
  shelved: [null],
  cell0: [null],
  archived: 'unknown',
  building: [null],
}

const stand = await useStand('keystone')

describeOn(stand, 'what Nova (Zed) was asked and answered', ({ keystone }) =>
  itAnswersAsRecorded(keystone, () => startSubject(keystone)),
)

async function startSubject(keystone: Keystone): Promise<Subject> {
  const novacast = await startNovacast({ conf: confFor(keystone), policy: ZED_POLICY })
  const servers = Object.keys(PLACES).map((name) => [name, randomUUID()] as const)
  const uuids = Object.fromEntries(servers) as Record<CorpusServer, string>
  for (const [name, uuid] of servers) {
    const place = PLACES[name as CorpusServer]
    if (place !== 'unknown') await novacast.put(uuid, ...place)
  }
  return { url: novacast.url, servers: uuids, close: () => novacast.close() }
}

function confFor(keystone: Keystone): string {
  return `[novacast]\nmax_microversion = 2.93\nall_unknown = 207\n${keystone.authtoken('nova')}\nservice_token_roles_required = true\n`
}
