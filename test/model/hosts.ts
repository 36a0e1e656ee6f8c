import type { Caster } from '../../src/cast/cast.ts'
import type { Journal } from '../../src/journal/journal.ts'
import type { Random } from './random.ts'
import type { Reference } from './reference.ts'

/** One thing that may happen; false where it cannot now. */
export type Action = (random: Random) => boolean | Promise<boolean>

/** An action, and how often it is taken against others. */
export interface Step {
  readonly weight: number
  readonly take: Action
}

/** The far side: what becomes of casts, over all lives of novacast. */
export interface Hosts {
  /** Whether their caster is one of those that know where a host is at the time of a cast. */
  readonly isFinal: boolean
  /** The caster of a new life. */
  begin(journal: Journal): Caster
  /** The process at this end is gone, and every connection with it. */
  crash(): void
  /** Everything works from now on. */
  mend(): void
  /** Takes and confirms or acknowledges all that is on its way. Answers whether there was anything. */
  settle(): boolean
  readonly steps: Readonly<Record<string, Step>>
}

export type CreateHosts = (reference: Reference) => Hosts
