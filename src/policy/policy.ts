import type { Caller } from '../identity/identity.ts'

/** What a rule may compare the caller with: `%(project_id)s` and the like. */
export type Target = Readonly<Record<string, string | null>>

/** Nothing to compare the caller with. */
export const NO_TARGET: Target = {}

/** Answers one question: may they? */
export interface Policy {
  /** Whether the rule lets this caller do it. An unknown rule lets nobody. Never throws. */
  allows(rule: string, caller: Caller, target?: Target): boolean
  /** Stops watching files. */
  close(): void
}
