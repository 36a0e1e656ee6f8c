/**
 * Does these one after the other, each with all that follows from it by promises before the next, and all within this turn of the event
 * loop. Two answers that come at the same time are so heard of in their order, however many promises lie between.
 */
export function oneByOne(tasks: readonly (() => void)[], from = 0): void {
  tasks[from]?.()
  // A tick that is asked for by a promise comes when no promise is left to be told.
  if (from + 1 < tasks.length) queueMicrotask(() => process.nextTick(() => oneByOne(tasks, from + 1)))
}
