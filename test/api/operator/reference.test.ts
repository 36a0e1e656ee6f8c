import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ServerId } from '../../../src/events/event.ts'
import { decided, submission } from '../../journal/journal-file.ts'
import { type RunningApi, startApi } from './running-api.ts'

const PAGE = readFileSync(new URL('../../../docs/reference/api.md', import.meta.url), 'utf8')
/** Fails at the first line that is refused; a stream that ends by its time limit is none. */
const CAREFULLY = `set -e\ncurl() { command curl -sS --fail-with-body "$@" || [ $? = 28 ]; echo; }\n`

let api: RunningApi
beforeAll(async () => {
  api = await startApi()
  return api.close
})

describe('the page on the API', () => {
  it('has lines that work as they are', async () => {
    const [, script = ''] = /```sh\n(.*?)```/s.exec(PAGE) ?? []
    const serverId = /^S=(\S+)/m.exec(script)?.[1] as ServerId
    const event = decided(['compute-1'], { serverId })
    await api.journal.commit(submission([event]))
    const shell = spawn('sh', ['-c', CAREFULLY + script.replaceAll('http://127.0.0.1:8774', api.url).replaceAll('-m 5', '-m 1')])
    const [said, complaints, code] = await Promise.all([
      text(shell.stdout),
      text(shell.stderr),
      new Promise((resolve) => shell.once('close', resolve)),
    ])
    expect({ code, complaints: complaints.replaceAll(/curl: \(28\).*\n/g, '') }).toEqual({ code: 0, complaints: '' })
    expect(said).toContain('{"imported":1}')
    expect(said).toContain('{"acknowledged":1,"unknown":[]}')
    expect(said.match(new RegExp(`"id":"${event.id}"`, 'g'))?.length).toBeGreaterThanOrEqual(2)
  })

  it('names every path and every rule', async () => {
    const document = (await api.ask('GET', '/openapi.json')).body as {
      paths: Record<string, Record<string, { description?: string }>>
    }
    for (const [path, methods] of Object.entries(document.paths)) {
      expect(PAGE).toContain(`\`${path}\``)
      for (const { description } of Object.values(methods))
        if (description !== undefined) expect(PAGE).toContain(/`(novacast:[a-z:]+)`/.exec(description)?.[1])
    }
  })
})
