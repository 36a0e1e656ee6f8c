import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Kysely, sql } from 'kysely'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/database/connect.ts'
import { type DatabaseUrl, parseDatabaseUrl } from '../../src/database/url.ts'
import type { Own, Database as Server } from '../stand/stand.ts'
import { describeOn, startTlsDatabase, useStand } from '../stand/use-stand.ts'
import { type Certificates, makeCertificates } from '../support/certificates.ts'

const stand = await useStand()
const run = promisify(execFile)
const OPTIONS = { maxConnections: 1, connectTimeoutMs: 20_000, queryTimeoutMs: 20_000, applicationName: 'tests' }

/** How each engine is told the same. */
const ENGINES = {
  mariadb: {
    verified: (ca: string) => `ssl_ca=${ca}`,
    signed: (ca: string) => `ssl_ca=${ca}&ssl_check_hostname=false`,
    unverified: 'ssl_mode=REQUIRED',
    verifiedBySystem: ['ssl_mode=VERIFY_IDENTITY', 'ssl_verify_cert=true'],
    withCertificate: ({ cert, key }: Certificates) => `ssl_cert=${cert}&ssl_key=${key}`,
    isEncrypted: "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
  },
  postgresql: {
    verified: (ca: string) => `sslmode=verify-full&sslrootcert=${ca}`,
    signed: (ca: string) => `sslmode=verify-ca&sslrootcert=${ca}`,
    unverified: 'sslmode=require',
    verifiedBySystem: ['sslmode=verify-full', 'sslrootcert=system'],
    withCertificate: ({ cert, key }: Certificates) => `sslmode=require&sslcert=${cert}&sslkey=${key}`,
    isEncrypted: 'SELECT ssl::int FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
  },
} as const

const CASES = (['mariadb', 'postgresql'] as const).flatMap((part) => [
  { part, names: 'IP:127.0.0.1', right: '127.0.0.1', wrong: 'localhost' },
  { part, names: 'DNS:localhost', right: 'localhost', wrong: '127.0.0.1' },
])

for (const { part, names, right, wrong } of CASES) {
  const engine = ENGINES[part]

  describeOn(stand, `${part} with a certificate for ${names}`, () => {
    let certificates: Certificates
    let other: Certificates
    let server: Server & Own
    let name: string
    const opened: Database<unknown>[] = []

    beforeAll(async () => {
      certificates = makeCertificates(names)
      other = makeCertificates(names)
      server = await startTlsDatabase(part, { ca: certificates.ca, cert: certificates.cert, key: certificates.key })
      name = (await server.createDatabase()).name
    })
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((database) => database.close()))
    })
    afterAll(async () => {
      certificates.remove()
      other.remove()
      await server.remove()
    })

    const urlOf = (host: string, query: string, user = server.user) =>
      `${server.url(name).replace(/\/\/.*@[^:]+/, `//${user}:${server.password}@${host}`)}?${query}`
    const open = (...to: Parameters<typeof urlOf>) => {
      const database = openDatabase<unknown>(parsedUrl(urlOf(...to)), OPTIONS)
      opened.push(database)
      return database
    }
    const isEncrypted = async (...to: Parameters<typeof open>) => {
      const rows = await open(...to).query(engine.isEncrypted, [])
      return rows[0]?.[0] === 1
    }

    it('is spoken to, encrypted, where its certificate is of the authority that is named and for its name', async () => {
      expect(await isEncrypted(right, engine.verified(certificates.ca))).toBe(true)
    })

    it('is not spoken to where its certificate is for another name, unless names are not to be looked at', async () => {
      await expect(isEncrypted(wrong, engine.verified(certificates.ca))).rejects.toMatchObject({
        kind: 'refused',
        message: expect.stringMatching(`altnames: (Host: ${wrong}\\.|IP: ${wrong}) is not`),
      })
      expect(await isEncrypted(wrong, engine.signed(certificates.ca))).toBe(true)
    })

    it('is not spoken to where its certificate is of another authority, unless nothing is to be verified', async () => {
      for (const query of [engine.verified(other.ca), engine.signed(other.ca)])
        await expect(isEncrypted(right, query)).rejects.toMatchObject({ kind: 'refused' })
      expect(await isEncrypted(right, engine.unverified)).toBe(true)
    })

    it.runIf(right === 'localhost')(
      'is believed where this machine believes its authority and none is named, else not',
      async () => {
        for (const query of engine.verifiedBySystem) {
          const answers = [certificates, other].map(({ ca }) => askAlone(urlOf(right, query), engine.isEncrypted, ca))
          expect(await Promise.all(answers), query).toEqual(['1', 'refused'])
        }
      },
    )

    it.runIf(part === 'mariadb' && right === 'localhost')(
      'is spoken to with a cipher of the list that is given, or with TLS 1.3',
      async () => {
        const cipher = async (query: string) => (await open(right, query).query("SHOW STATUS LIKE 'Ssl_cipher'", []))[0]?.[1]
        expect(await cipher('ssl_cipher=ECDHE-RSA-AES128-GCM-SHA256')).toBe('TLS_AES_256_GCM_SHA384')
        await expect(cipher('ssl_cipher=none')).rejects.toMatchObject({
          kind: 'refused',
          message: expect.stringMatching(/cipher/i),
        })
      },
    )

    it('is shown who we are, where it demands that', async () => {
      await demandCertificate(server, open(right, engine.unverified))
      await expect(isEncrypted(right, engine.unverified, 'certified')).rejects.toMatchObject({ kind: 'refused' })
      expect(await isEncrypted(right, engine.withCertificate(certificates), 'certified')).toBe(true)
    })
  })
}

