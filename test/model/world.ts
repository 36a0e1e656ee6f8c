import { createEventsAction } from '../../src/api/compute/create-events.ts'
import { ApiError } from '../../src/api/errors.ts'
import type { Caster } from '../../src/cast/cast.ts'
import { createDeliveries } from '../../src/delivery/deliveries.ts'
import type { Deliveries } from '../../src/delivery/delivery.ts'
import type { ExternalEvent } from '../../src/events/event.ts'
import { createHappenings } from '../../src/observe/happenings.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import { CONTEXT } from '../delivery/stage.ts'
import { silent } from '../journal/submissions.ts'
import { STREAM_CONFIG } from './agents.ts'
import { type Clock, settleTurn } from './clock.ts'
import { createDisk, type Disk } from './disk.ts'
import type { Hosts } from './hosts.ts'
import type { Places } from './places.ts'
import type { Reference } from './reference.ts'
import type { Storage } from './storage.ts'

/** Everything around the journal: one life of novacast after another, its hosts, its senders. */
export interface World {
  readonly disk: Disk
  /** A POST, whose sender notes what it is answered. */
  post(events: readonly ExternalEvent[]): void
  /** The process is gone with all that was in its memory, and another begins over the same journal. */
  crash(): void
  /** The same with the journal's threads, which end wherever they are. */
  crashWithJournal(): Promise<void>
  /** The process ends in good order, and another begins. */
  restart(): Promise<void>
}

export interface WorldParts {
  readonly storage: Pick<Storage, 'journal' | 'crash'>
  readonly hosts: Hosts
  readonly places: Places
  readonly reference: Reference
  readonly clock: Clock
}

/** More than any grace that a closing part takes, in steps of as much. */
const CLOSING = { steps: 2000, ms: 10 }

export function createWorld({ storage, hosts, places, reference, clock }: WorldParts): World {
  let requests = 0
  let life: Life

  const begin = () => {
    const disk = createDisk(storage.journal, reference)
    const caster = hosts.begin(disk.journal)
    const shared = { journal: disk.journal, servers: places, ...observed() }
    const deliveries = createDeliveries({ ...shared, caster, config: STREAM_CONFIG })
    const action = createEventsAction({ ...shared, deliveries, config: { allUnknown: 207, parkUnassignedMs: 0 } })
    void deliveries.start()
    life = { disk, caster, deliveries, action }
  }
  const end = () => {
    clock.forget()
    life.disk.crash()
    hosts.crash()
  }
  begin()
  return {
    get disk() {
      return life.disk
    },
    post: (events) => {
      const requestId = `req-${String(++requests).padStart(8, '0')}-0000-4000-8000-${crypto.randomUUID().slice(-12)}`
      const sent = events.map((event) => ({ event, keys: [] }))
      const about = {
        globalRequestId: null,
        repeatKey: null,
        microversion: '2.93',
        mediaType: 'application/json',
        context: CONTEXT,
      }
      life.action({ sent, requestId, ...about }).then(
        () => reference.answered(requestId),
        (error: unknown) => {
          if (error instanceof ApiError && error.status === 503) reference.refused(requestId)
          else reference.wrong(`a POST was answered ${error}`)
        },
      )
    },
    crash: () => {
      end()
      begin()
    },
    crashWithJournal: async () => {
      end()
      await storage.crash()
      begin()
    },
    restart: async () => {
      let isOver = false
      void life.deliveries
        .close()
        .then(() => life.caster.close())
        .then(() => {
          isOver = true
        })
      for (let i = 0; i < CLOSING.steps && !isOver; i++) {
        await settleTurn()
        await life.disk.flow()
        clock.advance(CLOSING.ms)
      }
      if (!isOver) reference.wrong('it did not come to its end in good order')
      end()
      begin()
    },
  }
}

interface Life {
  readonly disk: Disk
  readonly caster: Caster
  readonly deliveries: Deliveries
  readonly action: ReturnType<typeof createEventsAction>
}

function observed() {
  return { metrics: createMetrics(), happenings: createHappenings(), log: silent }
}
