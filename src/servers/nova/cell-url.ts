import { type DatabaseUrl, parseDatabaseUrl } from '../../database/url.ts'
import { fillTemplate } from '../../nova/url-template.ts'
import type { LocalUrls } from './cell-directory.ts'

/** What a `database_connection` of `cell_mappings` comes to. A reason or a remark holds no part of it: there may be a password in it. */
export type CellUrl =
  | { readonly kind: 'parsed'; readonly url: DatabaseUrl; readonly remark: string | null }
  | { readonly kind: 'invalid'; readonly reason: string }

/**
 * The URL of a cell's database, filled in from the local one where it is a template, with the options that every cell's database has.
 * One that cannot be filled is used as it is, with a remark: it may be a password that has a brace in it. Source:
 * nova/objects/cell_mapping.py format_db_url.
 */
export function cellUrl(connection: string, { database, databaseParameters }: Omit<LocalUrls, 'transportUrl'>): CellUrl {
  const filled = fillTemplate(connection, database)
  const parsed = parseDatabaseUrl(filled.kind === 'filled' ? filled.url : connection, databaseParameters)
  if (parsed.kind === 'parsed') return { ...parsed, remark: filled.kind === 'filled' ? null : `used as it is: ${filled.reason}` }
  const { reason } = filled.kind === 'filled' ? parsed : filled
  return { kind: 'invalid', reason: databaseParameters === '' ? reason : `${reason} (with [database] connection_parameters)` }
}
