import type { ServerCertificate } from './service.ts'
import type { KeystoneInfo } from './services/keystone.ts'
import type { DatabaseInfo } from './services/mariadb.ts'
import type { MemcachedInfo } from './services/memcached.ts'
import type { NovaInfo } from './services/nova.ts'
import type { RabbitmqInfo } from './services/rabbitmq.ts'
import type { Seed } from './services/seeder.ts'
import type { OwnNovaOptions, Part } from './stand.ts'

/** What is told of each part. */
export interface PartInfo {
  readonly memcached: MemcachedInfo
  readonly mariadb: DatabaseInfo
  readonly postgresql: DatabaseInfo
  readonly rabbitmq: RabbitmqInfo
  readonly keystone: KeystoneInfo
  readonly nova: NovaInfo
}

/** What a worker asks: to start a shared part unless it is there, to start one for a single test, servers in a Nova, a life's next turn. */
export type Call =
  | { readonly kind: 'use'; readonly part: Part }
  | { readonly kind: 'own'; readonly part: OwnPart }
  | { readonly kind: 'own-nova'; readonly options: OwnNovaOptions }
  | { readonly kind: 'own-database'; readonly part: DatabasePart; readonly tls: ServerCertificate }
  | { readonly kind: 'own-haproxy'; readonly sections: string }
  | { readonly kind: 'seed'; readonly nova: string; readonly seeds: readonly Seed[] }
  | { readonly kind: 'start' | 'stop' | 'kill' | 'remove'; readonly id: string }

/** What a test may have an instance of its own of. */
export type OwnPart = Exclude<Part, 'nova'>

export type DatabasePart = 'mariadb' | 'postgresql'

/** Answers `own-nova`. */
export interface OwnedNova extends Owned<NovaInfo> {
  readonly database: Owned<DatabaseInfo>
  readonly rabbitmq: Owned<RabbitmqInfo>
  readonly cell2Database: Owned<DatabaseInfo> | null
}

/** Answers `own`, `own-database` and `own-haproxy`: what is told of it, and the name that its life goes by. */
export interface Owned<Info> {
  readonly id: string
  readonly info: Info
}

export type Answer = { readonly kind: 'result'; readonly result: unknown } | { readonly kind: 'error'; readonly message: string }

/** Both ends are ours: what is read is what was written. */
export const parseCall = (line: string): Call => JSON.parse(line) as Call
export const parseAnswer = (line: string): Answer => JSON.parse(line) as Answer
