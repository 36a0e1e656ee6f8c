import { createEventsAction } from '../../src/api/compute/create-events.ts'
import { ApiError } from '../../src/api/errors.ts'
import type { Caster } from '../../src/cast/cast.ts'
import { createDeliveries } from '../../src/delivery/deliveries.ts'
import type { Deliveries } from '../../src/delivery/delivery.ts'
import type { EventId, ExternalEvent } from '../../src/events/event.ts'
import { JournalUnavailable } from '../../src/journal/journal.ts'
import { createHappenings } from '../../src/observe/happenings.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import { createReplayer, type Replayer } from '../../src/replay/replayer.ts'
import { ServersUnavailable } from '../../src/servers/servers.ts'
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
  /** Has up to so many of all events delivered again that have ended. The same again, where the last time is not known to have been done. */
  replay(most: number): void
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
  /** The last event of earlier runs in the same journal. */
  readonly before: EventId | null
}

/** More than any grace that a closing part takes, in steps of as much. */
const CLOSING = { steps: 2000, ms: 10 }

export function createWorld({ storage, hosts, places, reference, clock, before }: WorldParts): World {
  let requests = 0
  /** The replay whose answer was not heard yet: it is under way, or its process is gone. */
  let replay: Replay | null = null
  let life: Life

  const begin = () => {
    const disk = createDisk(storage.journal, reference)
    const caster = hosts.begin(disk.journal)
    const shared = { journal: disk.journal, servers: places, ...observed() }
    const deliveries = createDeliveries({ ...shared, caster, config: STREAM_CONFIG })
    const action = createEventsAction({ ...shared, deliveries, config: { allUnknown: 207, parkUnassignedMs: 0 } })
    const replayer = createReplayer({ ...shared, deliveries })
    void deliveries.start()
    life = { disk, caster, deliveries, action, replayer }
  }
  const end = () => {
    clock.forget()
    life.disk.crash()
    hosts.crash()
    if (replay !== null) replay.isUnderWay = false
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
    replay: (most) => {
      if (replay?.isUnderWay) return
      const asked: Replay = { run: replay?.run ?? `req-${crypto.randomUUID()}`, isUnderWay: true }
      replay = asked
      const query = { limit: most, ...(before === null ? {} : { after: before }) }
      life.replayer.page(query, { by: SOMEBODY, run: asked.run, isDry: false }).then(
        () => {
          if (replay === asked) replay = null
        },
        (error: unknown) => {
          asked.isUnderWay = false
          if (!(error instanceof JournalUnavailable || error instanceof ServersUnavailable))
            reference.wrong(`a replay was answered ${error}`)
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
  readonly replayer: Replayer
}

interface Replay {
  readonly run: string
  isUnderWay: boolean
}

const SOMEBODY = { userId: 'operator', userName: 'operator', projectId: 'ops' }

function observed() {
  return { metrics: createMetrics(), happenings: createHappenings(), log: silent }
}
