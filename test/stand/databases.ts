import { randomBytes } from 'node:crypto'
import { createConnection } from 'mysql2/promise'
import { Client } from 'pg'
import type { DatabaseInfo } from './services/mariadb.ts'
import type { Database } from './stand.ts'

const DRIVERS = { mariadb: 'mysql+pymysql', postgresql: 'postgresql+psycopg2' } as const

/** The SQLAlchemy URL of a database. */
export function databaseUrl({ kind, host, port, user, password }: DatabaseInfo, database: string): string {
  return `${DRIVERS[kind]}://${user}:${password}@${host}:${port}/${database}`
}

/** Makes an empty database; `name` must be a plain word. */
export async function createDatabase(
  info: DatabaseInfo,
  name = `own_${randomBytes(6).toString('hex')}`,
): Promise<{ name: string; url: string }> {
  await execute(info, info.kind === 'mariadb' ? `create database ${name} character set utf8mb3` : `create database ${name}`)
  return { name, url: databaseUrl(info, name) }
}

async function execute({ kind, host, port, user, password }: DatabaseInfo, sql: string): Promise<void> {
  if (kind === 'mariadb') {
    const connection = await createConnection({ host, port, user, password })
    await connection.query(sql).finally(() => connection.end())
    return
  }
  const client = new Client({ host, port, user, password, database: 'postgres' })
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

/** A database server as suites see it. */
export function toDatabase(info: DatabaseInfo): Database {
  const { host, port, user, password } = info
  return {
    host,
    port,
    user,
    password,
    url: (name) => databaseUrl(info, name),
    createDatabase: (name) => createDatabase(info, name),
  }
}
