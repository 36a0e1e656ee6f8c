import type { DatabaseSync } from 'node:sqlite'

/** Gives texts that repeat a number, once and for ever. */
export interface Interner {
  host(name: string): number
  /** Null where the host has no number: nothing was ever kept for it. */
  knownHost(name: string): number | null
  kind(name: string, status: string): number
  sender(userId: string | null, userName: string | null, projectId: string | null): number
  /** To be called after a rollback: numbers given since the last commit are gone. */
  reset(): void
}

const MAX_REMEMBERED = 20_000

/** Remembers the numbers in a bounded memory; what is not in it is looked up. Only the writer interns, so nothing can race. */
export function createInterner(db: DatabaseSync): Interner {
  const remembered = new Map<string, number>()
  const findHost = db.prepare('SELECT host_id FROM hosts WHERE host = ?')
  const addHost = db.prepare('INSERT INTO hosts (host) VALUES (?)')
  const findKind = db.prepare('SELECT kind FROM kinds WHERE name = ? AND status = ?')
  const addKind = db.prepare('INSERT INTO kinds (name, status) VALUES (?, ?)')
  const findSender = db.prepare('SELECT sender FROM senders WHERE user_id IS ? AND project_id IS ? AND user_name IS ?')
  const addSender = db.prepare('INSERT INTO senders (user_id, project_id, user_name) VALUES (?, ?, ?)')

  const remember = (key: string, number: number): number => {
    if (remembered.size >= MAX_REMEMBERED) remembered.clear()
    remembered.set(key, number)
    return number
  }
  const knownHost = (name: string): number | null => {
    const key = `host ${name}`
    const row = remembered.get(key) ?? findHost.get(name)?.['host_id']
    return row === undefined ? null : remember(key, Number(row))
  }
  return {
    knownHost,
    host: (name) =>
      remembered.get(`host ${name}`) ?? knownHost(name) ?? remember(`host ${name}`, Number(addHost.run(name).lastInsertRowid)),
    kind: (name, status) => {
      const key = `kind ${name} ${status}`
      const found = remembered.get(key) ?? findKind.get(name, status)?.['kind']
      return remember(key, Number(found ?? addKind.run(name, status).lastInsertRowid))
    },
    sender: (userId, userName, projectId) => {
      const key = `sender ${JSON.stringify([userId, userName, projectId])}`
      const found = remembered.get(key) ?? findSender.get(userId, projectId, userName)?.['sender']
      return remember(key, Number(found ?? addSender.run(userId, projectId, userName).lastInsertRowid))
    },
    reset: () => remembered.clear(),
  }
}
