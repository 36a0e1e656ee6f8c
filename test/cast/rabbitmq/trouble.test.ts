import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import type { Caster, CastResult } from '../../../src/cast/cast.ts'
import type { HostName } from '../../../src/events/event.ts'
import { CELL } from '../../nova/captures.ts'
import type { Own, Rabbitmq } from '../../stand/stand.ts'
import { describeOn, startRabbitmq, useStand } from '../../stand/use-stand.ts'
import { casterOf, castOf, cellTable, connectTo, eventually, listen } from './rig.ts'

const stand = await useStand()

/** Resolves when the caster tells that it can reach this host again. */
function reachable(caster: Caster, host: string): Promise<void> {
  return new Promise((resolve) => caster.onReachable((told) => void (told === host && resolve())))
}

/** Casts of numbered events to a host, all at once. */
function castAll(caster: Caster, host: string, count: number): Promise<CastResult[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => caster.cast(castOf(host, [{ tag: String(i) }]))))
}

describeOn(stand, 'a broker in trouble', () => {
  let broker: Rabbitmq & Own
  beforeAll(async () => {
    broker = await startRabbitmq()
  }, 120_000)
  afterAll(() => broker.remove())

  it('that stops: casts are away at once, and their hosts are told of when it is back', async () => {
    const { caster, lines } = casterOf(cellTable(broker.transportUrl()))
    await listen(await connectTo(broker.url()), 'stop')
    expect(await caster.cast(castOf('stop'))).toEqual({ kind: 'taken' })
    await broker.stop()
    const before = performance.now()
    expect(await caster.cast(castOf('stop'))).toEqual({ kind: 'away', reason: expect.stringMatching(/^127\.0\.0\.1:\d+: /) })
    expect(performance.now() - before).toBeLessThan(3000)
    const back = reachable(caster, 'stop')
    await broker.start()
    await back
    const inbox = await listen(await connectTo(broker.url()), 'stop')
    expect(await caster.cast(castOf('stop'))).toEqual({ kind: 'taken' })
    await inbox.until(1)
    expect(lines.filter((line) => line.includes('connected to the broker'))).toHaveLength(2)
  })

  it('that is killed under load: every cast is either taken or away, and nothing taken before is missing', async () => {
    const { caster } = casterOf(cellTable(broker.transportUrl()))
    const connection = await connectTo(broker.url())
    const inbox = await listen(connection, 'kill')
    await caster.cast(castOf('kill', [{ tag: 'first' }]))
    const casting = [castAll(caster, 'kill', 8000)]
    await inbox.until(200)
    const killed = broker.kill()
    // All may be confirmed before it is dead.
    while ((await casting.at(-1))?.every(({ kind }) => kind === 'taken')) casting.push(castAll(caster, 'kill', 8000))
    await killed
    const results = (await Promise.all(casting)).flat()
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['taken', 'away']))
    const back = reachable(caster, 'kill')
    await broker.start()
    await back
    const again = await listen(await connectTo(broker.url()), 'kill')
    expect((await castAll(caster, 'kill', 100)).every(({ kind }) => kind === 'taken')).toBe(true)
    await again.until(100)
  })

  it('that takes no messages for want of memory: casts are away with that reason, and go on when it is over', async () => {
    const { caster, lines } = casterOf(cellTable(broker.transportUrl()))
    const inbox = await listen(await connectTo(broker.url()), 'blocked')
    expect(await caster.cast(castOf('blocked'))).toEqual({ kind: 'taken' })
    await broker.ctl('set_vm_memory_high_watermark', 'absolute', '1')
    let last: CastResult = { kind: 'taken' }
    const underWay: Promise<CastResult>[] = []
    // The broker tells of it once something is published; what it holds then is confirmed when the alarm is over.
    await eventually('a cast that is away', () => {
      const cast = caster.cast(castOf('blocked'))
      underWay.push(cast)
      void cast.then((result) => {
        last = result
      })
      return last.kind === 'away'
    })
    expect(last).toEqual({ kind: 'away', reason: expect.stringMatching(/takes no messages: low on memory/) })
    expect(lines.join('')).toContain('is blocked')
    const back = reachable(caster, 'blocked')
    await broker.ctl('set_vm_memory_high_watermark', '0.6')
    await back
    const results = await Promise.all(underWay)
    expect(results.at(-1)?.kind).toBe('away')
    expect(await caster.cast(castOf('blocked'))).toEqual({ kind: 'taken' })
    await inbox.until(2 + results.filter(({ kind }) => kind === 'taken').length)
  })

  it('that is one of two, of which the other is down: the one that is up is found', async () => {
    const { user, password, host, port } = broker
    // Their order is shuffled for each.
    for (let round = 0; round < 10; round++) {
      const { caster } = casterOf(cellTable(`rabbit://u:p@127.0.0.1:1,${user}:${password}@${host}:${port}/`))
      expect((await caster.cast(castOf('nowhere'))).kind).toBe('returned')
    }
  })

  it('that takes connections and says nothing: given up in time', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const { caster } = casterOf(cellTable(`rabbit://guest:guest@127.0.0.1:${port}/`))
    expect(await caster.cast(castOf('nowhere'))).toEqual({ kind: 'away', reason: expect.stringContaining('ETIMEDOUT') })
  })

  it('that the cell has no more: its new transport URL is used at once', async () => {
    const cells = cellTable('rabbit://guest:guest@127.0.0.1:1/')
    const { caster } = casterOf(cells)
    expect((await caster.cast(castOf('nowhere'))).kind).toBe('away')
    cells.rows.set(CELL, { id: CELL, name: 'cell1', transportUrl: broker.transportUrl(), isDisabled: false })
    expect((await caster.cast(castOf('nowhere'))).kind).toBe('returned')
  })

  it('gets what is under way before the caster closes, and nothing after', async () => {
    const { caster } = casterOf(cellTable(broker.transportUrl()))
    const inbox = await listen(await connectTo(broker.url()), 'close')
    await caster.cast(castOf('close'))
    const casting = castAll(caster, 'close', 1000)
    await new Promise((resolve) => setImmediate(resolve))
    await caster.close()
    expect((await casting).every(({ kind }) => kind === 'taken')).toBe(true)
    await inbox.until(1001)
    expect(await caster.cast(castOf('close'))).toEqual({ kind: 'away', reason: expect.stringContaining('novacast stops') })
  })

  it('closes at once while it waits for a broker', async () => {
    const { caster } = casterOf(cellTable('rabbit://guest:guest@127.0.0.1:1/'), { rabbit_retry_interval: '30' })
    await caster.cast(castOf('nowhere' as HostName))
    const before = performance.now()
    await caster.close()
    expect(performance.now() - before).toBeLessThan(1500)
  })
})
