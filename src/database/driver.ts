import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import type { Connection } from './connection.ts'
import type { Pool } from './pool.ts'
import type { Engine } from './url.ts'

/** Kysely's dialect for an engine, over our own pool and connections. */
export function createDialect(engine: Engine, pool: Pool<Connection>): Dialect {
  const createDriver = () => createKyselyDriver(engine, pool)
  return engine === 'mysql'
    ? {
        createDriver,
        createAdapter: () => new MysqlAdapter(),
        createQueryCompiler: () => new MysqlQueryCompiler(),
        createIntrospector: (db: Kysely<unknown>) => new MysqlIntrospector(db),
      }
    : {
        createDriver,
        createAdapter: () => new PostgresAdapter(),
        createQueryCompiler: () => new PostgresQueryCompiler(),
        createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
      }
}

/** Who begins a transaction that ends in an error must roll back, as `Kysely.transaction()` does. */
function createKyselyDriver(engine: Engine, pool: Pool<Connection>): Driver {
  const held = new Map<DatabaseConnection, Connection>()
  const run = async (connection: DatabaseConnection, statement: string) => {
    await connection.executeQuery(CompiledQuery.raw(statement))
  }
  return {
    init: async () => {},
    acquireConnection: async () => {
      const connection = await pool.acquire()
      const taken = toKysely(connection)
      held.set(taken, connection)
      return taken
    },
    releaseConnection: async (taken) => {
      const connection = held.get(taken)
      if (connection === undefined) return
      held.delete(taken)
      pool.release(connection)
    },
    beginTransaction: async (taken, { isolationLevel, accessMode }) => {
      const modes = [
        isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`,
        accessMode === undefined ? '' : ` ${accessMode}`,
      ]
      const settings = modes.filter(Boolean).join(',')
      if (engine === 'postgresql') return run(taken, `begin${settings}`)
      // MySQL takes the settings of the next transaction beforehand.
      if (settings !== '') await run(taken, `set transaction${settings}`)
      await run(taken, 'begin')
    },
    commitTransaction: (taken) => run(taken, 'commit'),
    rollbackTransaction: async (taken) => {
      try {
        await run(taken, 'rollback')
      } catch (error) {
        // Nobody may find himself in the middle of this transaction.
        held.get(taken)?.destroy()
        throw error
      }
    },
    destroy: () => pool.close(),
  }
}

function toKysely(connection: Connection): DatabaseConnection {
  const executeQuery = async <Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> => {
    const { rows, affected, insertId } = await connection.execute(sql, parameters)
    return {
      // Kysely's promise to its callers: the table's types are what the database holds.
      rows: rows as Row[],
      ...(affected === undefined ? {} : { numAffectedRows: affected }),
      ...(insertId === undefined || insertId === 0n ? {} : { insertId }),
    }
  }
  return {
    executeQuery,
    streamQuery: async function* <Row>(query: CompiledQuery) {
      yield await executeQuery<Row>(query)
    },
  }
}
