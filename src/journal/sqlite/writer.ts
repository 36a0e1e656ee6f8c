import type { DatabaseSync } from 'node:sqlite'
import { toUuidColumn } from './columns.ts'
import { createCommitter } from './commit.ts'
import { type Fault, toFault } from './faults.ts'
import { createFollower } from './follow.ts'
import { createInterner } from './intern.ts'
import { createLocator } from './locate.ts'
import { createOnce } from './once.ts'
import type { StepFate, WireStep, WriterWork } from './protocol.ts'
import { createRecentMoves } from './recent-moves.ts'
import { createRetainer } from './retain.ts'
import { createServersWriter } from './servers-writer.ts'
import { createSettler } from './settle.ts'
import { createTally } from './tally.ts'

/** What became of one piece of work. */
export type WorkResult = { readonly kind: 'done'; readonly answer: unknown } | { readonly kind: 'failed'; readonly fault: Fault }

/** A work that is parsed when its turn comes. */
export interface Parcel {
  parse(): WriterWork
}

/**
 * Writes works, in order, in one transaction that is on disk when this returns; a result for each.
 *
 * A work that cannot be kept fails alone: the transaction is rolled back and each work gets one of its own. When nothing can be
 * written now all fail at once, so that a full disk costs one attempt and not hundreds.
 */
export type WriteGroup = (works: readonly Parcel[]) => readonly WorkResult[]

/** `repeatWindowMs`: how long it is known what a repeat repeats. */
export function createWriter(db: DatabaseSync, repeatWindowMs: number): WriteGroup {
  const intern = createInterner(db)
  const tally = createTally(db)
  const follower = createFollower(db, intern, tally)
  const moves = createRecentMoves()
  const committer = createCommitter(db, { intern, tally, follower, moves })
  const once = createOnce(db, committer, repeatWindowMs * 1000)
  const settle = createSettler(db, { intern, tally, follower })
  const locator = createLocator(db, follower)
  const retain = createRetainer(db, committer)
  const servers = createServersWriter(db, { follower, moves })
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const readVersion = db.prepare('PRAGMA user_version')

  const apply = (work: WriterWork): unknown => {
    switch (work.kind) {
      case 'commit':
        committer.write(work.body)
        return follower.take()
      case 'commitOnce':
        return [once(work.body), follower.take()]
      case 'commitAll':
        for (const submission of work.body) committer.write(submission)
        return follower.take()
      case 'record':
        return [work.body.map((step: WireStep): StepFate => settle(step)), follower.take()]
      case 'locate':
        for (const location of work.body.locations) locator.locate(location, (server) => work.body.strays.includes(server))
        return follower.take()
      case 'follow':
        for (const [server, place, atUs] of work.body) follower.follow(toUuidColumn(server), { place, atUs }, 'all')
        return follower.take()
      case 'expireParked':
        return locator.expireParked(work.body)
      case 'touch':
        for (const [host, atUs] of work.body) tally.seen(intern.host(host), atUs)
        return null
      case 'retain':
        return retain(...work.body)
      case 'probe':
        // A page of the log, as every other write.
        db.exec(`PRAGMA user_version = ${readVersion.get()?.['user_version']}`)
        return null
      case 'put':
        return [servers.put(work.body), follower.take()]
      case 'remove':
        return [servers.remove(...work.body), follower.take()]
      case 'import':
        for (const server of work.body) servers.put(server)
        return follower.take()
    }
  }

  const rollBack = () => {
    // SQLite has rolled back by itself after some errors (sqlite.org/lang_transaction.html).
    if (db.isTransaction) db.exec('ROLLBACK')
    tally.reset()
    follower.reset()
    moves.reset()
    intern.reset()
    committer.reset()
  }

  const writeAll = (works: readonly Parcel[]): readonly WorkResult[] => {
    begin.run()
    const results = works.map((work): WorkResult => ({ kind: 'done', answer: apply(work.parse()) }))
    tally.write()
    commit.run()
    moves.keep()
    return results
  }

  const write: WriteGroup = (works) => {
    try {
      return writeAll(works)
    } catch (error) {
      const fault = toFault(error)
      if (fault.cost !== 'connection') rollBack()
      if (fault.cost === 'item' && works.length > 1) return works.flatMap((work) => write([work]))
      return works.map(() => ({ kind: 'failed', fault }))
    }
  }
  return write
}
