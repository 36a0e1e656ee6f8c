import { describe, expect, it } from 'vitest'
import type { HostName } from '../../events/event.ts'
import { computeDialect } from '../../nova/compute-dialect.ts'
import { NOBODY } from '../../nova/context.ts'
import { embeddedJson } from '../../nova/rpc-message.ts'
import type { CastMessage, CastPart } from './cast-messages.ts'
import { createOutbox } from './outbox.ts'
import type { Published } from './unconfirmed.ts'

const CONTEXT = {
  ...{ subject: NOBODY, isAdmin: true, token: null, catalog: [], remoteAddress: null },
  ...{ requestId: 'req-1', globalRequestId: null, receivedAtUs: 0 },
}

function partFor(host: string, event: string, more: Partial<CastPart> & { readonly text?: string } = {}): CastPart {
  const instances = new Map([[event, embeddedJson({ uuid: event, text: more.text ?? '' })]])
  const events = [embeddedJson(event)]
  return { host: host as HostName, dialect: computeDialect(64), instances, events, context: CONTEXT, isHarmless: true, ...more }
}

/** A link that keeps what is published, as `host: events`; every message comes to this. */
function linkThat(published: (message: CastMessage) => Published = () => ({ kind: 'taken' })) {
  const sent: string[] = []
  const publish = async (message: CastMessage) => {
    const { args } = JSON.parse(JSON.parse(message.body.toString())['oslo.message'])
    sent.push(`${message.host}: ${args.events.join(' ')}`)
    return published(message)
  }
  return { sent, link: { publish } }
}

describe('createOutbox', () => {
  it('puts into one message what comes in one turn for one host, and may share it', async () => {
    const { sent, link } = linkThat()
    const outbox = createOutbox(link)
    const parts = ['a 1', 'b 2', 'a 3', 'a 4', 'b 5'].map((name) => partFor(name.charAt(0), name.charAt(2)))
    expect(sent).toEqual([])
    expect(await Promise.all(parts.map(outbox.publish))).toEqual(parts.map(() => ({ kind: 'taken' })))
    expect(sent).toEqual(['a: 1 3 4', 'b: 2 5'])
    await outbox.publish(partFor('a', '6'))
    expect(sent).toEqual(['a: 1 3 4', 'b: 2 5', 'a: 6'])
  })

  it('takes what comes by promises in the same turn, and keeps what may not share a message in its place', async () => {
    const { sent, link } = linkThat()
    const outbox = createOutbox(link)
    const alone = { isHarmless: false }
    const later = async (part: CastPart) => {
      await null
      return outbox.publish(part)
    }
    await Promise.all([
      outbox.publish(partFor('a', '1')),
      outbox.publish(partFor('a', '2')),
      outbox.publish(partFor('a', '3', alone)),
      outbox.publish(partFor('a', '4')),
      later(partFor('a', '5')),
      later(partFor('a', '6', alone)),
      later(partFor('a', '7', alone)),
      later(partFor('a', '8')),
    ])
    expect(sent).toEqual(['a: 1 2', 'a: 3', 'a: 4 5', 'a: 6', 'a: 7', 'a: 8'])
  })

  it('shares a message until it is as long as a frame of AMQP', async () => {
    const { sent, link } = linkThat()
    const outbox = createOutbox(link)
    const text = 'x'.repeat(30 * 1024)
    await Promise.all(['1', '2', '3', '4', '5'].map((name) => outbox.publish(partFor('a', name, { text }))))
    await outbox.publish(partFor('a', '6', { text: 'x'.repeat(200 * 1024) }))
    expect(sent).toEqual(['a: 1 2 3', 'a: 4 5', 'a: 6'])
  })

  it('rejects those of which no message can be made, and no others', async () => {
    const { sent, link } = linkThat()
    const outbox = createOutbox(link)
    const endless: Record<string, unknown> = {}
    endless['self'] = endless
    const context = { ...CONTEXT, catalog: [endless] as unknown as CastPart['context']['catalog'] }
    const told = await Promise.allSettled([partFor('a', '1', { context }), partFor('b', '2')].map(outbox.publish))
    expect(told.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(sent).toEqual(['b: 2'])
  })

  it('tells each what became of the message that it was in', async () => {
    const away = { kind: 'away', reason: 'gone' } as const
    const { link } = linkThat(({ host }) => (host === 'a' ? away : { kind: 'taken' }))
    const outbox = createOutbox(link)
    const told = await Promise.all(['a', 'b', 'a'].map((host, i) => outbox.publish(partFor(host, String(i)))))
    expect(told).toEqual([away, { kind: 'taken' }, away])
  })
})
