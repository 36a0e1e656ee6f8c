import { expect, it } from 'vitest'
import type { CellId } from '../events/event.ts'
import { createLoad, type Load } from './load.ts'

const cell = (n: number) => `cell-${n}` as CellId

/** Casts to a cell as long as there is room; how many those were. */
function fill(load: Load, of: CellId | null, isAwaited = false): number {
  let begun = 0
  for (; load.hasRoom(of, isAwaited); begun++) load.begun(of)
  return begun
}

it('leaves room for other cells, however many are full, and more for what is awaited', () => {
  const load = createLoad({ isFinal: true })
  const alone = fill(load, cell(1))
  expect(alone).toBeGreaterThan(3000)
  expect(fill(load, cell(1), true)).toBeGreaterThan(500)
  let all = load.casts
  for (let n = 2; n <= 20; n++) {
    const begun = fill(load, cell(n))
    expect(begun).toBeGreaterThan(0)
    all += begun
  }
  expect(load.casts).toBe(all)
  expect(all).toBeLessThan(6000)
  expect(fill(load, cell(21))).toBeGreaterThan(0)
  // Those who only read.
  expect(load.hasRoom('sweep', false)).toBe(true)
  expect(load.hasRoom(undefined, false)).toBe(true)
  for (let i = 0; i < alone; i++) load.ended(cell(1))
  expect(load.hasRoom(cell(2), false)).toBe(true)
})

it('knows no cells where agents are cast to', () => {
  const load = createLoad({ isFinal: false })
  fill(load, null)
  expect(load.hasRoom(cell(1), false)).toBe(false)
  expect(load.hasRoom(undefined, false)).toBe(false)
})
