import { expect, it } from 'vitest'
import type { EventId, HostName, ServerId } from '../../events/event.ts'
import { createSseParser } from '../../sdk/sse.ts'
import { delivery } from '../../sdk/wire.ts'
import { GREETING, HEARTBEAT, REPLACED, renderDelivery } from './wire.ts'

it('writes what the client of the project reads, whatever a tag holds', () => {
  const text = renderDelivery({
    ...{ eventId: '0199d3a2-6f0e-7c3e-9b57-1f2c4f6b8a01' as EventId, host: 'h' as HostName, cell: null },
    event: { serverId: 's' as ServerId, name: 'volume-extended', status: 'failed', tag: 'a\nb\r\u2028"ü' },
    ...{ requestId: 'req-1', globalRequestId: null, receivedAtUs: 1_764_000_000_000_007, attempts: 2, tries: 0 },
    sender: { userId: null, userName: null, projectId: null },
  })
  const items = [...createSseParser()(GREETING + HEARTBEAT + text + REPLACED)]
  expect(items.map((item) => (item.kind === 'message' ? item.event : item.kind))).toEqual(['retry', 'external-event', 'replaced'])
  const message = items[1]
  expect(message?.kind === 'message' && delivery(JSON.parse(message.data), 'delivery')).toEqual({
    ...{ id: '0199d3a2-6f0e-7c3e-9b57-1f2c4f6b8a01', server_uuid: 's', name: 'volume-extended', status: 'failed' },
    ...{ tag: 'a\nb\r\u2028"ü', request_id: 'req-1', global_request_id: null },
    ...{ accepted_at: '2025-11-24T16:00:00.000007Z', attempt: 3 },
  })
})
