import type { HostName } from '../events/event.ts'
import type { Delivery, DeliveryStep, Outdated } from '../journal/journal.ts'
import type { Pace, Recorder } from './recorder.ts'
import type { TimeToLive } from './time-to-live.ts'

/** What a step says besides which delivery it is of and when. */
export type Fate = DeliveryStep extends infer Step
  ? Step extends DeliveryStep
    ? Omit<Step, 'host' | 'eventId' | 'atUs'>
    : never
  : never

export interface StepsParts {
  readonly recorder: Pick<Recorder, 'record'>
  readonly timeToLive: TimeToLive
  /** Tries of a delivery that come to nothing for its own sake before it ends as failed. */
  readonly maxAttempts: number
  /** These are about to end: until that is durable, nobody may take them out of the journal again. */
  onEnding(deliveries: readonly Delivery[]): void
  /** The journal has ended them. */
  onEnded(deliveries: readonly Delivery[]): void
}

/** Words for the journal about the deliveries to one host. */
export interface Steps {
  record(deliveries: readonly Delivery[], fateOf: (delivery: Delivery) => Fate, onDurable?: () => void, pace?: Pace): void
  /** They are pending again, for no fault of their own. */
  return(deliveries: readonly Delivery[], reason: string, onDurable?: () => void): void
  end(deliveries: readonly Delivery[], fateOf: (delivery: Delivery) => Fate, onDurable?: () => void, pace?: Pace): void
  expire(deliveries: readonly Delivery[]): void
  /** Ends what waits in vain; resolves when that is durable. */
  supersede(outdated: readonly Outdated[]): Promise<void>
  /** One try each is used up. Answers those that may be tried again, as they are once that is durable; the others end as failed. */
  reject(deliveries: readonly Delivery[], reason: string, onDurable?: () => void): readonly Delivery[]
}

export function createSteps(host: HostName, parts: StepsParts): Steps {
  const { recorder, timeToLive, maxAttempts } = parts
  const record: Steps['record'] = (deliveries, fateOf, onDurable, pace) => {
    if (deliveries.length === 0) return
    const atUs = Date.now() * 1000
    const steps = deliveries.map((each) => ({ host, eventId: each.eventId, atUs, ...fateOf(each) }))
    recorder.record(steps, onDurable, pace)
  }
  const end: Steps['end'] = (deliveries, fateOf, onDurable, pace) => {
    parts.onEnding(deliveries)
    const ended = () => {
      parts.onEnded(deliveries)
      onDurable?.()
    }
    record(deliveries, fateOf, ended, pace)
  }
  return {
    record,
    return: (deliveries, reason, onDurable) => record(deliveries, () => ({ kind: 'returned', reason }), onDurable),
    end,
    expire: (deliveries) => end(deliveries, (delivery) => ({ kind: 'expired', reason: timeToLive.expiryReason(delivery) })),
    supersede: (outdated) =>
      new Promise((resolve) => {
        const atUs = Date.now() * 1000
        recorder.record(
          outdated.map((each) => ({ kind: 'superseded', host, atUs, ...each })),
          resolve,
        )
      }),
    reject: (deliveries, reason, onDurable) => {
      const [spent, left] = [deliveries.filter(isSpent), deliveries.filter((each) => !isSpent(each))]
      record(left, () => ({ kind: 'rejected', reason }), onDurable)
      end(spent, ({ tries }) => ({ kind: 'failed', reason: `${reason}, ${tries + 1} times` }))
      return left.map((each) => ({ ...each, tries: each.tries + 1 }))
    },
  }

  function isSpent({ tries }: Delivery): boolean {
    return tries + 1 >= maxAttempts
  }
}
