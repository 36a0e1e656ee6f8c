import type { ImportProgress } from '../sdk/index.ts'
import type { Terminal } from './terminal.ts'

/** Shows how far something has come. */
export interface Progress {
  readonly update: (progress: ImportProgress) => void
  readonly stop: () => void
}

const MIB = 1024 * 1024

/** A bar where standard error is a terminal; elsewhere one plain line when it is over. `size` in bytes, null when not known. */
export async function startProgress(terminal: Terminal, size: number | null): Promise<Progress> {
  const startedAt = performance.now()
  let last: ImportProgress = { bytes: 0, lines: 0 }
  const summary = () => {
    const seconds = (performance.now() - startedAt) / 1000
    return `sent ${last.lines} lines, ${(last.bytes / MIB).toFixed(1)} MiB, in ${seconds.toFixed(1)} s`
  }
  if (terminal.stderr.isTTY !== true || size === null)
    return {
      update: (progress) => {
        last = progress
      },
      stop: () => terminal.say(summary()),
    }
  const { SingleBar, Presets } = await import('cli-progress')
  const format = '{bar} {percentage}% | {lines} lines | {eta_formatted} left'
  const bar = new SingleBar({ stream: terminal.stderr, format, etaBuffer: 100, hideCursor: true }, Presets.shades_classic)
  bar.start(size, 0, { lines: 0 })
  return {
    update: (progress) => {
      last = progress
      bar.update(progress.bytes, { lines: progress.lines })
    },
    stop: () => {
      bar.stop()
      terminal.say(summary())
    },
  }
}
