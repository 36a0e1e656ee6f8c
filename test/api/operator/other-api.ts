import { onTestFinished } from 'vitest'
import type { OperatorParts } from '../../../src/api/operator/operator-api.ts'
import { type Served, serve } from './running-api.ts'

/** Serves the same with some parts exchanged, until the test is over. */
export async function startOther(parts: OperatorParts): Promise<Served> {
  const served = await serve(parts)
  onTestFinished(served.close)
  return served
}
