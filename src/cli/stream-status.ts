import type { StreamStatus } from '../sdk/index.ts'
import type { Terminal } from './terminal.ts'

/** Says when a stream stands for the first time, when it is lost (once, with what that means) and when it is back. */
export function sayStatus(terminal: Terminal, meaning: string, first?: string): (status: StreamStatus) => void {
  let lost = false
  let greeting = first
  return (status) => {
    if (status.kind === 'connected') {
      if (greeting !== undefined) terminal.say(greeting)
      else if (lost) terminal.say('connected again')
      greeting = undefined
      lost = false
    } else if (!lost) {
      lost = true
      terminal.say(`${status.reason}. Trying again until it works; ${meaning}`)
    }
  }
}
