import { ApiError } from '../errors.ts'
import { type Answer, jsonAnswer } from './answer.ts'
import { renderOutcomes, type Told } from './render-outcomes.ts'

/** What an answer depends on besides the outcomes. */
export interface AnswerStyle {
  readonly mediaType: string
  readonly allUnknown: 404 | 207
  readonly headers?: Readonly<Record<string, string>>
}

/** 200; 207 where an event was refused; 404, thrown, where no server is known, unless that is to be a 207 as well. */
export function answerOutcomes(told: readonly Told[], { mediaType, allUnknown, headers }: AnswerStyle): Answer {
  const isAll = (code: number) => told.every(({ outcome }) => outcome.code === code)
  if (allUnknown === 404 && isAll(404)) throw new ApiError('itemNotFound', 'No instances found for any event', headers)
  const answer = jsonAnswer(isAll(200) ? 200 : 207, mediaType, renderOutcomes(told))
  return headers === undefined ? answer : { ...answer, headers: Object.entries(headers).flat() }
}
