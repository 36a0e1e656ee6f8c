/**
 * Commits without end, and removes what has ended as fast as it can. Prints for each submission, when it is durable, the ids of its
 * events that stay pending, and how many events were removed with each step. Run by retention.test.ts.
 */
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import { openSqliteJournal } from '../../src/journal/sqlite/store.ts'
import { decided, hostName, silent, submission } from './submissions.ts'

const [target = ''] = process.argv.slice(2)
const journal = target.includes('://')
  ? await openSqlJournal({ url: target, replica: { id: 'child' }, log: silent })
  : await openSqliteJournal({ file: target, log: silent })
const say = (text: string) => process.stdout.write(`${text}\n`)

async function commitForEver(): Promise<void> {
  for (;;) {
    const [stays, goes] = [decided(['stays']), decided(['goes'])]
    await journal.commit(submission([decided([]), stays, goes, decided([])]))
    say(`pending ${stays.id}`)
    await journal.acknowledge(hostName('goes'), [goes.id], Date.now() * 1000)
  }
}

async function retainForEver(): Promise<void> {
  for (let from: number | null = 0; ; ) {
    const step = await journal.retain(Date.now() * 1000 + 1, from ?? 0)
    if (step.removed > 0) say(`removed ${step.removed}`)
    from = step.next
  }
}

await Promise.all([retainForEver(), ...Array.from({ length: 16 }, commitForEver)])
