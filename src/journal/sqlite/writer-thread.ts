/** The thread that writes: it owns the only writing connection, and commits all that has gathered while it synced the last commit. */
import { workerData } from 'node:worker_threads'
import { openForWriting } from './database.ts'
import { migrate } from './migrate.ts'
import type { WriterWork } from './protocol.ts'
import { type Incoming, parseThreadData, serveThread, type ThreadPort } from './thread-port.ts'
import { createWriter, type WriteGroup } from './writer.ts'

/**
 * Rows of a transaction at most, unless a single call brings more. Events a second with 16 and with 64 POSTs of 100 in flight:
 * 2000 rows 121,000 and 139,000; 1000 rows 137,000 and 134,000; 500 rows 129,000 and 118,000. With fewer, the main thread has
 * answers to go on with while the next transaction is written, and nobody waits longer than 8 ms for those before.
 */
const MAX_WEIGHT = 1000

/** Takes works from the front until the transaction is full; always at least one. */
function takeGroup(queue: Incoming<WriterWork>[]): Incoming<WriterWork>[] {
  let weight = 0
  let length = 0
  for (const { weight: more } of queue) {
    if (weight > 0 && weight + more > MAX_WEIGHT) break
    weight += more
    length++
  }
  return queue.splice(0, length)
}

function drain(queue: Incoming<WriterWork>[], write: WriteGroup, port: ThreadPort<WriterWork>): void {
  while (queue.length > 0) {
    const group = takeGroup(queue)
    const results = write(group)
    port.reply(group, results)
    const broken = results.find((result) => result.kind === 'failed' && result.fault.cost === 'connection')
    if (broken?.kind === 'failed') throw new Error(broken.fault.message)
    queue.push(...port.receive())
  }
}

const { file, repeatWindowMs } = parseThreadData(workerData)
await serveThread<WriterWork>(async () => {
  const db = openForWriting(file)
  await migrate(db)
  const write = createWriter(db, repeatWindowMs)
  const queue: Incoming<WriterWork>[] = []
  return {
    take: (arrived, port) => {
      queue.push(...arrived)
      drain(queue, write, port)
    },
    close: () => db.close(),
  }
})
