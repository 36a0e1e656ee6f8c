import { describe, expect, it } from 'vitest'
import { castMessage, castParts, type NovaDelivery } from '../../src/cast/rabbitmq/cast-messages.ts'
import { errandOf } from '../../src/nova/action.ts'
import { computeDialect } from '../../src/nova/compute-dialect.ts'
import { uniqueIdOf } from '../../src/nova/rpc-message.ts'
import {
  type Capture,
  type CapturedMessage,
  capturedContext,
  captures,
  deliveriesOf,
  inOrder,
  instancesOf,
  messageOf,
} from './captures.ts'

/** What nova-compute of Zed reports. */
const ZED = 64

/** What novacast makes of a captured request for the host of one of its messages. */
function ours(capture: Capture, captured: CapturedMessage) {
  const message = messageOf(captured.body)
  const instances = instancesOf(message, capture.crossCell ?? false)
  const host = captured.routing_key.replace('compute.', '')
  const deliveries = deliveriesOf(capture, host, new Set(instances.keys()), message).flatMap((delivery): NovaDelivery[] => {
    const instance = instances.get(delivery.event.serverId)
    return instance === undefined || errandOf(delivery.event).kind === 'invalid' ? [] : [{ delivery, instance }]
  })
  const [first, ...others] = deliveries
  return first === undefined
    ? []
    : castParts([first, ...others], capturedContext(), computeDialect(ZED)).map((part) => castMessage([part]))
}

const messages = captures.flatMap((capture) => capture.messages.map((captured) => ({ name: capture.name, capture, captured })))
/** Nova casts a message without events there; novacast casts to nobody. */
const CAST_TO_NOBODY = ['power-update-other-tag']

describe('a message', () => {
  it('is there for every situation that was captured', () => {
    expect(messages.length).toBeGreaterThan(45)
  })

  it.each(messages.filter(({ name }) => !CAST_TO_NOBODY.includes(name)))(
    "equals Nova's, field by field: $name",
    ({ capture, captured }) => {
      const [made, ...others] = ours(capture, captured)
      if (made === undefined) throw new Error('nothing was made')
      expect(others).toEqual([])
      expect(made.routingKey).toBe(captured.routing_key)
      const envelope = JSON.parse(made.body.toString())
      expect(Object.keys(envelope)).toEqual(Object.keys(captured.body))
      expect(envelope['oslo.version']).toBe(captured.body['oslo.version'])
      const [theirs, mine] = [inOrder(messageOf(captured.body)), inOrder(messageOf(envelope))]
      expect(mine._unique_id).toMatch(/^[0-9a-f]{32}$/)
      expect(uniqueIdOf(made.body)).toBe(mine._unique_id)
      expect({ ...mine, _unique_id: theirs._unique_id }).toEqual(theirs)
      expect(Object.keys(mine)).toEqual(Object.keys(theirs))
    },
  )

  it.each(messages.filter(({ name }) => CAST_TO_NOBODY.includes(name)))('is none: $name', ({ capture, captured }) => {
    expect(messageOf(captured.body).args.events).toEqual([])
    expect(ours(capture, captured)).toEqual([])
  })
})
