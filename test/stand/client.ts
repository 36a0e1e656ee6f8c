import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { toRabbitmq } from './broker.ts'
import { toNova } from './control-plane.ts'
import { toDatabase } from './databases.ts'
import { toKeystone } from './identities.ts'
import { type Call, type DatabasePart, type Owned, type OwnedNova, type OwnPart, type PartInfo, parseAnswer } from './protocol.ts'
import type { ServerCertificate } from './service.ts'
import type { HaproxyInfo } from './services/haproxy.ts'
import type { DatabaseInfo } from './services/mariadb.ts'
import type { NovaInfo } from './services/nova.ts'
import type { Database, Haproxy, Nova, Own, OwnNova, OwnNovaOptions, Part, SeededServer, Services, Stand } from './stand.ts'

/** Speaks with the daemon that keeps the services of this run (daemon.ts). */
export function createClient(socket: string) {
  const ask = async (call: Call): Promise<unknown> => {
    const connection = connect(socket)
    connection.end(JSON.stringify(call))
    const answer = parseAnswer(await text(connection))
    if (answer.kind === 'error') throw new Error(`the test stand: ${answer.message}`)
    return answer.result
  }

  const seen = (info: NovaInfo): Nova =>
    toNova(info, async (seeds) => (await ask({ kind: 'seed', nova: info.name, seeds })) as SeededServer[])

  /** What suites see of a part, made from what the daemon tells of it. */
  const SEEN: { readonly [P in Part]: (info: PartInfo[P]) => Services[P] } = {
    memcached: (info) => info,
    mariadb: toDatabase,
    postgresql: toDatabase,
    rabbitmq: toRabbitmq,
    keystone: toKeystone,
    nova: seen,
  }

  const use = async <P extends Part>(...parts: readonly P[]): Promise<Stand<P>> => {
    const services = await Promise.all(
      parts.map(async (part) => [part, SEEN[part]((await ask({ kind: 'use', part })) as PartInfo[P])]),
    )
    return Object.fromEntries(services) as Stand<P>
  }

  const lifeOf = (id: string): Own => {
    const tell = (kind: 'start' | 'stop' | 'kill' | 'remove') => async () => {
      await ask({ kind, id })
    }
    return { start: tell('start'), stop: tell('stop'), kill: tell('kill'), remove: tell('remove') }
  }

  const own = async <P extends OwnPart>(part: P): Promise<Services[P] & Own> => {
    const { id, info } = (await ask({ kind: 'own', part })) as Owned<PartInfo[P]>
    return { ...SEEN[part](info), ...lifeOf(id) }
  }

  const ownDatabase = async (part: DatabasePart, tls: ServerCertificate): Promise<Database & Own> => {
    const { id, info } = (await ask({ kind: 'own-database', part, tls })) as Owned<DatabaseInfo>
    return { ...toDatabase(info), ...lifeOf(id) }
  }

  const ownNova = async (options: OwnNovaOptions): Promise<OwnNova> => {
    const { id, info, database, rabbitmq, cell2Database } = (await ask({ kind: 'own-nova', options })) as OwnedNova
    return {
      ...seen(info),
      ...lifeOf(id),
      database: { ...toDatabase(database.info), ...lifeOf(database.id) },
      rabbitmq: { ...toRabbitmq(rabbitmq.info), ...lifeOf(rabbitmq.id) },
      cell2Database: cell2Database === null ? null : { ...toDatabase(cell2Database.info), ...lifeOf(cell2Database.id) },
    }
  }

  const ownHaproxy = async (sections: string): Promise<Haproxy> => {
    const { id, info } = (await ask({ kind: 'own-haproxy', sections })) as Owned<HaproxyInfo>
    return { ...info, ...lifeOf(id) }
  }

  return { use, own, ownDatabase, ownNova, ownHaproxy }
}
