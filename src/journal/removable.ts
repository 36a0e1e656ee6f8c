/** Numbers that follow each other, both ends included. */
export interface Run {
  readonly from: number
  readonly to: number
}

/** What can be removed. */
export interface Removable {
  /** Events, by their numbers, ascending. */
  readonly events: readonly Run[]
  /** Requests of which nothing is left then, by the numbers of their events. */
  readonly requests: readonly Run[]
}

/** Of these requests (the numbers of their events, ascending) everything but what is open, in as few runs as can be. */
export function runsOf(requests: readonly Run[], open: ReadonlySet<number>): Removable {
  const events: Run[] = []
  const whole: Run[] = []
  for (const request of requests) {
    let { from } = request
    for (let seq = from; open.size > 0 && seq <= request.to; seq++) {
      if (!open.has(seq)) continue
      append(events, { from, to: seq - 1 })
      from = seq + 1
    }
    append(events, { from, to: request.to })
    if (from === request.from) append(whole, request)
  }
  return { events, requests: whole }
}

function append(runs: Run[], run: Run): void {
  if (run.from > run.to) return
  const last = runs.at(-1)
  if (last?.to === run.from - 1) runs.splice(-1, 1, { from: last.from, to: run.to })
  else runs.push(run)
}
