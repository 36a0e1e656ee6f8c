import { describe, expect, it } from 'vitest'
import {
  changeOf,
  DELIVERY_STATES,
  isOpen,
  numbersOf,
  STATE_NUMBERS,
  STEPS,
  type StepName,
  TRANSITIONS,
  toState,
} from './states.ts'

const STEP_NAMES = Object.keys(STEPS) as StepName[]
const STAGES = Object.entries(STATE_NUMBERS)

describe('what may happen to a delivery', () => {
  it('happens to those that are open, and ends in states that nothing happens to, unless a server comes back', () => {
    for (const [stage, number] of STAGES) {
      const steps = STEP_NAMES.filter((step) => changeOf(number, step) !== null)
      expect(steps, stage).toEqual(Object.keys(TRANSITIONS[stage as keyof typeof TRANSITIONS]).filter((step) => step in STEPS))
      expect(steps.length > 0).toBe(isOpen(number) || stage === 'left')
      for (const step of steps) expect(changeOf(number, step)?.isEnd).toBe(!isOpen(changeOf(number, step)?.number ?? -1))
    }
  })

  it('counts what leaves as an attempt, and what is refused as a try', () => {
    expect(changeOf(STATE_NUMBERS.pending, 'dispatched')).toEqual({ number: 1, isEnd: false, attempts: 1, tries: 0 })
    expect(changeOf(STATE_NUMBERS.dispatched, 'rejected')).toEqual({ number: 0, isEnd: false, attempts: 0, tries: 1 })
    expect(changeOf(STATE_NUMBERS.dispatched, 'returned')).toEqual({ number: 0, isEnd: false, attempts: 0, tries: 0 })
  })

  it('never supersedes by a newer event what has left', () => {
    expect(changeOf(STATE_NUMBERS.pending, 'superseded')).toMatchObject({ number: STATE_NUMBERS.superseded, isEnd: true })
    expect(changeOf(STATE_NUMBERS.dispatched, 'superseded')).toBeNull()
  })

  it('leads to states that have numbers, and numbers that have states', () => {
    for (const state of DELIVERY_STATES) for (const number of numbersOf(state)) expect(toState(number)).toBe(state)
    expect(DELIVERY_STATES.flatMap(numbersOf).sort()).toEqual(STAGES.map(([, number]) => number).sort())
    expect(() => toState(STAGES.length)).toThrow(TypeError)
  })
})
