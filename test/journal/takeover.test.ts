import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { openSqlJournal } from '../../src/journal/sql/sql-journal.ts'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { askDatabase } from './rows.ts'
import { decided, hostName, silent, submission } from './submissions.ts'

const stand = await useStand('mariadb', 'postgresql')

for (const engine of ['mariadb', 'postgresql'] as const)
  describeOn(stand, `replicas over one journal in ${engine}`, (services) => {
    it('take over what one left as soon as no commit keeps it', async () => {
      const { url } = await services[engine].createDatabase()
      const left = await openSqlJournal({ url, replica: { id: 'left' }, log: silent })
      await left.commit(submission([decided(['a'])]))
      const heir = await openSqlJournal({ url, replica: { id: 'heir' }, log: silent })
      onTestFinished(() => heir.close())
      // As a commit does that passes something on to it.
      const ask = askDatabase(url)
      const [life] = await ask("SELECT replica FROM replicas WHERE name = 'left'")
      await ask('BEGIN')
      await ask(`SELECT replica FROM replicas WHERE replica = ${life} FOR UPDATE`)
      await left.close()
      expect(await heir.claim()).toEqual([])

      const claimed = heir.claim()
      await sleep(50)
      await ask('ROLLBACK')
      expect(await claimed).toEqual([hostName('a')])
    })
  })
