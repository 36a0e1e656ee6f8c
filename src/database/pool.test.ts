import { expect, it, onTestFinished } from 'vitest'
import { ALL_IN_USE, createPool, type Poolable } from './pool.ts'

function poolOf(open: () => Promise<Poolable>) {
  const pool = createPool({ open, maxConnections: 2, acquireTimeoutMs: 50 })
  onTestFinished(() => pool.close())
  return pool
}

it('tells of connections that are all in use from a server that gives none', async () => {
  const silent = poolOf(() => new Promise(() => {}))
  await expect(silent.acquire()).rejects.toMatchObject({ kind: 'away', code: 'TIMEOUT' })

  const busy = poolOf(async () => ({ isUsable: true, end: async () => {}, destroy: () => {} }))
  const taken = [await busy.acquire(), await busy.acquire()]
  await expect(busy.acquire()).rejects.toMatchObject({ kind: 'away', code: ALL_IN_USE })
  for (const connection of taken) busy.release(connection)
  expect(taken).toContain(await busy.acquire())
})
