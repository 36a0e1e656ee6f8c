/** Says the same kind of thing at most once in `everyMs`, and then how often it would have been said meanwhile. */
export function createSeldom(everyMs: number): (say: (times: number) => void) => void {
  let notBeforeMs = Number.NEGATIVE_INFINITY
  let times = 0
  return (say) => {
    times++
    const nowMs = performance.now()
    if (nowMs < notBeforeMs) return
    notBeforeMs = nowMs + everyMs
    say(times)
    times = 0
  }
}
