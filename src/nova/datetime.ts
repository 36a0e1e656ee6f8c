/** A column's UTC time as text (`2026-11-23 11:52:50`, with or without fraction) as objects have it; null stays null. */
export function objectDatetime(column: string | null): string | null {
  if (column === null) return null
  return `${column.slice(0, 10)}T${column.slice(11, 19)}Z`
}

/**
 * A time as contexts have it: UTC, six digits of fraction, and no zone (with a Z the receiver raises and the message is lost).
 * Source: nova/utils.py strtime, oslo_utils/timeutils.py parse_strtime.
 */
export function contextDatetime(epochUs: number): string {
  const text = new Date(Math.floor(epochUs / 1000)).toISOString()
  const fraction = String(epochUs % 1_000_000).padStart(6, '0')
  return `${text.slice(0, 19)}.${fraction}`
}
