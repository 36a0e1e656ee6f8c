/** What is counted, for Prometheus. Every method is cheap enough for every request. */
export interface Metrics {
  /** A request to Nova's API was answered. */
  answered(status: number, seconds: number): void
  /** An event was decided; `count` of the same at once. */
  decided(name: string, code: number, count: number): void
  /** A request came again, and was known by its sender's request id or its Idempotency-Key. */
  repeated(by: 'request_id' | 'idempotency_key'): void
  /** A delivery took a step: dispatched, acknowledged, returned, expired, failed, moved. */
  stepped(kind: string, count: number): void
  /** A host ended so many deliveries, and says this of them: `applied`, `failed`, or `none` where it says no more than that. */
  received(receipt: 'applied' | 'failed' | 'none', count: number): void
  /** So many events that had ended were delivered again, or were to be and were not. */
  replayed(result: 'replayed' | 'left_out', count: number): void
  /** Seconds from acceptance to the host, or to its queue. */
  delivered(seconds: number): void
  /** Registers a number that is asked for when metrics are read. */
  gauge(name: string, help: string, read: () => number): void
  /** The same for a number that only grows. */
  counter(name: string, help: string, read: () => number): void
  /** The text that Prometheus reads, and its media type. */
  render(): Promise<{ readonly type: string; readonly body: string }>
}
