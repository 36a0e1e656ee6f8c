import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ServerId } from '../../src/events/event.ts'
import { type Journal, JournalUnavailable } from '../../src/journal/journal.ts'
import { decided, openJournal } from '../journal/journal-file.ts'
import { follow } from './agent.ts'
import { createScriptedCaster, on, setStage, statesOf, streamStage, until } from './stage.ts'

const A = 'aaaaaaaa-0000-4000-8000-000000000001' as ServerId

/** A journal that can be made to refuse for a while. */
async function fragileJournal(): Promise<{ readonly journal: Journal; isBroken: boolean }> {
  const sound = await openJournal()
  const fail = async () => {
    throw new JournalUnavailable('the disk is full')
  }
  const fragile = {
    isBroken: false,
    journal: {
      ...sound,
      open: (...args: Parameters<Journal['open']>) => (fragile.isBroken ? fail() : sound.open(...args)),
      record: (...args: Parameters<Journal['record']>) => (fragile.isBroken ? fail() : sound.record(...args)),
      claim: () => (fragile.isBroken ? fail() : sound.claim()),
      unlocated: (...args: Parameters<Journal['unlocated']>) => (fragile.isBroken ? fail() : sound.unlocated(...args)),
    },
  }
  return fragile
}

describe('a journal in trouble', () => {
  it('has what became of casts recorded when it is back, in order, and nothing is cast twice', async () => {
    const fragile = await fragileJournal()
    const { caster, post } = await setStage({ journal: fragile.journal, caster: createScriptedCaster() })
    fragile.isBroken = true
    const events = [decided(['h1']), decided(['h1']), decided(['h2'])]
    for (const event of events) await post([event])
    await sleep(300)
    expect(await statesOf(fragile.journal, events)).toEqual(['h1 pending', 'h1 pending', 'h2 pending'])
    fragile.isBroken = false
    await until(async () => (await statesOf(fragile.journal, events)).every((state) => state.endsWith('dispatched')))
    expect(caster.casts.length).toBe(3)
  })

  it('costs no try: while nothing can be acknowledged nothing is late', async () => {
    const fragile = await fragileJournal()
    const { caster, post } = await streamStage({ ackTimeoutMs: 300, maxAttempts: 5 }, fragile.journal)
    const agent = follow(caster, 'h1')
    const event = decided(['h1'])
    await post([event])
    await until(() => agent.ids.length > 0)
    fragile.isBroken = true
    // More than five times as long as an agent may take.
    await sleep(2500)
    expect(agent.ids.length).toBeLessThan(4)
    fragile.isBroken = false
    expect(await agent.ack(event.id)).toEqual({ ended: [event.id], unknown: [] })
    expect(await statesOf(fragile.journal, [event])).toEqual(['h1 acknowledged'])
  })

  it('delays what waits until it is back', async () => {
    const fragile = await fragileJournal()
    const { caster, servers, post } = await setStage({ journal: fragile.journal, caster: createScriptedCaster() })
    servers.places.set(A, on('h1'))
    caster.script = () => ({ kind: 'away', reason: 'away' })
    const event = decided(['h1'], { serverId: A })
    await post([event])
    fragile.isBroken = true
    caster.script = () => ({ kind: 'taken' })
    await sleep(300)
    fragile.isBroken = false
    await until(async () => (await statesOf(fragile.journal, [event])).join() === 'h1 dispatched')
  })
})

describe('deliveries to a host that nobody hears of', () => {
  it('end when their time is over, the others stay', async () => {
    const { journal, caster, post } = await streamStage()
    const [power, network] = [decided(['h1'], { name: 'power-update', tag: 'POWER_ON' }), decided(['h1'])]
    await post([power, network], { receivedAtUs: (Date.now() - 61_000) * 1000 })
    await until(async () => (await statesOf(journal, [power])).join() === 'h1 expired')
    expect(await statesOf(journal, [network])).toEqual(['h1 pending'])
    const agent = follow(caster, 'h1')
    await until(() => agent.ids.length === 1)
    expect(agent.ids).toEqual([network.id])
  })
})

describe('the end', () => {
  it('waits for casts under way and records what became of them', async () => {
    const journal = await openJournal()
    const { caster, deliveries, post } = await setStage({ journal, caster: createScriptedCaster() })
    caster.script = async () => {
      await sleep(200)
      return { kind: 'taken' }
    }
    const event = decided(['h1'])
    await post([event])
    await deliveries.close()
    expect(await statesOf(journal, [event])).toEqual(['h1 dispatched'])
    const late = decided(['h1'])
    await post([late])
    expect(caster.casts.length).toBe(1)
    expect(await statesOf(journal, [late])).toEqual(['h1 pending'])
  })

  it('does not wait for ever', async () => {
    const journal = await openJournal()
    const { caster, deliveries, post } = await setStage({ journal, caster: createScriptedCaster() })
    caster.script = () => new Promise(() => {})
    await post([decided(['h1'])])
    const startMs = performance.now()
    await deliveries.close()
    expect(performance.now() - startMs).toBeLessThan(10_000)
  })
})
