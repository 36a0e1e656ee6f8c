import type { BulkTable } from './dialect.ts'

/** The tables that rows are added to in bulk. */
export const TABLES = {
  requests: {
    name: 'requests',
    columns: [
      ['size', 'int'],
      ['received_at', 'bigint'],
      ['request_id', 'bytea'],
      ['global_request_id', 'bytea'],
      ['sender', 'int'],
      ['microversion', 'text'],
    ],
  },
  repeatKeys: {
    name: 'repeat_keys',
    columns: [
      ['digest', 'bytea'],
      ['content', 'bytea'],
      ['id', 'bytea'],
      ['received_at', 'bigint'],
    ],
  },
  repeats: {
    name: 'repeats',
    columns: [
      ['request', 'bigint'],
      ['times', 'int'],
      ['last_at', 'bigint'],
    ],
  },
  requestIds: {
    name: 'request_ids',
    columns: [
      ['bucket', 'int'],
      ['id', 'bytea'],
      ['request', 'bigint'],
    ],
  },
  events: {
    name: 'events',
    columns: [
      ['seq', 'bigint'],
      ['id', 'bytea'],
      ['bucket', 'int'],
      ['server', 'bytea'],
      ['kind', 'int'],
      ['tag', 'bytea'],
      ['code', 'int'],
    ],
  },
  openDeliveries: {
    name: 'open_deliveries',
    columns: [
      ['owner', 'int'],
      ['host_id', 'int'],
      ['awaited', 'int'],
      ['seq', 'bigint'],
      ['id', 'bytea'],
      ['server_hash', 'int'],
      ['cell', 'bytea'],
      ['state', 'int'],
      ['attempts', 'int'],
      ['tries', 'int'],
      ['last_error', 'text'],
      ['last_error_at', 'bigint'],
      ['dispatched_at', 'bigint'],
    ],
  },
  deliveries: {
    name: 'deliveries',
    columns: [
      ['seq', 'bigint'],
      ['host_id', 'int'],
      ['cell', 'bytea'],
      ['state', 'int'],
      ['attempts', 'int'],
      ['tries', 'int'],
      ['last_error', 'text'],
      ['last_error_at', 'bigint'],
      ['dispatched_at', 'bigint'],
      ['ended_at', 'bigint'],
    ],
  },
  deferrals: {
    name: 'deferrals',
    columns: [
      ['seq', 'bigint'],
      ['server_hash', 'int'],
      ['cell', 'bytea'],
      ['state', 'int'],
      ['reason', 'text'],
      ['keep_until', 'bigint'],
      ['owner', 'int'],
    ],
  },
  replays: {
    name: 'replays',
    columns: [
      ['seq', 'bigint'],
      ['replay_of', 'bytea'],
      ['run', 'bytea'],
    ],
  },
  passed: {
    name: 'passed',
    columns: [
      ['owner', 'int'],
      ['host_id', 'int'],
    ],
  },
} as const satisfies Readonly<Record<string, BulkTable>>
