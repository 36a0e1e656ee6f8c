import { randomUUID } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { createClient, staticToken } from '../../src/sdk/index.ts'
import { startNovacast } from '../support/novacast.ts'

it('an event for a server that gets its host a moment later is answered 422 and delivered then, or refused when it goes', async () => {
  const novacast = await startNovacast({ conf: '[novacast]\npark_unassigned = 3600\n' })
  onTestFinished(() => novacast.close())
  const client = createClient({ url: novacast.url, auth: staticToken('admin:admin') })
  onTestFinished(() => client.close())
  const [early, gone] = [randomUUID(), randomUUID()]
  for (const uuid of [early, gone]) await novacast.put(uuid, null)
  const sent = await client.sendEvents(
    [early, gone].map((uuid) => ({ name: 'network-vif-plugged', server_uuid: uuid, tag: 'port' })),
  )
  expect(sent.map(({ code, status }) => [code, status])).toEqual([
    [422, 'failed'],
    [422, 'failed'],
  ])
  const storyOf = async (uuid: string) => {
    for await (const story of client.events.search({ server: uuid })) return story
    return null
  }
  expect(await storyOf(early)).toMatchObject({
    ...{ code: 422, deliveries: [] },
    deferral: { cell: null, reason: 'the server is on no host', state: 'parked' },
  })
  await novacast.put(early, 'compute-1')
  for await (const event of client.hosts.follow('compute-1')) {
    expect(event).toMatchObject({ server_uuid: early, name: 'network-vif-plugged', tag: 'port' })
    await client.hosts.ack('compute-1', [event.id])
    break
  }
  expect(await storyOf(early)).toMatchObject({
    ...{ code: 422, deferral: { state: 'located' } },
    deliveries: [{ host: 'compute-1', state: 'acknowledged' }],
  })
  await client.servers.remove(gone)
  expect(await storyOf(gone)).toMatchObject({ deferral: { state: 'refused', reason: 'unknown server' }, deliveries: [] })
})
