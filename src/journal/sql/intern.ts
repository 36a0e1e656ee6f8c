import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../../database/connect.ts'
import type { HostName } from '../../events/event.ts'
import type { Sender } from '../journal.ts'
import { type BulkTable, type Cell, chunksOf, type Dialect, dialectOf } from './dialect.ts'

/** Gives texts that repeat a number, once and for all replicas. Everything rejects with `DatabaseTrouble`. */
export interface Interner {
  readonly hosts: Numbers<HostName>
  readonly kinds: Numbers<Kind>
  readonly senders: Numbers<Sender>
}

/** An event's name and its status. */
export interface Kind {
  readonly name: string
  readonly status: string
}

/** The numbers of one table. */
export interface Numbers<Item> {
  /** The number of each of these; who has none yet is given one. */
  give(items: Iterable<Item>): Promise<(item: Item) => number>
  /** The numbers of those that have one. */
  find(items: Iterable<Item>): Promise<(item: Item) => number | undefined>
}

/** How a table gives numbers: `textOf` tells items apart, and `rowText` is the same of a row. */
interface NumberedTable<Item> {
  readonly table: BulkTable
  readonly number: string
  /** The column that rows are found by, and the columns of which no two rows have the same. */
  readonly lookup: string
  readonly unique: string
  lookupOf(item: Item): Cell
  textOf(item: Item): string
  rowText(row: Readonly<Record<string, unknown>>): string
  toRow(item: Item): readonly Cell[]
}

const HOSTS: NumberedTable<HostName> = {
  table: { name: 'hosts', columns: [['host', 'bytea']] },
  number: 'host_id',
  lookup: 'host',
  unique: 'host',
  lookupOf: (host) => Buffer.from(host, 'utf8'),
  textOf: (host) => host,
  rowText: ({ host }) => String(host),
  toRow: (host) => [Buffer.from(host, 'utf8')],
}

const KINDS: NumberedTable<Kind> = {
  table: {
    name: 'kinds',
    columns: [
      ['name', 'text'],
      ['status', 'text'],
    ],
  },
  number: 'kind',
  lookup: 'name',
  unique: 'name, status',
  lookupOf: ({ name }) => name,
  textOf: ({ name, status }) => `${name} ${status}`,
  rowText: ({ name, status }) => `${name} ${status}`,
  toRow: ({ name, status }) => [name, status],
}

const SENDERS: NumberedTable<Sender> = {
  table: {
    name: 'senders',
    columns: [
      ['digest', 'bytea'],
      ['user_id', 'text'],
      ['user_name', 'text'],
      ['project_id', 'text'],
    ],
  },
  number: 'sender',
  lookup: 'digest',
  unique: 'digest',
  lookupOf: (sender) => Buffer.from(SENDERS.textOf(sender), 'hex'),
  textOf: ({ userId, userName, projectId }) =>
    createHash('sha1')
      .update(JSON.stringify([userId, userName, projectId]))
      .digest('hex'),
  rowText: ({ digest }) => (Buffer.isBuffer(digest) ? digest.toString('hex') : ''),
  toRow: (sender) => [SENDERS.lookupOf(sender), toText(sender.userId), toText(sender.userName), toText(sender.projectId)],
}

/** What a column of text holds: PostgreSQL's hold no NUL. */
export function toText<Value extends string | null>(value: Value): Value | string {
  return value === null ? value : value.replaceAll('\0', '\ufffd')
}

export function createInterner({ engine, kysely }: Database<unknown>): Interner {
  const dialect = dialectOf(engine)
  return {
    hosts: createNumbers(kysely, dialect, HOSTS),
    kinds: createNumbers(kysely, dialect, KINDS),
    senders: createNumbers(kysely, dialect, SENDERS),
  }
}

/** Numbers remembered of each table; beyond, all are looked up anew. */
const MAX_REMEMBERED = 20_000

/** Works outside of the journal's transactions: a number stays, though what needed it was rolled back. */
function createNumbers<Item>(db: Kysely<unknown>, dialect: Dialect, spec: NumberedTable<Item>): Numbers<Item> {
  const remembered = new Map<string, number>()
  const { table, number, unique } = spec

  const lookUp = async (items: readonly Item[], found: Map<string, number>) => {
    const columns = sql.raw([number, ...table.columns.map(([name]) => name)].join(', '))
    for (const chunk of chunksOf(items)) {
      const { rows } = await sql<Readonly<Record<string, unknown>>>`SELECT ${columns} FROM ${sql.raw(table.name)}
        WHERE ${dialect.isOneOf(spec.lookup, chunk.map(spec.lookupOf))}`.execute(db)
      for (const row of rows) {
        found.set(spec.rowText(row), Number(row[number]))
        remembered.set(spec.rowText(row), Number(row[number]))
      }
    }
  }
  /** What is known of these, and those of which nothing is. */
  const known = (items: Iterable<Item>) => {
    if (remembered.size > MAX_REMEMBERED) remembered.clear()
    const found = new Map<string, number>()
    const unknown = new Map<string, Item>()
    for (const item of items) {
      const text = spec.textOf(item)
      const no = remembered.get(text)
      if (no === undefined) unknown.set(text, item)
      else found.set(text, no)
    }
    return { found, unknown: [...unknown.values()] }
  }
  const find = async (items: Iterable<Item>) => {
    const { found, unknown } = known(items)
    await lookUp(unknown, found)
    return { found, missing: unknown.filter((item) => !found.has(spec.textOf(item))) }
  }
  return {
    find: async (items) => {
      const { found } = await find(items)
      return (item) => found.get(spec.textOf(item))
    },
    give: async (items) => {
      const { found, missing } = await find(items)
      for (const chunk of chunksOf(missing))
        await dialect.insert(db, table, chunk.map(spec.toRow), dialect.orIgnore(table, unique))
      await lookUp(missing, found)
      return (item) => {
        const no = found.get(spec.textOf(item))
        if (no === undefined) throw new Error(`${table.name} gave no number to ${spec.textOf(item)}`)
        return no
      }
    },
  }
}
