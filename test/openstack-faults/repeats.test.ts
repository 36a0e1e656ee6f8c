import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { request } from 'undici'
import { expect, it, onTestFinished } from 'vitest'
import { describeOn, useStand } from '../stand/use-stand.ts'
import { waitFor } from '../stand/wait.ts'
import { PATIENT } from './cloud.ts'
import { createComputes, ownHost } from './computes.ts'
import { openClient, startNovacast, storiesOf } from './novacast.ts'

const stand = await useStand('keystone', 'rabbitmq', 'mariadb', 'postgresql', 'nova')

const PATH = '/v2.1/os-server-external-events'

/** A request of Neutron's: it sends the same id and body again when a connection breaks. */
interface NeutronRequest {
  readonly id: string
  readonly tag: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

function newRequest(token: string, server: string): NeutronRequest {
  const id = `req-${randomUUID()}`
  const tag = randomUUID()
  const headers = {
    'x-auth-token': token,
    'content-type': 'application/json',
    'openstack-api-version': 'compute 2.93',
    'x-openstack-request-id': id,
  }
  return { id, tag, headers, body: JSON.stringify({ events: [{ server_uuid: server, name: 'network-changed', tag }] }) }
}

async function post(url: string, { headers, body }: NeutronRequest) {
  const answer = await request(url + PATH, { method: 'POST', headers, body })
  return {
    status: answer.statusCode,
    text: await answer.body.text(),
    id: String(answer.headers['x-compute-request-id']),
    repeatOf: answer.headers['x-novacast-repeat-of'] ?? null,
  }
}

/** Sends it and never reads what comes back. */
function postUnheard(url: string, { headers, body }: NeutronRequest): void {
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
  onTestFinished(() => void socket.destroy())
  socket.pause()
  const lines = Object.entries({ host: 'novacast', ...headers, 'content-length': String(body.length) })
  socket.write(`POST ${PATH} HTTP/1.1\r\n${lines.map((line) => line.join(': ')).join('\r\n')}\r\n\r\n${body}`)
}

describeOn(stand, 'repeats at two replicas over one journal', ({ keystone, rabbitmq, nova, ...databases }) => {
  it.each(['mariadb', 'postgresql'] as const)(
    'in %s: are answered as the first was, and delivered once',
    PATIENT,
    async (engine) => {
      const { url } = await databases[engine].createDatabase()
      const doomed = await startNovacast(nova, `connection = ${url}\n`)
      const other = await startNovacast(nova, `connection = ${url}\n`)
      const client = await openClient(other, keystone)
      const token = await keystone.token('neutron')
      const [there, absent] = [ownHost('repeats'), ownHost('repeats-absent')]
      const [server = ''] = (await nova.seed(1, { hosts: [there] })).map(({ uuid }) => uuid)
      const [waiting = ''] = (await nova.seed(1, { hosts: [absent] })).map(({ uuid }) => uuid)
      const computes = createComputes({ url: rabbitmq.url(), hosts: [there], durable: true })
      const late = createComputes({ url: rabbitmq.url(), hosts: [absent], durable: true })
      await computes.join()
      const arrivalsOf = ({ tag }: NeutronRequest) =>
        [...computes.arrivals, ...late.arrivals].filter((each) => each.tag === tag).length

      // One after the other.
      const one = newRequest(token, server)
      const first = await post(doomed.url, one)
      const again = await post(other.url, one)
      expect([first.status, first.repeatOf, again.repeatOf]).toEqual([200, null, first.id])
      expect([again.status, again.text]).toEqual([first.status, first.text])
      const unknown = newRequest(token, randomUUID())
      const refused = await post(other.url, unknown)
      expect(await post(doomed.url, unknown)).toMatchObject({ status: 404, text: refused.text, repeatOf: refused.id })

      // At the same time.
      const many = Array.from({ length: 40 }, () => newRequest(token, server))
      const answers = await Promise.all(
        many.map((each) => Promise.all([doomed.url, other.url, doomed.url, other.url].map((to) => post(to, each)))),
      )
      for (const four of answers) {
        const kept = four.filter(({ repeatOf }) => repeatOf === null)
        expect(kept).toHaveLength(1)
        for (const { status, text, repeatOf } of four) {
          expect([status, text]).toEqual([200, four[0]?.text])
          expect([null, kept[0]?.id]).toContain(repeatOf)
        }
      }

      // What a replica that is killed has cast and not recorded goes out again, rightly.
      await waitFor(
        'the deliveries',
        async () => (await storiesOf(client, { host: there, state: 'pending' })).length === 0 || null,
      )

      // The first replica is killed when it has committed, before its answer was heard.
      const unheard = newRequest(token, waiting)
      postUnheard(doomed.url, unheard)
      await waitFor('the commit', async () => (await storiesOf(client, { request_id: unheard.id })).length === 1 || null)
      await doomed.kill()
      const heard = await post(other.url, unheard)
      const stories = await storiesOf(client, { request_id: unheard.id })
      expect([heard.status, heard.repeatOf]).toEqual([200, stories[0]?.request_id])
      expect(stories.map(({ repeats }) => repeats)).toEqual([1])
      await late.join()
      await waitFor('its delivery by the other replica', () => arrivalsOf(unheard) > 0 || null)

      await doomed.start()
      expect(await post(doomed.url, unheard)).toMatchObject({ status: 200, text: heard.text, repeatOf: heard.repeatOf })
      await waitFor('all to arrive', () => many.every((each) => arrivalsOf(each) > 0) || null)
      await Promise.all([computes.drain(), late.drain()])
      expect([one, ...many, unheard].map(arrivalsOf)).toEqual(Array.from({ length: many.length + 2 }, () => 1))
    },
  )
})
