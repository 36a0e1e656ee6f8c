/** All who ask within one moment wait for its end together, and go on in the order in which they asked. It lasts so many milliseconds. */
export function createMoments(lengthMs: number): () => Promise<void> {
  let moment: Promise<void> | null = null
  return () => {
    moment ??= new Promise((resolve) => {
      setTimeout(() => {
        moment = null
        resolve()
      }, lengthMs)
    })
    return moment
  }
}
