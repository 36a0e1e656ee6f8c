import { expect, it } from 'vitest'
import type { ServerId } from '../../src/events/event.ts'
import type { DecidedEvent, Journal } from '../../src/journal/journal.ts'
import { NO_SEARCHES } from '../../src/journal/journal.ts'
import { describeEngines, openOn } from './engines.ts'
import { decided, hostName, newServerId, submission } from './journal-file.ts'

const at = (serverId: ServerId, ...hosts: readonly string[]) => decided(hosts, { serverId })
const urgently = (store: Journal, event: DecidedEvent) =>
  store.commit(submission([event]), { ...NO_SEARCHES, urgent: new Set([event.event.serverId]) })

describeEngines('what is urgent', (engine) => {
  it('is behind what is open of its server for the same host', async () => {
    const store = await openOn(engine)
    const [open, ended, elsewhere] = [newServerId(), newServerId(), newServerId()]
    const before = [at(open, 'h1', 'h2'), at(ended, 'h1'), at(elsewhere, 'h2')]
    await store.commit(submission(before))
    await store.acknowledge(hostName('h1'), [before[1]?.id as DecidedEvent['id']], 1)

    const event = at(open, 'h1', 'h2', 'h3')
    expect(await urgently(store, event)).toEqual(
      ['h1', 'h2'].map((host) => ({ eventId: event.id, host: hostName(host), kind: 'behind' })),
    )
    expect(await urgently(store, at(ended, 'h1'))).toEqual([])
    expect(await urgently(store, at(elsewhere, 'h1'))).toEqual([])
    expect(await urgently(store, at(newServerId(), 'h1'))).toEqual([])
    expect(await store.commit(submission([at(open, 'h1')]))).toEqual([])
  })

  it('is behind what is committed before it in the same moment', async () => {
    const store = await openOn(engine)
    const server = newServerId()
    const [first, second, third] = [at(server, 'h1'), at(server, 'h1'), at(server, 'h1')]
    const answers = await Promise.all([
      urgently(store, first),
      store.commit(submission([second, at(newServerId(), 'h1')])),
      urgently(store, third),
    ])
    expect(answers).toEqual([[], [], [{ eventId: third.id, host: hostName('h1'), kind: 'behind' }]])
  })

  it('is not followed anywhere: that is for strays', async () => {
    const store = await openOn(engine)
    const server = newServerId()
    const [old, event] = [at(server, 'h1'), at(server, 'h2')]
    await store.commit(submission([old]))
    expect(await urgently(store, event)).toEqual([])
    expect((await store.event(old.id))?.deliveries).toMatchObject([{ host: 'h1', state: 'pending' }])
  })

  it('is found out in moments of a thousand events of one server behind thousands', async () => {
    const store = await openOn(engine)
    const server = newServerId()
    const many = () => Array.from({ length: 1250 }, () => at(server, 'h1'))
    await store.commit(submission(many()))
    // Each would otherwise go through all before it: minutes of the writer's time.
    for (let i = 0; i < 4; i++)
      expect(await store.commit(submission(many()), { ...NO_SEARCHES, urgent: new Set([server]) })).toHaveLength(1250)
  }, 60_000)
})
