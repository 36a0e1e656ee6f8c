import { writeSync } from 'node:fs'
import { describe, inject, it } from 'vitest'
import { createClient } from './client.ts'
import { whyNot } from './install.ts'
import type { DatabasePart, OwnPart } from './protocol.ts'
import type { ServerCertificate } from './service.ts'
import type { Haproxy, OwnNova, OwnNovaOptions, Part, Stand } from './stand.ts'

/**
 * Real services for the suite that calls this at its top. They are started when the first suite of a run asks for them, shared by all,
 * and stopped at the end of the run. Null where they cannot run, which it says in one line; with CI=true that is an error.
 *
 *     const stand = await useStand('keystone', 'memcached')
 *     describeOn(stand, 'a token', (stand) => { it('…', async () => { await stand.keystone.token('neutron') }) })
 */
export async function useStand<P extends Part>(...parts: P[]): Promise<Stand<P> | null> {
  return canRun(parts.length === 0 ? 'service' : parts.join(', ')) ? createClient(inject('standSocket')).use(...parts) : null
}

/** Says in one line why the stand cannot run here; with CI=true that is an error. */
function canRun(what: string): boolean {
  const reason = whyNot()
  if (reason === null) return true
  const message = `the tests with a real ${what} ${reason}`
  if (process.env['CI'] === 'true') throw new Error(message)
  writeSync(2, `skipped: ${message}\n`)
  return false
}

/** A suite that needs a stand: skipped, in the report too, where there is none. Starting and stopping services takes its time. */
export function describeOn<S>(stand: S | null, name: string, body: (stand: S) => void): void {
  if (stand !== null) describe(name, { timeout: 180_000 }, () => body(stand))
  else describe.skip(name, () => it('needs the stand', () => {}))
}

/*
 * Instances that belong to one test, which may stop and start them. Only where useStand gave something; `useStand()` without parts asks
 * for no shared service. They go with the run, or before it with `remove()`.
 */

export const startMemcached = () => own('memcached')
export const startMariadb = () => own('mariadb')
export const startPostgresql = () => own('postgresql')
/** A database server that offers TLS. */
export const startTlsDatabase = (part: DatabasePart, tls: ServerCertificate) =>
  createClient(inject('standSocket')).ownDatabase(part, tls)
export const startRabbitmq = () => own('rabbitmq')
/** Its database is in the shared MariaDB; its memcached is its own, and stays up. */
export const startKeystone = () => own('keystone')
/** A whole control plane with a database server and a broker of its own. */
export const startNova = (options: OwnNovaOptions): Promise<OwnNova> => createClient(inject('standSocket')).ownNova(options)
/** `sections` are a frontend without its address, and backends. */
export const startHaproxy = (sections: string): Promise<Haproxy> => createClient(inject('standSocket')).ownHaproxy(sections)

const own = <P extends OwnPart>(part: P) => createClient(inject('standSocket')).own(part)
