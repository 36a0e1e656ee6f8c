import { createDatabase } from './databases.ts'
import { install } from './install.ts'
import type { Call, Owned, OwnedNova } from './protocol.ts'
import type { ServerCertificate, Service, Surroundings } from './service.ts'
import { PACKAGES as HAPROXY, startHaproxy } from './services/haproxy.ts'
import { PACKAGES as KEYSTONE, type KeystoneInfo, startKeystone } from './services/keystone.ts'
import { createMariadbs, PACKAGES as MARIADB } from './services/mariadb.ts'
import { PACKAGES as MEMCACHED, startMemcached } from './services/memcached.ts'
import { PACKAGES as NOVA, type NovaNeeds, type NovaService, startNova } from './services/nova.ts'
import { PACKAGES as POSTGRESQL, startPostgresql } from './services/postgresql.ts'
import { createRabbitmqs, PACKAGES as RABBITMQ } from './services/rabbitmq.ts'
import type { OwnNovaOptions, Part } from './stand.ts'

/** Answers the calls of the workers. What is shared is started once, when it is first asked for, after what it stands on. */
export function createParts(stand: Surroundings) {
  const mariadbs = createMariadbs(stand)
  const rabbitmqs = createRabbitmqs(stand)
  const makers = {
    memcached: prepared(MEMCACHED, (name) => startMemcached(stand, name)),
    mariadb: prepared(MARIADB, (name) => mariadbs(name)),
    postgresql: prepared(POSTGRESQL, (name) => startPostgresql(stand, name)),
    rabbitmq: prepared(RABBITMQ, rabbitmqs),
  }
  const tlsMakers = {
    mariadb: (tls: ServerCertificate) => prepared(MARIADB, (name) => mariadbs(name, tls)),
    postgresql: (tls: ServerCertificate) => prepared(POSTGRESQL, (name) => startPostgresql(stand, name, tls)),
  }
  const memcached = once(() => makers.memcached('memcached'))
  const mariadb = once(() => makers.mariadb('mariadb'))
  const postgresql = once(() => makers.postgresql('postgresql'))
  const rabbitmq = once(() => makers.rabbitmq('rabbitmq'))
  const makeKeystone = prepared([...KEYSTONE, ...MARIADB, ...MEMCACHED], async (name): Promise<Service<KeystoneInfo>> => {
    const [database, cache] = await Promise.all([
      mariadb(),
      name === 'keystone' ? memcached() : makers.memcached(`${name}-memcached`),
    ])
    const { url } = await createDatabase(database.info, name.replaceAll('-', '_'))
    return startKeystone(stand, name, { database: url, memcached: cache.info.address })
  })
  const keystone = once(() => makeKeystone('keystone'))
  const novas = new Map<string, NovaService>()
  const makeNova = async (name: string, needs: NovaNeeds): Promise<NovaService> => {
    const made = await startNova(stand, name, needs)
    novas.set(name, made)
    return made
  }
  const nova = once(async () => {
    install([...NOVA, ...KEYSTONE, ...MARIADB, ...MEMCACHED, ...RABBITMQ])
    const asked = keystone().then(({ info }) => info)
    const [database, broker, cache] = await Promise.all([mariadb(), rabbitmq(), memcached()])
    const needs = { database: database.info, rabbitmq: broker.info, keystone: asked, memcached: cache.info.address, cell2: null }
    return makeNova('nova', needs)
  })
  const shared = { memcached, mariadb, postgresql, rabbitmq, keystone, nova }

  const owned = new Map<string, Service<unknown>>()
  let count = 0
  const own = async <I>(part: Part | 'haproxy', make: (name: string) => Promise<Service<I>>): Promise<Owned<I>> => {
    const id = `own-${part}-${++count}`
    const service = await make(id)
    owned.set(id, service)
    return { id, info: service.info }
  }

  const ownNova = async ({ engine, cells }: OwnNovaOptions): Promise<OwnedNova> => {
    const [cache, database, rabbitmq, cell2Database] = await Promise.all([
      memcached(),
      own(engine, makers[engine]),
      own('rabbitmq', makers.rabbitmq),
      cells === 2 ? own(engine, makers[engine]) : null,
    ])
    const needs = {
      database: database.info,
      rabbitmq: rabbitmq.info,
      keystone: keystone().then(({ info }) => info),
      memcached: cache.info.address,
      cell2: cell2Database?.info ?? null,
    }
    const made = await own(
      'nova',
      prepared(NOVA, (name) => makeNova(name, needs)),
    )
    return { ...made, database, rabbitmq, cell2Database }
  }

  const call = async (asked: Call): Promise<unknown> => {
    switch (asked.kind) {
      case 'use':
        return (await shared[asked.part]()).info
      case 'own':
        return own<unknown>(asked.part, { ...makers, keystone: makeKeystone }[asked.part])
      case 'own-database':
        return own(asked.part, tlsMakers[asked.part](asked.tls))
      case 'own-nova':
        return ownNova(asked.options)
      case 'own-haproxy':
        return own(
          'haproxy',
          prepared(HAPROXY, (name) => startHaproxy(stand, name, asked.sections)),
        )
      case 'seed':
        return novas.get(asked.nova)?.seed(asked.seeds)
      default:
        return owned.get(asked.id)?.[asked.kind]()
    }
  }
  return { call }
}

/** Installs first what a service needs. */
function prepared<T>(packages: readonly string[], make: (name: string) => Promise<T>): (name: string) => Promise<T> {
  return async (name) => {
    install(packages)
    return make(name)
  }
}

/** Made when first asked for, then always the same; what failed is not tried again: its reason is told to all. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => {
    made ??= make()
    return made
  }
}
