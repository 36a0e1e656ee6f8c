import { type DatabaseUrl, parseDatabaseUrl } from '../../database/url.ts'
import { fillTemplate } from '../../nova/url-template.ts'

/** What a `database_connection` of `cell_mappings` comes to. A reason or a remark holds no part of it: there may be a password in it. */
export type CellUrl =
  | { readonly kind: 'parsed'; readonly url: DatabaseUrl; readonly remark: string | null }
  | { readonly kind: 'invalid'; readonly reason: string }

/**
 * The URL of a cell's database, filled in from the local one where it is a template. One that cannot be filled is used as it is, with a
 * remark: it may be a password that has a brace in it. Source: nova/objects/cell_mapping.py format_db_url.
 */
export function cellUrl(connection: string, local: string | null): CellUrl {
  const filled = fillTemplate(connection, local)
  const parsed = parseDatabaseUrl(filled.kind === 'filled' ? filled.url : connection)
  if (parsed.kind === 'parsed') return { ...parsed, remark: filled.kind === 'filled' ? null : `used as it is: ${filled.reason}` }
  return filled.kind === 'filled' ? parsed : filled
}
