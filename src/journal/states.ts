import type { Deferral, DeliveryState } from './journal.ts'

/** The numbers that tables keep for the states of deliveries. Numbers never change their meaning; those below 2 are open. */
export const STATE_NUMBERS = {
  pending: 0,
  dispatched: 1,
  acknowledged: 2,
  expired: 3,
  superseded: 4,
  failed: 5,
  /** Dispatched, and the host will not say what became of it. */
  dispatchedForGood: 6,
} as const

const STATES: readonly DeliveryState[] = [
  'pending',
  'dispatched',
  'acknowledged',
  'expired',
  'superseded',
  'failed',
  'dispatched',
]

/** The state of a number. */
export function toState(number: number): DeliveryState {
  const state = STATES[number]
  if (state === undefined) throw new TypeError(`not the number of a delivery's state: ${number}`)
  return state
}

/** The numbers that stand for a state. */
export function numbersOf(state: DeliveryState): readonly number[] {
  return [...STATES.keys()].filter((number) => STATES[number] === state)
}

/** The numbers that tables keep for the states of deferrals. */
export const DEFERRAL_NUMBERS = { waiting: 0, located: 1, refused: 2, expired: 3 } as const

const DEFERRAL_STATES: readonly Deferral['state'][] = ['waiting', 'located', 'refused', 'expired']

/** The state of a deferral's number. */
export function toDeferralState(number: number): Deferral['state'] {
  const state = DEFERRAL_STATES[number]
  if (state === undefined) throw new TypeError(`not the number of a deferral's state: ${number}`)
  return state
}
