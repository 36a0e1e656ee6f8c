import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import type { Caster, CastResult } from '../../../src/cast/cast.ts'
import type { Own, Rabbitmq } from '../../stand/stand.ts'
import { describeOn, startRabbitmq, useStand } from '../../stand/use-stand.ts'
import { createStallingProxy } from '../../support/stalling-proxy.ts'
import { createMeddlingProxy } from './meddling-proxy.ts'
import { casterOf, castOf, cellTable, connectTo, eventually, listen } from './rig.ts'

const stand = await useStand()

/** Frames of AMQP 0-9-1, as far as they are looked for: class and method. */
const EXCHANGE_DECLARE = Buffer.from([0, 40, 0, 10])
const CONFIRM_SELECT_OK = Buffer.from([0, 85, 0, 11])
/** connection.close with code 320 and an empty text, as a node says it that is shut down. */
const CONNECTION_CLOSE = Buffer.from([1, 0, 0, 0, 0, 0, 11, 0, 10, 0, 50, 1, 64, 0, 0, 0, 0, 0, 0xce])

const taken: CastResult = { kind: 'taken' }

describeOn(stand, 'a broker that says nothing', () => {
  let broker: Rabbitmq & Own
  beforeAll(async () => {
    broker = await startRabbitmq()
  }, 120_000)
  afterAll(() => broker.remove())

  const through = (port: number) => `rabbit://${broker.user}:${broker.password}@127.0.0.1:${port}/`

  async function stallable(rabbit: Readonly<Record<string, string>> = {}) {
    const proxy = await createStallingProxy(broker)
    onTestFinished(() => proxy.close())
    return { proxy, ...casterOf(cellTable(through(proxy.port)), rabbit) }
  }

  /** Casts until it is taken, as deliveries are tried again. */
  async function castAgain(caster: Caster, host: string): Promise<void> {
    let last: CastResult | null = null
    await eventually(`a cast to ${host} that is taken`, () => {
      void caster.cast(castOf(host)).then((result) => {
        last = result
      })
      return last?.kind === 'taken'
    })
  }

  /** Suspends the process of a host's queue in the broker: it confirms nothing, as one without a majority. */
  const suspend = (host: string) =>
    broker.ctl(
      'eval',
      `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"compute.${host}">>)), Pid = amqqueue:get_pid(Q), ` +
        'spawn(fun() -> erlang:suspend_process(Pid), timer:sleep(infinity) end).',
    )

  it('with casts under way is given up after half a minute, and connected to again; one silent queue keeps nobody else waiting', async () => {
    const { proxy, caster, lines } = await stallable()
    const other = casterOf(cellTable(broker.transportUrl()))
    const connection = await connectTo(broker.url())
    for (const host of ['silent', 'stuck', 'well']) await listen(connection, host)
    expect(await caster.cast(castOf('silent'))).toEqual(taken)
    expect(await other.caster.cast(castOf('stuck'))).toEqual(taken)

    proxy.stall()
    await suspend('stuck')
    const unconfirmed = [caster.cast(castOf('silent')), other.caster.cast(castOf('stuck'))]
    let isOver = false
    const over = Promise.all(unconfirmed).then((results) => {
      isOver = true
      return results
    })
    const others: CastResult[] = []
    while (!isOver) {
      others.push(await other.caster.cast(castOf('well')))
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const reason = expect.stringContaining('did not confirm within 30 s')
    expect(await over).toEqual([
      { kind: 'away', reason },
      { kind: 'away', reason },
    ])
    expect(new Set(others.map(({ kind }) => kind))).toEqual(new Set(['taken']))
    expect(other.lines.filter((line) => line.includes('no connection to the broker'))).toEqual([])

    proxy.flow()
    await castAgain(caster, 'silent')
    expect(lines.filter((line) => line.includes('connected to the broker'))).toHaveLength(2)
  })

  it('with nothing under way is noticed by its heartbeats, and connected to again', async () => {
    const { proxy, caster, lines } = await stallable({ heartbeat_timeout_threshold: '2' })
    await listen(await connectTo(broker.url()), 'idle')
    await castAgain(caster, 'idle')
    const lost = () => lines.filter((line) => line.includes('no connection to the broker')).length
    const before = lost()
    proxy.stall()
    await eventually('a connection that is lost', () => lost() > before)
    proxy.flow()
    await castAgain(caster, 'idle')
  })

  it('behind the login is given up, and connected to again', async () => {
    const toBroker = (chunk: Buffer) => (chunk.includes(EXCHANGE_DECLARE) ? null : chunk)
    const { caster } = casterOf(cellTable(through(await createMeddlingProxy(broker, { toBroker }))))
    await listen(await connectTo(broker.url()), 'login')
    const reason = expect.stringMatching(/^127\.0\.0\.1:\d+: no answer within 5 s$/)
    expect(await caster.cast(castOf('login'))).toEqual({ kind: 'away', reason })
    await castAgain(caster, 'login')
  })

  it('but that it closes, with the answer to the opening, is connected to again', async () => {
    const toClient = (chunk: Buffer) => (chunk.includes(CONFIRM_SELECT_OK) ? Buffer.concat([chunk, CONNECTION_CLOSE]) : chunk)
    const { caster } = casterOf(cellTable(through(await createMeddlingProxy(broker, { toClient }))))
    await listen(await connectTo(broker.url()), 'opening')
    expect((await caster.cast(castOf('opening'))).kind).toBe('away')
    await castAgain(caster, 'opening')
  })

  it('does not keep the caster from closing', async () => {
    const { proxy, caster } = await stallable()
    await listen(await connectTo(broker.url()), 'closing')
    expect(await caster.cast(castOf('closing'))).toEqual(taken)
    proxy.stall()
    const underWay = caster.cast(castOf('closing'))
    await caster.close()
    expect((await underWay).kind).toBe('away')
  })
})
