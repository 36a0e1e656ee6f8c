import { CommanderError, InvalidArgumentError } from 'commander'
import { ApiError, ConnectionError } from '../sdk/errors.ts'

/** The command was called wrongly: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** It was tried and did not come out well, and what there is to say has been said: exit code 1. */
export class SaidFailure extends Error {
  override readonly name = 'SaidFailure'
}

/** 0: done. 1: it failed. 2: called wrongly. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return error instanceof UsageError ? 2 : 1
}

/** What to say of a failure in one line, or null when it has been said. */
export function describeFailure(error: unknown): string | null {
  if (error instanceof CommanderError || error instanceof SaidFailure) return null
  if (error instanceof ApiError) {
    const id = error.requestId === null ? '' : ` (${error.requestId})`
    return `${error.status} ${error.code}: ${error.message}${id}`
  }
  if (error instanceof ConnectionError) return `${error.message}. Is novacast running? --url or NOVACAST_URL says where it is`
  return error instanceof Error ? error.message : String(error)
}

/** For commander: reads a whole number from `low` to `high`. */
export function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^[0-9]+$/.test(text) || value < low || value > high)
      throw new InvalidArgumentError(`Expected a whole number from ${low} to ${high}.`)
    return value
  }
}
