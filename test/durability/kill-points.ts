/** Where a process may be killed that it hurts. */
export type KillPoint =
  /** In the transaction that runs such a statement: before its COMMIT is sent, or when that is answered. */
  | { readonly kind: 'transaction'; readonly statement: RegExp; readonly moment: 'before commit' | 'after commit' }
  /** When a POST of events was answered, to the last byte. */
  | { readonly kind: 'reply' }

/** What each statement is for, in the spelling of all three engines. */
const COMMITS_EVENTS = /^INSERT INTO events\b/
const RECORDS_STEPS =
  /^UPDATE deliveries SET state = \?|^INSERT INTO open_deliveries .* ON (DUPLICATE|CONFLICT)|^INSERT INTO deliveries\b.*VALUES \?|^INSERT INTO deliveries\b.*unnest/s
const REMOVES_OLD = /^DELETE FROM events\b/

/** The points by name. */
export const KILL_POINTS = {
  'before the commit': { kind: 'transaction', statement: COMMITS_EVENTS, moment: 'before commit' },
  'after the commit, before the reply': { kind: 'transaction', statement: COMMITS_EVENTS, moment: 'after commit' },
  'after the reply, before dispatch': { kind: 'reply' },
  'after dispatch or its acknowledgement, before its record': {
    kind: 'transaction',
    statement: RECORDS_STEPS,
    moment: 'before commit',
  },
  'during retention': { kind: 'transaction', statement: REMOVES_OLD, moment: 'before commit' },
} as const satisfies Readonly<Record<string, KillPoint>>

export type KillPointName = keyof typeof KILL_POINTS

/** The variables that tell a process where to die: the point's name, and at which pass of it. */
export const KILL_AT = 'KILL_AT'
export const KILL_AT_PASS = 'KILL_AT_PASS'

/** Where this process is to die; null: nowhere. */
export function readKillPoint(environment: NodeJS.ProcessEnv): { readonly point: KillPoint; readonly pass: number } | null {
  const name = environment[KILL_AT]
  if (name === undefined) return null
  const point = Object.entries(KILL_POINTS).find(([known]) => known === name)?.[1]
  if (point === undefined) throw new Error(`no such point: ${name}`)
  return { point, pass: Number(environment[KILL_AT_PASS] ?? 1) }
}