describeOn(stand, 'postgresql whose pg_hba.conf has it', () => {
  let certificates: Certificates
  let server: Server & Own

  beforeAll(async () => {
    certificates = makeCertificates('DNS:localhost')
    server = await startTlsDatabase('postgresql', { ca: certificates.ca, cert: certificates.cert, key: certificates.key })
  })
  afterAll(async () => {
    certificates.remove()
    await server.remove()
  })

  it('is spoken to without TLS where nothing is said of that and only those are let in, as libpq does', async () => {
    const admin = openDatabase<unknown>(parsedUrl(server.url('postgres')), OPTIONS)
    await sql.raw(`CREATE USER plain PASSWORD '${server.password}'`).execute(admin.kysely)
    await setAccess(server, admin.kysely, 'hostnossl all plain all scram-sha-256')
    await admin.close()
    const url = server.url('postgres').replace(/\/\/[^:]+/, '//plain')
    const isEncrypted = async (text: string) => {
      const database = openDatabase<unknown>(parsedUrl(text), OPTIONS)
      return database.query(ENGINES.postgresql.isEncrypted, []).finally(() => database.close())
    }
    expect(await isEncrypted(url)).toEqual([[0]])
    expect(await isEncrypted(server.url('postgres'))).toEqual([[1]])
    await expect(isEncrypted(`${url}?sslmode=require`)).rejects.toMatchObject({ kind: 'refused' })
    const stranger = isEncrypted(url.replace('plain', 'stranger'))
    await expect(stranger).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringMatching(/SSL encryption.*no encryption/),
    })
  })
})

function parsedUrl(text: string): DatabaseUrl {
  const parsed = parseDatabaseUrl(text)
  if (parsed.kind === 'invalid') throw new Error(parsed.reason)
  return parsed.url
}

/** The answer to a question of a process of its own: whom the machine believes is read once, from `SSL_CERT_FILE` where that is set. */
async function askAlone(url: string, question: string, believed: string): Promise<string> {
  const env = { ...process.env, SSL_CERT_FILE: believed }
  return (await run(process.execPath, [join(import.meta.dirname, 'ask.ts'), url, question], { env })).stdout
}

/** Makes a user `certified`, of the server's own password, who needs a certificate to log in. */
async function demandCertificate(server: Server & Own, { engine, kysely }: Database<unknown>): Promise<void> {
  if (engine === 'mysql') {
    await sql.raw(`CREATE USER certified@'%' IDENTIFIED BY '${server.password}' REQUIRE X509`).execute(kysely)
    await sql.raw(`GRANT ALL ON *.* TO certified@'%'`).execute(kysely)
    return
  }
  await sql.raw(`CREATE USER certified SUPERUSER PASSWORD '${server.password}'`).execute(kysely)
  await setAccess(server, kysely, 'hostssl all certified all scram-sha-256 clientcert=verify-ca')
}

/** Has a PostgreSQL let in whom the first of these lines of pg_hba.conf that fits lets in; the stand's own user comes last. */
async function setAccess(server: Server & Own, kysely: Kysely<unknown>, ...lines: readonly string[]): Promise<void> {
  const { rows } = await sql<{ hba_file: string }>`SHOW hba_file`.execute(kysely)
  const all = [...lines, `host all ${server.user} all scram-sha-256`].map((line) => `'${line}'`).join(', ')
  await sql.raw(`COPY (SELECT unnest(ARRAY[${all}])) TO '${rows[0]?.hba_file}'`).execute(kysely)
  await server.stop()
  await server.start()
}
