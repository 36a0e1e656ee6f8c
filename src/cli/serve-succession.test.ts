import { createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSuccession, type Succession } from './serve-succession.ts'

const server = createServer()
beforeAll(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)))
afterAll(() => new Promise((resolve) => server.close(resolve)))

/** Of a service that does nothing; `done` is what it was asked for. */
function succession(...command: [string, ...string[]]): Succession & { readonly done: string[]; readonly said: string[] } {
  const done: string[] = []
  const said: string[] = []
  const own = {
    socket: async () => server,
    letGo: async () => void done.push('let go'),
    resume: async () => void done.push('resume'),
    leave: () => void done.push('leave'),
    stop: async () => void done.push('stop'),
  }
  return { ...createSuccession({ own, command, environment: process.env, say: (line) => void said.push(line) }), done, said }
}

const node = (script: string): [string, ...string[]] => [process.execPath, '-e', script]

describe('a succession', () => {
  it('goes on, and says why, where a successor cannot be started', async () => {
    const { replace, done, said } = succession('/nonexistent/node')
    await replace()
    expect(done).toEqual([])
    expect(said).toEqual([expect.stringContaining('ENOENT')])
  })

  it('stops without waiting for a successor that does not serve yet', async () => {
    const { replace, stop, done, said } = succession(...node('setInterval(() => {}, 1000)'))
    const replaced = replace()
    await turn()
    expect(await stop()).toBeNull()
    await replaced
    expect(done).toEqual(['stop'])
    expect(said).toEqual([])
  })

  it('goes on where a successor ends before it serves', async () => {
    const { replace, done, said } = succession(...node("process.on('message', () => process.exit(3)); process.send('waiting')"))
    await replace()
    expect(done).toEqual(['let go', 'resume'])
    expect(said).toEqual([expect.stringContaining('it ended with exit code 3')])
  })
})
