/**
 * A replica in a process of its own, that commits and then does what it is told, a word a line: `record` records that all was
 * dispatched and prints how many steps applied, `open` prints how many of its deliveries are open, `load` commits for ever. Run by
 * replicas.test.ts.
 */
import { createInterface } from 'node:readline'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import { decided, hostName, silent, submission } from './submissions.ts'

const [url = ''] = process.argv.slice(2)
const host = hostName('of-child')
const journal = await openSqlJournal({ url, replica: { id: 'child' }, log: silent })
const events = Array.from({ length: 100 }, () => decided([host]))
await Promise.all(events.map((each) => journal.commit(submission([each]))))
const say = (text: unknown) => process.stdout.write(`${text}\n`)
say('ready')

async function commitForEver(): Promise<void> {
  for (;;) await journal.commit(submission([decided([host])]))
}

for await (const word of createInterface({ input: process.stdin })) {
  const steps = events.map(({ id }) => ({ kind: 'dispatched' as const, isEnd: true, host, eventId: id, atUs: 1 }))
  if (word === 'record') say(await journal.record(steps))
  if (word === 'load') {
    for (let i = 0; i < 20; i++) void commitForEver()
    say('loading')
  }
  if (word === 'open') say((await journal.open(host, null, 1000)).length)
}
