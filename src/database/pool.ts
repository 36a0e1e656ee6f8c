import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseTrouble } from './trouble.ts'

/** A connection to a database server, as a pool holds it. */
export interface Poolable {
  /** False from the moment when nothing more can be asked of it. */
  readonly isUsable: boolean
  /** Ends it in good order. */
  end(): Promise<void>
  /** Ends it now. Never throws. */
  destroy(): void
}

export interface PoolOptions<Connection> {
  /** Opens a connection, or rejects within the time-out of connecting. */
  readonly open: () => Promise<Connection>
  readonly maxConnections: number
  /** How long one who asks waits at most for a connection. */
  readonly acquireTimeoutMs: number
}

/** Connections to one database. Never more than `maxConnections`; who comes then waits in turn. */
export interface Pool<Connection> {
  /** A connection that nobody else uses. It must be released. */
  acquire(): Promise<Connection>
  /** Gives it back. One that is not usable any more is dropped. */
  release(connection: Connection): void
  /** Waits for those in use, but no longer than a second, and ends all. */
  close(): Promise<void>
}

/** Idle for so long, a connection is ended: servers and firewalls drop those at some time, without a word. */
const IDLE_MS = 60_000
const CLOSE_MS = 1000

/** The code of the trouble that all connections were in use for too long: the database itself may be well. */
export const ALL_IN_USE = 'ALL_IN_USE'

interface Waiter<Connection> {
  readonly resolve: (connection: Connection) => void
  readonly reject: (error: unknown) => void
  readonly timer: NodeJS.Timeout
}

/**
 * A pool of its own rather than each driver's: the two then behave alike where it counts. Waiting ends after a time, a connection
 * that failed is never handed out again, and closing ends though the server is silent (mysql2's pool does none of these, pg's not
 * the last two).
 */
export function createPool<Connection extends Poolable>(options: PoolOptions<Connection>): Pool<Connection> {
  const idle: { readonly connection: Connection; readonly sinceMs: number }[] = []
  const inUse = new Set<Connection>()
  const waiting = new Set<Waiter<Connection>>()
  let opening = 0
  let closed = false

  /** The last released first, so that those not needed grow old. */
  const takeIdle = (): Connection | undefined => {
    for (;;) {
      const connection = idle.pop()?.connection
      if (connection === undefined || connection.isUsable) return connection
    }
  }
  const open = (): void => {
    opening++
    options.open().then(
      (connection) => {
        opening--
        hand(connection)
      },
      (error: unknown) => {
        opening--
        // Whoever waits learns the reason at once, rather than after a time-out.
        const [first] = waiting
        settle(first)?.reject(error)
        openForWaiting()
      },
    )
  }
  const openForWaiting = (): void => {
    while (!closed && waiting.size > opening && idle.length + inUse.size + opening < options.maxConnections) open()
  }
  const settle = (waiter: Waiter<Connection> | undefined): Waiter<Connection> | undefined => {
    if (waiter === undefined || !waiting.delete(waiter)) return undefined
    clearTimeout(waiter.timer)
    return waiter
  }
  const tooLate = (): DatabaseTrouble => {
    const ms = options.acquireTimeoutMs
    if (opening > 0) return new DatabaseTrouble('away', `no connection to the database within ${ms} ms`, 'TIMEOUT')
    return new DatabaseTrouble('away', `no connection was free within ${ms} ms; ${inUse.size} are in use`, ALL_IN_USE)
  }
  const hand = (connection: Connection): void => {
    const [first] = waiting
    const waiter = connection.isUsable && !closed ? settle(first) : undefined
    if (waiter !== undefined) {
      inUse.add(connection)
      waiter.resolve(connection)
    } else if (!connection.isUsable || closed) {
      connection.destroy()
      openForWaiting()
    } else {
      idle.push({ connection, sinceMs: performance.now() })
    }
  }
  const sweep = setInterval(() => {
    const oldest = performance.now() - IDLE_MS
    while ((idle[0]?.sinceMs ?? Number.POSITIVE_INFINITY) < oldest) endQuietly(idle.shift()?.connection)
  }, IDLE_MS / 4).unref()

  return {
    acquire: () => {
      if (closed) return Promise.reject(new DatabaseTrouble('away', 'the connections to the database are closed'))
      const connection = takeIdle()
      if (connection !== undefined) {
        inUse.add(connection)
        return Promise.resolve(connection)
      }
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => settle(waiter)?.reject(tooLate()), options.acquireTimeoutMs)
        const waiter = { resolve, reject, timer }
        waiting.add(waiter)
        openForWaiting()
      })
    },
    release: (connection) => {
      if (inUse.delete(connection)) hand(connection)
    },
    close: async () => {
      if (closed) return
      closed = true
      clearInterval(sweep)
      const error = new DatabaseTrouble('away', 'the connections to the database are being closed')
      for (const waiter of waiting) settle(waiter)?.reject(error)
      const deadline = performance.now() + CLOSE_MS
      while (inUse.size + opening > 0 && performance.now() < deadline) await sleep(10)
      const ends = idle.map(({ connection }) => connection.end().catch(() => {}))
      await Promise.race([Promise.all(ends), sleep(CLOSE_MS, undefined, { ref: false })])
      for (const connection of [...inUse, ...idle.map((each) => each.connection)]) connection.destroy()
    },
  }
}

function endQuietly(connection: Poolable | undefined): void {
  connection?.end().catch(() => {})
}
