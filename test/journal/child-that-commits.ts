/** Commits without end, 32 submissions of 3 events at a time, and prints the ids of each when it is durable. Run by crash.test.ts. */
import type { EventId, HostName, ServerId } from '../../src/events/event.ts'
import { openSqliteJournal } from '../../src/journal/sqlite/store.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { createLog } from '../../src/observe/log.ts'

const [file = ''] = process.argv.slice(2)
const store = await openSqliteJournal({ file, log: createLog({ level: 'warn' }) })

async function commitForEver(host: HostName): Promise<void> {
  for (;;) {
    const events = Array.from({ length: 3 }, () => ({
      id: uuidv7() as EventId,
      event: {
        serverId: crypto.randomUUID() as ServerId,
        name: 'network-changed' as const,
        status: 'completed' as const,
        tag: null,
      },
      outcome: { kind: 'accepted' as const, code: 200 as const, destinations: [{ host, cell: null }] },
    }))
    await store.commit({
      receivedAtUs: Date.now() * 1000,
      requestId: `req-${crypto.randomUUID()}`,
      globalRequestId: null,
      sender: { userId: null, userName: null, projectId: null },
      microversion: '2.1',
      events,
    })
    process.stdout.write(`${events.map(({ id }) => id).join(' ')}\n`)
  }
}

await Promise.all(Array.from({ length: 32 }, (_, i) => commitForEver(`host-${i % 4}` as HostName)))
