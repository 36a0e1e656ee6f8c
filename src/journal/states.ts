/**
 * The life of a delivery (one event to one host), as data: what it may be, what may happen to it, and what that makes of it. Both
 * journals write by this table and by nothing else.
 *
 *     pending ──► dispatched ──► acknowledged   the host says no more, or that it was applied
 *     │  ▲            │
 *     │  └────────────┘ not acknowledged in time, connection lost
 *     ├──► expired      its time to live is over
 *     ├──► superseded   another delivery stands for it; pending again when its server comes back to a host that it had left
 *     └──► failed       it can never be made, was tried too often, or the host says so
 *
 * Over RabbitMQ `dispatched` is an end: the broker confirmed it into the host's queue, and nova-compute cannot say more.
 */

/** The numbers that tables keep for what a delivery may be. Numbers never change their meaning; those below 2 are open. */
export const STATE_NUMBERS = {
  pending: 0,
  dispatched: 1,
  acknowledged: 2,
  expired: 3,
  superseded: 4,
  failed: 5,
  /** Dispatched, and the host will not say what became of it. */
  dispatchedForGood: 6,
  /** Superseded because the server left the host. */
  left: 7,
  /** Acknowledged, and the host says that it was applied. */
  applied: 8,
  /** Failed, and it is the host that says so. */
  failedThere: 9,
} as const

/** What a delivery may be, as tables have it. */
export type Stage = keyof typeof STATE_NUMBERS
export type OpenStage = 'pending' | 'dispatched'

/** What a delivery may be, as the world is told. */
export const DELIVERY_STATES = ['pending', 'dispatched', 'acknowledged', 'expired', 'superseded', 'failed'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** What may happen to a delivery, and what it does besides what `TRANSITIONS` says. */
export const STEPS = {
  /** It left; the host will acknowledge it. */
  dispatched: { countsAttempt: true, countsTry: false },
  /** It left, and that is all that will be known. */
  dispatchedForGood: { countsAttempt: true, countsTry: false },
  /** The host has dealt with it. */
  acknowledged: { countsAttempt: false, countsTry: false },
  /** The same, and it says that it applied it. */
  applied: { countsAttempt: false, countsTry: false },
  /** The same, and it says that it could not apply it. */
  failedThere: { countsAttempt: false, countsTry: false },
  /** It waits again, for no fault of its own: the host or what leads there went away. */
  returned: { countsAttempt: false, countsTry: false },
  /** It waits again, and one of its tries is used up: it was refused for its own sake, or not acknowledged in time. */
  rejected: { countsAttempt: false, countsTry: true },
  expired: { countsAttempt: false, countsTry: false },
  failed: { countsAttempt: false, countsTry: false },
  /** A newer event of the same server, name and tag waits behind it and says the same. */
  superseded: { countsAttempt: false, countsTry: false },
  /** The server is elsewhere: deliveries to the hosts where it is stand for it. */
  moved: { countsAttempt: false, countsTry: false },
  /** The server is on the host again that it had left, and the event still waits. */
  cameBack: { countsAttempt: false, countsTry: false },
} as const satisfies Readonly<Record<string, { readonly countsAttempt: boolean; readonly countsTry: boolean }>>

export type StepName = keyof typeof STEPS

/** What each step makes of a delivery. A step that is not named does not exist: it is refused, and changes nothing. */
export const TRANSITIONS = {
  pending: {
    dispatched: 'dispatched',
    dispatchedForGood: 'dispatchedForGood',
    // After a lost connection the acknowledgement may still come.
    acknowledged: 'acknowledged',
    applied: 'applied',
    failedThere: 'failedThere',
    returned: 'pending',
    rejected: 'pending',
    expired: 'expired',
    failed: 'failed',
    superseded: 'superseded',
    moved: 'left',
  },
  dispatched: {
    // After a restart nobody remembers that it left.
    dispatched: 'dispatched',
    dispatchedForGood: 'dispatchedForGood',
    acknowledged: 'acknowledged',
    applied: 'applied',
    failedThere: 'failedThere',
    returned: 'pending',
    rejected: 'pending',
    expired: 'expired',
    failed: 'failed',
    // Not superseded: it has left.
    moved: 'left',
  },
  acknowledged: {},
  expired: {},
  superseded: {},
  failed: {},
  dispatchedForGood: {},
  left: { cameBack: 'pending' },
  applied: {},
  failedThere: {},
} as const satisfies Readonly<Record<Stage, Readonly<Partial<Record<StepName, Stage>>>>>

/** What a step makes of a delivery. */
export interface Change {
  readonly number: number
  readonly isEnd: boolean
  /** What it adds to `attempts` and to `tries`. */
  readonly attempts: 0 | 1
  readonly tries: 0 | 1
}

const STAGES = Object.keys(STATE_NUMBERS).sort(
  (a, b) => STATE_NUMBERS[a as Stage] - STATE_NUMBERS[b as Stage],
) as readonly Stage[]

const CHANGES: readonly ReadonlyMap<StepName, Change>[] = STAGES.map((stage) => {
  const steps = Object.entries(TRANSITIONS[stage]) as readonly (readonly [StepName, Stage])[]
  return new Map(
    steps.map(([step, to]) => {
      const { countsAttempt, countsTry } = STEPS[step]
      const isEnd = !isOpen(STATE_NUMBERS[to])
      return [step, { number: STATE_NUMBERS[to], isEnd, attempts: countsAttempt ? 1 : 0, tries: countsTry ? 1 : 0 }]
    }),
  )
})

/** What a step makes of a delivery of this number; null where it does not apply. */
export function changeOf(number: number, step: StepName): Change | null {
  return CHANGES[number]?.get(step) ?? null
}

/** Whether a delivery of this number is still to be made, or to be acknowledged. */
export function isOpen(number: number): boolean {
  return number === STATE_NUMBERS.pending || number === STATE_NUMBERS.dispatched
}

const TOLD: Readonly<Record<Stage, DeliveryState>> = {
  pending: 'pending',
  dispatched: 'dispatched',
  acknowledged: 'acknowledged',
  expired: 'expired',
  superseded: 'superseded',
  failed: 'failed',
  dispatchedForGood: 'dispatched',
  left: 'superseded',
  applied: 'acknowledged',
  failedThere: 'failed',
}

/** The state of a number. */
export function toState(number: number): DeliveryState {
  const stage = STAGES[number]
  if (stage === undefined) throw new TypeError(`not the number of a delivery's state: ${number}`)
  return TOLD[stage]
}

/** The numbers that stand for a state. */
export function numbersOf(state: DeliveryState): readonly number[] {
  return [...STAGES.keys()].filter((number) => toState(number) === state)
}

/** The numbers that tables keep for the states of deferrals. */
export const DEFERRAL_NUMBERS = { waiting: 0, located: 1, refused: 2, expired: 3, parked: 4 } as const
export type DeferralState = keyof typeof DEFERRAL_NUMBERS

const DEFERRAL_STATES: readonly DeferralState[] = ['waiting', 'located', 'refused', 'expired', 'parked']

/** The state of a deferral's number. */
export function toDeferralState(number: number): DeferralState {
  const state = DEFERRAL_STATES[number]
  if (state === undefined) throw new TypeError(`not the number of a deferral's state: ${number}`)
  return state
}
