import { strip, toFloat } from './python/text.ts'

/** A media type or range with its parameters; null for one without a value. */
export interface MediaRange {
  readonly type: string
  readonly params: ReadonlyMap<string, string | null>
}

const QUOTED = '"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"'
const OPTION = new RegExp(`;\\s*([^\\s;=]+|${QUOTED})\\s*(?:=\\s*([^;]+|${QUOTED}))?\\s*`, 'g')

/** Reads `type/subtype; name=value`, as leniently as Nova does. Source: nova/api/openstack/urlmap.py parse_options_header. */
export function parseMediaRange(text: string): MediaRange {
  const [first, ...rest] = `;${text}`.matchAll(OPTION)
  return {
    type: unquote(first?.[1] ?? ''),
    params: new Map(rest.map(([, name = '', value]) => [unquote(name), value === undefined ? null : unquote(value)])),
  }
}

function unquote(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text
}

/** Ranges beyond these are not read: 64 KB of them would keep everybody waiting for a tenth of a second. Browsers send fewer than ten. */
const MOST_RANGES = 100

/** Cuts a header's list at commas outside of quotes, as far as it is read. Source: Python's urllib.request parse_http_list. */
function splitList(text: string): string[] {
  const parts = text.match(/(?:[^,"]|"(?:[^"\\]|\\.)*(?:"|\\?$))+/gs) ?? []
  return parts.slice(0, MOST_RANGES).map(strip)
}

/** The type that suits an Accept header best, and the parameters of the range that it matched. */
export interface Accepted {
  readonly type: string | null
  readonly params: ReadonlyMap<string, string | null>
}

const NOTHING: Accepted = { type: null, params: new Map() }

/**
 * Which of the types offered a client wants most. Not what RFC 9110 says but what Nova does: earlier offers win ties, a range with
 * fewer stars beats one of the same quality, a quality of 0 still matches, one that is no number rules the range out.
 * Source: nova/api/openstack/urlmap.py Accept.best_match.
 */
export function bestMatch(accept: string, offers: readonly string[]): Accepted {
  const ranges = splitList(accept).map((part) => parseMediaRange(unquote(part)))
  let best = NOTHING
  let bestQuality = -1
  let bestStars = 2
  for (const offer of offers) {
    for (const { type, params } of ranges) {
      const quality = qualityOf(params)
      const stars = type.split('*').length - 1
      if (quality === null || quality < bestQuality || (quality === bestQuality && bestStars <= stars)) continue
      if (!matches(type, offer)) continue
      best = { type: offer, params }
      bestQuality = quality
      bestStars = stars
    }
  }
  return best
}

function qualityOf(params: MediaRange['params']): number | null {
  const q = params.get('q')
  if (q === undefined) return 1
  return q === null ? null : toFloat(q)
}

function matches(range: string, offer: string): boolean {
  if (!range.includes('*')) return range === offer
  return range === '*/*' || offer.split('/', 1)[0] === range.slice(0, -2)
}
