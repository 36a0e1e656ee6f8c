import type { Kysely } from 'kysely'
import { type DeliveryStep, nameOf, reasonOf } from '../journal.ts'
import { changeOf, STATE_NUMBERS, TRANSITIONS } from '../states.ts'
import { toBytes } from './bytes.ts'
import type { CommitParts } from './commit.ts'
import { holdOpen, newOpen, type OpenDelivery, placeOf, readEnded, revive, writeBack } from './open-deliveries.ts'
import { findOwners, tellOwners } from './pass-on.ts'
import { keepLife } from './replica.ts'

/** Steps that are recorded together. */
export interface StepBatch {
  readonly steps: readonly DeliveryStep[]
  /** Whether they are also taken by deliveries that another replica makes: a host may tell any of them what became of an event. */
  readonly ofAnyOwner: boolean
}

/** What became of a step: `none` where no open delivery of this owner is there. */
export type StepFate = 'applied' | 'none'

/**
 * Writes the steps of deliveries in the transaction that is open, as `TRANSITIONS` has them: those that are open are read and held, take their steps in order,
 * and are written back together. A fate for each step, per batch.
 */
export async function writeSteps(
  db: Kysely<unknown>,
  batches: readonly StepBatch[],
  about: CommitParts & { readonly life: number },
): Promise<readonly (readonly StepFate[])[]> {
  const { dialect, interner, life } = about
  const steps = batches.flatMap((batch) => batch.steps)
  const numberOf = await interner.hosts.find(steps.map(({ host }) => host))
  const open = await holdOpen(
    db,
    dialect,
    steps.map(({ eventId }) => eventId),
  )
  const heirsOf = await prepareMoves(db, { ...about, steps, held: [...open.values()] })
  const take = (step: DeliveryStep, ofAnyOwner: boolean): StepFate => {
    const delivery = open.get(placeOf(step.eventId, numberOf(step.host)))
    if (delivery === undefined) return 'none'
    if (!ofAnyOwner && delivery.owner !== life) return 'none'
    if (!takeStep(delivery, step)) return 'none'
    for (const heir of heirsOf(delivery, step)) {
      const place = placeOf(step.eventId, heir.hostId)
      const there = open.get(place)
      if (there === undefined) open.set(place, heir)
      else if (there !== delivery && there.state === STATE_NUMBERS.left) {
        there.state = STATE_NUMBERS[TRANSITIONS.left.cameBack]
        there.endedAtUs = null
      }
    }
    return 'applied'
  }
  const fates = batches.map(({ steps: own, ofAnyOwner }) => own.map((step) => take(step, ofAnyOwner)))
  const all = [...open.values()]
  await writeBack(db, dialect, all)
  await tellOwners(db, { dialect, life, made: all.filter(({ change }) => change === 'made' || change === 'revived') })
  return fates
}

/** Whether the step applied. */
function takeStep(delivery: OpenDelivery, step: DeliveryStep): boolean {
  const change = changeOf(delivery.state, nameOf(step))
  if (change === null) return false
  if (delivery.change === 'none') delivery.change = 'changed'
  delivery.state = change.number
  delivery.attempts += change.attempts
  delivery.tries += change.tries
  if (change.attempts === 1) delivery.dispatchedAtUs = step.atUs
  if (change.isEnd) delivery.endedAtUs = step.atUs
  const reason = reasonOf(step)
  if (reason === null) return true
  delivery.lastError = reason
  delivery.lastErrorAtUs = step.atUs
  return true
}

/**
 * Sees to all that moves need. Answers for a delivery that takes such a step those that are to stand for it: none for a host where
 * the event had one that has ended, unless another stood for that.
 */
async function prepareMoves(
  db: Kysely<unknown>,
  {
    dialect,
    interner,
    life,
    steps,
    held,
  }: CommitParts & { life: number; steps: readonly DeliveryStep[]; held: readonly OpenDelivery[] },
): Promise<(delivery: OpenDelivery, step: DeliveryStep) => readonly OpenDelivery[]> {
  const hosts = steps.flatMap((step) => (step.kind === 'moved' ? step.to.map(({ host }) => host) : []))
  if (hosts.length === 0 || held.length === 0) return () => []
  const numberOf = await interner.hosts.give(hosts)
  const places = held.flatMap(({ serverHash }) => hosts.map((host) => ({ serverHash, hostId: numberOf(host) })))
  const ownerOf = await findOwners(db, { dialect, kept: await keepLife(db, dialect, life), places })
  const ended = await readEnded(
    db,
    dialect,
    held.map(({ seq }) => seq),
  )
  return ({ isAwaited, seq, id, serverHash, hostId: from }, step) => {
    if (step.kind !== 'moved') return []
    return step.to.flatMap(({ host, cell }) => {
      const hostId = numberOf(host)
      const before = ended.get(`${seq} ${hostId}`)
      if (hostId === from || (before !== undefined && before.state !== STATE_NUMBERS.left)) return []
      const place = { serverHash, hostId }
      const fresh = newOpen({ owner: ownerOf(place), ...place, isAwaited, seq, id, cell: cell === null ? null : toBytes(cell) })
      return [before === undefined ? fresh : revive(fresh, before)]
    })
  }
}
