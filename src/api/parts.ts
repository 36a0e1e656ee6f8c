import type { IncomingMessage, ServerResponse } from 'node:http'

/** One of the two worlds behind the port: Nova's API, and the operator's. Answers every request it is handed. */
export interface HttpApi {
  handle(request: IncomingMessage, response: ServerResponse): void
  /** Ends streams and releases what it holds; requests under way may still finish. */
  close(): Promise<void>
}
