import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from '../../identity/identity.ts'
import { readQuery } from './query.ts'
import type { ObjectSchema, Schema } from './schema.ts'

/** What a handler answers. */
export type Answer<A> =
  | { readonly kind: 'json'; readonly status: 200 | 201; readonly body: A }
  | { readonly kind: 'empty'; readonly status: 204 }
  | { readonly kind: 'text'; readonly status: 200; readonly type: string; readonly body: string }
  /** The function has the response from now on. */
  | { readonly kind: 'stream'; readonly serve: (response: ServerResponse) => void }

/** What a request brought, checked. */
export interface Input<P, Q, B> {
  readonly path: P
  readonly query: Q
  readonly body: B
  /** As Node has it: for bodies and headers that no schema describes. */
  readonly raw: IncomingMessage
  /** `req-UUID`, ours. */
  readonly requestId: string
  /** Who sent it; null where nobody needs to say. */
  readonly caller: Caller | null
}

/** What a route says of itself: enough to guard it and to describe it. */
interface Described<P, Q, B, A> {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** As OpenAPI writes it: `/novacast/v1/servers/{uuid}`. */
  readonly path: string
  /** The policy rule that must hold; null: open to everybody, without a token. */
  readonly rule: string | null
  /** A sentence of the API's document. */
  readonly summary: string
  /** What its answers below 400 mean, by status. */
  readonly answers: Readonly<Record<number, string>>
  /** The parts of the path in braces. */
  readonly params?: ObjectSchema<P>
  /** Where absent, what stands in the query is not looked at. */
  readonly query?: ObjectSchema<Q>
  /** Of a body that is JSON. */
  readonly body?: Schema<B>
  /** Of each line of a body that is newline-delimited JSON: the handler reads it from `raw`. */
  readonly lines?: Schema<unknown>
  /** Of an answer that is JSON. */
  readonly answer?: Schema<A>
  /** Of the data of each event, by its name, where the answer is a stream of Server-Sent Events. */
  readonly events?: Readonly<Record<string, Schema<unknown>>>
  /** Media type of an answer that is text. */
  readonly text?: string
}

/** A route with what it does. */
export interface Definition<P, Q, B, A> extends Described<P, Q, B, A> {
  readonly handle: (input: Input<P, Q, B>) => Promise<Answer<A>> | Answer<A>
}

/** What a request brought, not yet checked. */
export interface RawInput extends Omit<Input<unknown, unknown, unknown>, 'query'> {
  /** What stands behind the `?`. */
  readonly queryText: string
}

/** A row of the route table. */
export interface Route extends Described<unknown, unknown, unknown, unknown> {
  /** Checks what came and answers it. Rejects with an `ApiError` at what does not fit. */
  readonly run: (input: RawInput) => Promise<Answer<unknown>>
}

/** Makes a row of the route table: its handler gets what its schemas let through. */
export function route<P, Q, B, A>({ handle, ...described }: Definition<P, Q, B, A>): Route {
  const { params, query, body } = described
  return {
    ...described,
    run: async ({ path, queryText, body: content, ...rest }) =>
      handle({
        path: parsed(params, path, 'path'),
        query: parsed(query, query && readQuery(queryText, query.fields), 'query'),
        body: parsed(body, content, 'body'),
        ...rest,
      }),
  }
}

/** Who gives no schema is given nothing, and its type says nothing of it. */
function parsed<T>(schema: Schema<T> | undefined, value: unknown, at: string): T {
  return schema === undefined ? (undefined as T) : schema.parse(value, at)
}

/** An answer of JSON. */
export function json<A>(body: A, status: 200 | 201 = 200): Answer<A> {
  return { kind: 'json', status, body }
}
