import type { Kysely } from 'kysely'
import type { ServerId } from '../../events/event.ts'
import { type DeliveryStep, type Followed, nameOf, type Placement, reasonOf } from '../journal.ts'
import { changeOf } from '../states.ts'
import type { CommitParts } from './commit.ts'
import { followServers, NOTHING_FOLLOWED } from './follow.ts'
import { holdOpen, type OpenDelivery, placeOf, writeBack } from './open-deliveries.ts'
import type { Written } from './persist.ts'
import { keepLife } from './replica.ts'

/** Steps that are recorded together. */
export interface StepBatch {
  readonly steps: readonly DeliveryStep[]
  /** Whether they are also taken by deliveries that another replica makes: a host may tell any of them what became of an event. */
  readonly ofAnyOwner: boolean
}

/** What became of a step: `none` where no open delivery of this owner is there. */
export type StepFate = 'applied' | 'none'

/** Writes the steps of deliveries, in order, in the transaction that is open, as `TRANSITIONS` has them. Answers each step's fate. */
export async function writeSteps(
  db: Kysely<unknown>,
  batches: readonly StepBatch[],
  about: CommitParts & { readonly life: number },
): Promise<Written<readonly StepFate[]>> {
  const all = batches.flatMap(({ steps, ofAnyOwner }) => steps.map((step) => ({ step, ofAnyOwner })))
  let fates: StepFate[] = []
  const followed: Followed[] = []
  while (fates.length < all.length) {
    const some = await writeSome(db, fates.length === 0 ? all : all.slice(fates.length), about)
    fates = [...fates, ...some.fates]
    followed.push(some.followed)
  }
  return {
    answers: batches.map(({ steps }) => fates.splice(0, steps.length)),
    followed: { hosts: [...new Set(followed.flatMap(({ hosts }) => hosts))], ended: followed.flatMap(({ ended }) => ended) },
  }
}

interface Owned {
  readonly step: DeliveryStep
  readonly ofAnyOwner: boolean
}

/**
 * Writes the first of these steps, up to what has to come behind moves: nearly always all of them. Answers the fates of those. What is
 * open is read and held, takes its steps, and is written back together; then servers are followed.
 */
async function writeSome(
  db: Kysely<unknown>,
  steps: readonly Owned[],
  { dialect, interner, life }: CommitParts & { readonly life: number },
): Promise<{ readonly fates: readonly StepFate[]; readonly followed: Followed }> {
  const numberOf = await interner.hosts.find(steps.map(({ step }) => step.host))
  const open = await holdOpen(
    db,
    dialect,
    steps.map(({ step }) => step.eventId),
  )
  const placements = new Map<ServerId, Placement>()
  const take = (step: DeliveryStep, ofAnyOwner: boolean): StepFate => {
    const delivery = open.get(placeOf(step.eventId, numberOf(step.host)))
    if (delivery === undefined) return 'none'
    if (!ofAnyOwner && delivery.owner !== life) return 'none'
    if (step.kind !== 'moved') return takeStep(delivery, step) ? 'applied' : 'none'
    if (placements.has(step.serverId) || changeOf(delivery.state, 'moved') === null) return 'none'
    placements.set(step.serverId, { kind: 'located', serverId: step.serverId, destinations: step.to, atUs: step.atUs })
    return 'applied'
  }
  const fates: StepFate[] = []
  for (const { step, ofAnyOwner } of steps) {
    if (isBehind(step, placements)) break
    fates.push(take(step, ofAnyOwner))
  }
  await writeBack(db, dialect, [...open.values()])
  if (placements.size === 0) return { fates, followed: NOTHING_FOLLOWED }
  const kept = await keepLife(db, dialect, life)
  return { fates, followed: await followServers(db, placements, { dialect, interner, kept }) }
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

/** Whether a step may find another state when these servers have been followed. */
function isBehind(step: DeliveryStep, placements: ReadonlyMap<ServerId, Placement>): boolean {
  if (placements.size === 0) return false
  if (step.kind !== 'moved') return true
  const placement = placements.get(step.serverId)
  return placement?.kind === 'located' && placement.destinations.some(({ host }) => host === step.host)
}
