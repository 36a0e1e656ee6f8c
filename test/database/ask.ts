/** Asks the database of a URL one question, and prints the answer's first cell, or what is in the way. */
import { openDatabase } from '../../src/database/connect.ts'
import { toTrouble } from '../../src/database/trouble.ts'
import { parseDatabaseUrl } from '../../src/database/url.ts'

const [, , url = '', question = ''] = process.argv
const parsed = parseDatabaseUrl(url)
if (parsed.kind === 'invalid') throw new Error(parsed.reason)
const options = { maxConnections: 1, connectTimeoutMs: 20_000, queryTimeoutMs: 20_000, applicationName: 'tests' }
const database = openDatabase<unknown>(parsed.url, options)
const answer = await database.query(question, []).then(
  ([row]) => String(row?.[0]),
  (error) => toTrouble(error).kind,
)
process.stdout.write(answer)
await database.close()
