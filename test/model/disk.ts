import { type Followed, type Journal, JournalUnavailable, type Submission } from '../../src/journal/journal.ts'
import { oneByOne } from '../../src/lib/one-by-one.ts'

/**
 * Stands between an engine and its journal as a disk does: what is asked waits until the run lets it be done, and what is done until
 * the run lets it be told. So a crash can come between any two of these.
 */
export interface Disk {
  /** For the engine of one life. */
  readonly journal: Journal
  /** Does writes, the oldest first. */
  write(most: number): Promise<void>
  /** Tells of writes that are done, the oldest first. */
  tellWritten(most: number): void
  /** Does one of the reads that wait: what it finds may be old when it is told. */
  read(which: number): Promise<void>
  /** Tells of one of the reads that are done. */
  tellRead(which: number): void
  /** Cannot do writes, the oldest first: nothing of them is kept. */
  refuse(most: number): void
  /** Does and tells all there is. */
  flow(): Promise<void>
  /** Nobody is left who could be told, and what was not done never will be. */
  crash(): void
  readonly isIdle: boolean
}

export interface DiskListener {
  /** A submission is on disk from now on, whether anybody will be told of it or not. */
  committed(submission: Submission): void
}

interface Call {
  readonly run: () => Promise<unknown>
  readonly onDone: () => void
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/** What happens in the order of the calls; everything else reads. */
const WRITES: ReadonlySet<string> = new Set(['commit', 'commitAll', 'record', 'locate', 'acknowledge', 'follow', 'expireParked'])
/** What is told and not asked. */
const AT_ONCE: ReadonlySet<string> = new Set(['touchHost', 'close', 'servers', 'takeovers'])
const EVERYONE = 1_000_000

/** A disk over a journal that earlier lives may have written: the first claim names all hosts with anything open, as after a start. */
export function createDisk(real: Journal, listener: DiskListener): Disk {
  let writes: Call[] = []
  let reads: Call[] = []
  let written: (() => void)[] = []
  let found: (() => void)[] = []
  let isFirstClaim = true
  /** What followed its server by writes that are done, until one of them is told. */
  let followed: Followed[] = []
  const listeners: ((followed: Followed) => void)[] = []
  real.onFollowed((each) => void followed.push(each))

  const claim = async () => {
    const claimed = await real.claim()
    if (!isFirstClaim) return claimed
    isFirstClaim = false
    const hosts = await real.hosts(null, EVERYONE)
    return hosts.filter(({ pending, dispatched }) => pending + dispatched > 0).map(({ host }) => host)
  }
  const callOf = (name: string, args: readonly unknown[]) => {
    const method: (...args: readonly unknown[]) => Promise<unknown> = Reflect.get(real, name)
    return name === 'claim' ? claim : () => method(...args)
  }
  const ask = (name: string, args: readonly unknown[]) =>
    new Promise((resolve, reject) => {
      const onDone = () => {
        if (name === 'commit') listener.committed(args[0] as Submission)
        if (name === 'commitAll') for (const each of args[0] as readonly Submission[]) listener.committed(each)
      }
      const queue = WRITES.has(name) ? writes : reads
      queue.push({ run: callOf(name, args), onDone, resolve, reject })
    })
  const run = async (call: Call): Promise<() => void> => {
    try {
      const answer = await call.run()
      call.onDone()
      const heard = followed
      followed = []
      return () => {
        for (const each of heard) for (const listener of listeners) listener(each)
        call.resolve(answer)
      }
    } catch (error) {
      return () => call.reject(error)
    }
  }
  const write = async (most: number) => {
    // The thread that writes takes what comes together into one transaction.
    written.push(...(await Promise.all(writes.splice(0, most).map(run))))
  }
  return {
    journal: new Proxy(real, {
      get: (target, name: string) => {
        if (name === 'onFollowed') return (listener: (followed: Followed) => void) => void listeners.push(listener)
        return AT_ONCE.has(name) ? Reflect.get(target, name) : (...args: readonly unknown[]) => ask(name, args)
      },
    }),
    write,
    tellWritten: (most) => oneByOne(written.splice(0, most)),
    read: async (which) => {
      for (const call of reads.splice(which % Math.max(reads.length, 1), 1)) found.push(await run(call))
    },
    tellRead: (which) => oneByOne(found.splice(which % Math.max(found.length, 1), 1)),
    refuse: (most) => {
      for (const { reject } of writes.splice(0, most)) reject(new JournalUnavailable('the disk is full'))
    },
    flow: async () => {
      await write(writes.length)
      oneByOne([...written.splice(0), ...found.splice(0)])
      oneByOne(await Promise.all(reads.splice(0).map(run)))
    },
    crash: () => {
      writes = []
      reads = []
      written = []
      found = []
    },
    get isIdle() {
      return writes.length + reads.length + written.length + found.length === 0
    },
  }
}
