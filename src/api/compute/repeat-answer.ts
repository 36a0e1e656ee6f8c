import type { CommittedOnce, RepeatKey } from '../../journal/repeats.ts'
import type { Metrics } from '../../observe/metrics.ts'
import { ApiError } from '../errors.ts'
import type { Answer } from './answer.ts'
import { answerOutcomes } from './answer-outcomes.ts'
import type { SentEvent } from './sent-events.ts'

/** Names, in the answer to a repeat, the request that it repeats: the one under which its events are in the journal. */
const REPEAT_OF = 'X-Novacast-Repeat-Of'

interface Parts {
  readonly config: { readonly allUnknown: 404 | 207 }
  readonly metrics: Metrics
}

/** What is known of a repeat. */
interface Repeat {
  readonly sent: readonly SentEvent[]
  readonly mediaType: string
  readonly repeatKey: RepeatKey | null
}

/**
 * Answers repeats as the first was: with what the journal keeps of its outcomes, whatever would be decided now. Throws the 422 of an
 * Idempotency-Key that came with another body before.
 */
export function createRepeatAnswers({ config: { allUnknown }, metrics }: Parts) {
  return ({ sent, mediaType, repeatKey }: Repeat, known: Exclude<CommittedOnce, { kind: 'kept' }>): Answer => {
    if (known.kind === 'taken') {
      const message = `This Idempotency-Key came with another body before, in the request ${known.requestId}. Nothing was accepted; send other events with a key of their own.`
      throw new ApiError('unprocessableEntity', message)
    }
    metrics.repeated(repeatKey?.content === null ? 'request_id' : 'idempotency_key')
    const { requestId, codes } = known.first
    const told = sent.flatMap((each, i) => {
      const code = codes[i]
      return code === undefined ? [] : [{ sent: each, outcome: { code } }]
    })
    return answerOutcomes(told, { mediaType, allUnknown, headers: { [REPEAT_OF]: requestId } })
  }
}
