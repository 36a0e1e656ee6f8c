import type { Kysely } from 'kysely'
import type { Database } from '../../database/connect.ts'
import { DatabaseTrouble, toTrouble } from '../../database/trouble.ts'
import { run } from './dialect.ts'

/** A connection of its own, for transactions one after the other. */
export interface Session {
  /** Connects where it is not connected; rejects with `DatabaseTrouble`. */
  connect(): Promise<void>
  /**
   * Runs a transaction. What it resolved with is committed; when it rejects it is rolled back, unless the trouble is `away`: then it
   * may have been committed.
   */
  transaction<Answer>(work: (db: Kysely<unknown>) => Promise<Answer>): Promise<Answer>
  close(): void
}

interface Held {
  readonly db: Kysely<unknown>
  readonly release: () => void
}

/** A session whose connection is set up by these statements, each time that it is made. */
export function createSession(database: Database<unknown>, setup: readonly string[]): Session {
  let held: Promise<Held> | null = null
  let closed = false

  const hold = () =>
    new Promise<Held>((resolve, reject) => {
      const released = Promise.withResolvers<void>()
      const use = async (db: Kysely<unknown>) => {
        for (const statement of setup) await run(db, statement)
        resolve({ db, release: released.resolve })
        await released.promise
      }
      database.kysely.connection().execute(use).catch(reject)
    })
  const letGo = async () => {
    const gone = held
    held = null
    const connection = await gone?.catch(() => null)
    connection?.release()
  }
  const connection = async (): Promise<Held> => {
    if (closed) throw new DatabaseTrouble('away', 'the journal is closed')
    try {
      held ??= hold()
      return await held
    } catch (error) {
      held = null
      throw toTrouble(error)
    }
  }
  const rollBack = async (db: Kysely<unknown>, error: unknown) => {
    if (!(error instanceof DatabaseTrouble && error.kind === 'away')) {
      const failed = await run(db, 'rollback').then(
        () => null,
        (trouble: unknown) => trouble,
      )
      if (failed === null) return
    }
    await letGo()
  }
  return {
    connect: async () => void (await connection()),
    transaction: async (work) => {
      const { db } = await connection()
      try {
        await run(db, 'begin')
        const answer = await work(db)
        await run(db, 'commit')
        return answer
      } catch (error) {
        await rollBack(db, error)
        throw error
      }
    },
    close: () => {
      closed = true
      void letGo()
    },
  }
}
