import type { StreamCaster, StreamSink } from '../../src/cast/stream/stream-caster.ts'
import type { EventId } from '../../src/events/event.ts'
import { hostName } from '../journal/journal-file.ts'

/** What came on a stream. */
export interface Message {
  readonly id: string | null
  readonly event: string
  readonly data: Record<string, unknown>
}

/** A host agent without a network: reads what is written into its sink. */
export interface Agent {
  /** Everything that came, comments and all. */
  readonly text: string
  readonly messages: readonly Message[]
  /** Ids of the deliveries that came, in order, repeats among them. */
  readonly ids: readonly string[]
  readonly isEnded: boolean
  /** While true the sink says that it is full. */
  isFull: boolean
  drain(): void
  ack(...ids: readonly string[]): Promise<unknown>
  disconnect(): void
}

/** Follows a host. `onMore` is called whenever something came. */
export function follow(caster: StreamCaster, host: string, lastEventId: string | null = null, onMore = () => {}): Agent {
  const drains: (() => void)[] = []
  const closes: (() => void)[] = []
  let text = ''
  let isEnded = false
  let isClosed = false
  const close = () => {
    if (isClosed) return
    isClosed = true
    for (const listener of closes) listener()
  }
  const agent: Agent = {
    get text() {
      return text
    },
    get messages() {
      return parse(text)
    },
    get ids() {
      return parse(text).flatMap(({ id, event }) => (id !== null && event === 'external-event' ? [id] : []))
    },
    get isEnded() {
      return isEnded
    },
    isFull: false,
    drain: () => {
      agent.isFull = false
      for (const listener of drains) listener()
    },
    ack: (...ids) => caster.acknowledge(hostName(host), ids as EventId[]),
    disconnect: close,
  }
  const sink: StreamSink = {
    write: (more) => {
      text += more
      onMore()
      return !agent.isFull
    },
    onDrain: (listener) => void drains.push(listener),
    onClose: (listener) => void closes.push(listener),
    end: () => {
      isEnded = true
      queueMicrotask(close)
    },
  }
  caster.follow(hostName(host), { lastEventId, sink })
  return agent
}

function parse(text: string): readonly Message[] {
  return text.split('\n\n').flatMap((block) => {
    const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]))
    const event = fields.get('event')
    const data = fields.get('data')
    return event === undefined || data === undefined ? [] : [{ id: fields.get('id') ?? null, event, data: JSON.parse(data) }]
  })
}
