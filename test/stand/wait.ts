import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Tries until `probe` gives something else than null. A probe that rejects is tried again; at the end its reason is told. */
export async function waitFor<T>(what: string, probe: () => Promise<T | null> | T | null, timeoutMs = 120_000): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let reason = ''
  for (;;) {
    try {
      const found = await probe()
      if (found !== null) return found
    } catch (error) {
      reason = `: ${String(error)}`
    }
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s for ${what}${reason}`)
    await sleep(50)
  }
}

/** Whether something on this machine takes connections there. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
