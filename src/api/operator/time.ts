/** Microseconds since the epoch as ISO 8601 in UTC: `2026-11-24T10:00:00.000000Z`. */
export function renderTime(us: number): string {
  const whole = new Date(Math.floor(us / 1000)).toISOString()
  return `${whole.slice(0, -1)}${String(us % 1000).padStart(3, '0')}Z`
}

/** The same of a time that may not have come. */
export function renderTimeOrNull(us: number | null): string | null {
  return us === null ? null : renderTime(us)
}

// A `+` of an offset in a query string arrives as a space where the sender did not encode it.
const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?(Z|[+ -]\d\d:?\d\d)?)?$/i

/**
 * Microseconds since the epoch of an ISO 8601 date or time; without a zone it is UTC, as everywhere in OpenStack. Undefined for what
 * is none.
 */
export function parseTime(text: string): number | undefined {
  const [, date, time = '00:00', fraction = '', zone = 'Z'] = ISO.exec(text) ?? []
  if (date === undefined) return undefined
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase().replace(' ', '+')}`)
  if (Number.isNaN(ms) || !isDay(date)) return undefined
  return ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
}

/** Whether the day is in the calendar: `Date.parse` takes the 31st of any month. */
function isDay(date: string): boolean {
  const day = new Date(`${date}T00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date)
}
