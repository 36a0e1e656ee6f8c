/** The thread that reads: a search through millions of events costs neither commits nor HTTP a moment, nor other reads much. */
import { workerData } from 'node:worker_threads'
import { createStatements, openForReading } from './database.ts'
import { toFault } from './faults.ts'
import { createReads, type Job, type ReaderWork } from './reads.ts'
import { type Incoming, parseThreadData, serveThread, type ThreadPort } from './thread-port.ts'
import type { WorkResult } from './writer.ts'

/** The inner pages of all tables and indexes of ten million events: a quarter less to read for a look-up. Filled by long journals only. */
const CACHE_KIB = 16_000
/** How long one read may go on while others wait. */
const TURN_MS = 2
/** Of so many turns one goes to a patient read, however many urgent ones there are. */
const PATIENT_EACH = 8

interface Running {
  readonly call: Incoming<ReaderWork>
  readonly job: Job<unknown>
  readonly patient: boolean
}

/** Lets a job go on for its turn; null when it has not ended. */
function takeTurn(job: Job<unknown>): WorkResult | null {
  const end = performance.now() + TURN_MS
  try {
    do {
      const step = job.next()
      if (step.done === true) return { kind: 'done', answer: step.value }
    } while (performance.now() < end)
    return null
  } catch (error) {
    return { kind: 'failed', fault: toFault(error) }
  }
}

/**
 * Gives all jobs turns until they have ended. Searches and lists are patient: deliveries on their way to a host, and whatever else
 * arrives meanwhile, wait for one turn and not for a search.
 */
function run(arrived: readonly Running[], receive: () => readonly Running[], port: ThreadPort<ReaderWork>): void {
  const urgent: Running[] = []
  const patient: Running[] = []
  const enqueue = (job: Running) => (job.patient ? patient : urgent).push(job)
  let turns = 0
  const takeNext = () => (++turns % PATIENT_EACH === 0 ? patient.shift() : undefined) ?? urgent.shift() ?? patient.shift()
  arrived.forEach(enqueue)
  for (let next = takeNext(); next !== undefined; next = takeNext()) {
    const result = takeTurn(next.job)
    if (result === null) enqueue(next)
    else port.reply([next.call], [result])
    receive().forEach(enqueue)
  }
}

const { file } = parseThreadData(workerData)
await serveThread<ReaderWork>(async () => {
  const db = openForReading(file, CACHE_KIB)
  const read = createReads(createStatements(db))
  return {
    take: (arrived, port) => {
      const start = (call: Incoming<ReaderWork>): Running => {
        const work = call.parse()
        return { call, job: read(work), patient: work.kind === 'search' || work.kind === 'servers' }
      }
      run(arrived.map(start), () => port.receive().map(start), port)
    },
    close: () => db.close(),
  }
})
