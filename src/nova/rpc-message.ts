/** A call of nova-compute's `external_instance_event`, its parts as text that is JSON already. */
export interface RpcCall {
  readonly instances: readonly EmbeddedJson[]
  readonly events: readonly EmbeddedJson[]
  readonly version: '5.0' | '6.0'
  /** 32 hexadecimal digits, fresh for each message: a receiver drops one that it has just seen. */
  readonly uniqueId: string
  /** The entries of the context, without the braces around them. */
  readonly context: EmbeddedJson
}

declare const embedded: unique symbol
/** JSON, written once more as the inside of a JSON string: so it stands in an envelope, and can be joined to other such text. */
export type EmbeddedJson = string & { readonly [embedded]: true }

/** Writes a value for an envelope. Costly for a large one: worth keeping where the same goes into several messages. */
export function embeddedJson(value: unknown): EmbeddedJson {
  return JSON.stringify(JSON.stringify(value)).slice(1, -1) as EmbeddedJson
}

/** As `embeddedJson`, without the braces of the object. */
export function embeddedEntries(value: Readonly<Record<string, unknown>>): EmbeddedJson {
  return embeddedJson(value).slice(1, -1) as EmbeddedJson
}

const ID_KEY = ',\\"_unique_id\\":\\"'
const ID_LENGTH = 32

/**
 * A message of oslo.messaging, ready to be published: the call as text inside its envelope. Pasted together, as most of it is
 * written already. Source: oslo_messaging/_drivers/common.py serialize_msg, _drivers/amqp.py pack_context.
 */
export function rpcMessage({ instances, events, version, uniqueId, context }: RpcCall): Buffer {
  return Buffer.from(
    '{"oslo.version":"2.0","oslo.message":"{\\"method\\":\\"external_instance_event\\",\\"args\\":{\\"instances\\":[' +
      `${instances.join(',')}],\\"events\\":[${events.join(',')}]},\\"version\\":\\"${version}\\"${ID_KEY}${uniqueId}\\",${context}}"}`,
  )
}

/**
 * The unique id of a message that `rpcMessage` made, or null. A quote inside of any text of the message has three backslashes, so the
 * key cannot be met anywhere else.
 */
export function uniqueIdOf(message: Buffer): string | null {
  const at = message.indexOf(ID_KEY)
  return at < 0 ? null : message.toString('latin1', at + ID_KEY.length, at + ID_KEY.length + ID_LENGTH)
}
