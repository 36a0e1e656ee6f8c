import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * The journal and the registry of servers, as docs/reference/schema.md describes them.
 *
 * Every index on a hot table begins with `seq >> 13`: the bucket of 8192 consecutive events that a row belongs to. An index on a
 * random uuid or on ten thousand hosts dirties a page per row once it has outgrown the cache; within a bucket it has at most some
 * 60 pages to dirty, however long the journal. A look-up pays with one seek per bucket, but for that of a server.
 * Measured: 225,000 events/s instead of 42,000 (docs/decisions/0006-indexes-in-buckets.md).
 */
const STATEMENTS = [
  `CREATE TABLE senders (
    sender INTEGER PRIMARY KEY,
    user_id TEXT,
    user_name TEXT,
    project_id TEXT
  )`,
  'CREATE INDEX senders_by_user ON senders (user_id, project_id)',

  `CREATE TABLE kinds (
    kind INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    UNIQUE (name, status)
  )`,

  `CREATE TABLE hosts (
    host_id INTEGER PRIMARY KEY,
    host TEXT NOT NULL UNIQUE,
    pending INTEGER NOT NULL DEFAULT 0,
    dispatched INTEGER NOT NULL DEFAULT 0,
    last_seen INTEGER
  )`,

  `CREATE TABLE requests (
    first_seq INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    request_id NOT NULL,
    global_request_id,
    sender INTEGER NOT NULL,
    microversion TEXT NOT NULL,
    repeat_key BLOB
  )`,
  'CREATE INDEX requests_by_id ON requests (first_seq >> 13, request_id)',
  `CREATE INDEX requests_by_global_id ON requests (first_seq >> 13, global_request_id)
    WHERE global_request_id IS NOT NULL`,

  // Few requests come again: their counts stand beside `requests`, which is only added to.
  `CREATE TABLE repeats (
    first_seq INTEGER PRIMARY KEY,
    times INTEGER NOT NULL,
    last_at INTEGER NOT NULL
  )`,

  `CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    first_seq INTEGER NOT NULL,
    server NOT NULL,
    kind INTEGER NOT NULL,
    tag,
    code INTEGER NOT NULL
  )`,
  // Ids ascend nearly in step with seq: this index grows at its end.
  'CREATE UNIQUE INDEX events_by_id ON events (id)',
  'CREATE INDEX events_by_server ON events (seq >> 13, server)',

  `CREATE TABLE deliveries (
    seq INTEGER NOT NULL,
    host_id INTEGER NOT NULL,
    cell TEXT,
    awaited INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    last_error_at INTEGER,
    dispatched_at INTEGER,
    ended_at INTEGER,
    PRIMARY KEY (seq, host_id)
  ) WITHOUT ROWID`,
  // With `awaited` in it those are found among many others, for no more than the others cost.
  'CREATE INDEX deliveries_open ON deliveries (seq >> 13, host_id, awaited) WHERE state < 2',

  `CREATE TABLE deferrals (
    seq INTEGER PRIMARY KEY,
    server NOT NULL,
    cell TEXT,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL,
    keep_until INTEGER,
    ended_at INTEGER
  )`,
  'CREATE INDEX deferrals_waiting ON deferrals (seq) WHERE state = 0',
  'CREATE INDEX deferrals_parked ON deferrals (keep_until) WHERE state = 4',
  'CREATE INDEX deferrals_by_server ON deferrals (server) WHERE ended_at IS NULL',

  // Few, and for events that lie together: an index over all.
  `CREATE TABLE replays (
    seq INTEGER PRIMARY KEY,
    replay_of BLOB NOT NULL,
    run NOT NULL
  )`,
  'CREATE UNIQUE INDEX replays_by_original ON replays (replay_of, run)',

  // When the events of a full bucket came, so that a search for an hour does not read a year.
  `CREATE TABLE buckets (
    bucket INTEGER PRIMARY KEY,
    first_received_at INTEGER NOT NULL,
    last_received_at INTEGER NOT NULL
  )`,

  // Which buckets may have events of a server: docs/decisions/0012-filters-of-servers.md.
  `CREATE TABLE bucket_servers (
    bucket INTEGER PRIMARY KEY,
    bits BLOB NOT NULL
  )`,
  `CREATE TABLE span_servers (
    place INTEGER PRIMARY KEY,
    bits BLOB NOT NULL
  )`,

  `CREATE TABLE servers (
    uuid BLOB PRIMARY KEY,
    host TEXT,
    moving_to TEXT,
    project_id TEXT,
    name TEXT,
    updated_at INTEGER NOT NULL
  ) WITHOUT ROWID`,
] as const

export const migration: Migration = {
  up: async (db: Kysely<unknown>) => {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db)
  },
}
