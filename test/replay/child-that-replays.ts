/** Replays in pages of 20 all that had a delivery to the host a, and prints the answers of each page when it is durable. Run by kill.test.ts. */

import type { EventId, HostName } from '../../src/events/event.ts'
import { NO_SEARCHES } from '../../src/journal/journal.ts'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import { openSqliteJournal } from '../../src/journal/sqlite/store.ts'
import { createHappenings } from '../../src/observe/happenings.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/prometheus.ts'
import { createReplayer } from '../../src/replay/replayer.ts'

const [place = '', run = ''] = process.argv.slice(2)
const log = createLog({ level: 'warn' })
const journal = await (place.includes('://')
  ? openSqlJournal({ url: place, replica: { id: 'doomed' }, log })
  : openSqliteJournal({ file: place, log }))
const host = 'a' as HostName
const replayer = createReplayer({
  journal,
  log,
  happenings: createHappenings(),
  metrics: createMetrics(),
  deliveries: { accepted: () => {}, searches: () => NO_SEARCHES },
  servers: {
    locate: async (ids) =>
      new Map(ids.map((id) => [id, { kind: 'located', destinations: [{ host, cell: null }], instance: null }])),
  },
})
const by = { userId: null, userName: null, projectId: null }
const untilUs = Date.now() * 1000
let after: EventId | null = null
do {
  const query = { host, untilUs, limit: 20, ...(after !== null && { after }) }
  const page: Awaited<ReturnType<typeof replayer.page>> = await replayer.page(query, { by, run, isDry: false })
  const replays = page.answers.flatMap(({ fate }) => (fate.kind === 'left-out' ? [] : (fate.replay ?? [])))
  process.stdout.write(`${replays.join(' ')}\n`)
  after = page.last
} while (after !== null)
await journal.close()
