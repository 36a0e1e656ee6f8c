import type { ReplayedEvent } from '../sdk/index.ts'
import type { Terminal } from './terminal.ts'

/** Shows how far a replay has come. */
export interface ReplayProgress {
  update(event: ReplayedEvent, counts: { readonly replayed: number; readonly leftOut: number }): void
  /** Says something beside it. */
  say(line: string): void
  /** `isDone`: it came to its end. */
  stop(isDone: boolean): void
}

const STEPS = 1000

/**
 * A bar where standard error is a terminal. How many there will be nobody knows before they are looked at, but they come in the order of
 * their times: it shows how much of the time between the first and the end has been gone through.
 */
export async function startReplayProgress(
  terminal: Terminal,
  { isShown, untilMs }: { readonly isShown: boolean; readonly untilMs: number },
): Promise<ReplayProgress> {
  if (!isShown || terminal.stderr.isTTY !== true) return { update: () => {}, say: terminal.say, stop: () => {} }
  const { SingleBar, Presets } = await import('cli-progress')
  const format = '{bar} {percentage}% | {replayed} replayed, {leftOut} left out | at {at}'
  const bar = new SingleBar({ stream: terminal.stderr, format, hideCursor: true }, Presets.shades_classic)
  const endMs = Math.min(Number.isNaN(untilMs) ? Number.POSITIVE_INFINITY : untilMs, Date.now())
  let firstMs: number | null = null
  let shown = { steps: 0, about: { replayed: 0, leftOut: 0, at: '…' } }
  bar.start(STEPS, shown.steps, shown.about)
  return {
    update: ({ received_at: at }, { replayed, leftOut }) => {
      const atMs = Date.parse(at)
      firstMs ??= atMs
      const part = endMs <= firstMs ? 1 : (atMs - firstMs) / (endMs - firstMs)
      const steps = Math.floor(Math.min(Math.max(part, 0), 1) * STEPS)
      shown = { steps, about: { replayed, leftOut, at: at.slice(0, 19) } }
      bar.update(shown.steps, shown.about)
    },
    say: (line) => {
      bar.stop()
      terminal.say(line)
      bar.start(STEPS, shown.steps, shown.about)
    },
    stop: (isDone) => {
      if (isDone) bar.update(STEPS)
      bar.stop()
    },
  }
}
