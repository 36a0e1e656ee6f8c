/** An answer that WebOb makes where no route is found or a body is too large: not in Nova's envelope, but as the client accepts it. */
export interface ErrorPage {
  readonly type: string
  readonly body: string
}

/**
 * WebOb's page for an error: HTML, JSON or plain text, by the Accept header; plain text when it asks for neither or is absent.
 * Source: webob/exc.py WSGIHTTPException.generate_response. `message` must be free of HTML.
 */
export function renderErrorPage(status: string, message: string, accept: string): ErrorPage {
  switch (preferred(accept)) {
    case 'text/html':
      return { type: 'text/html; charset=UTF-8', body: htmlPage(status, message) }
    case 'application/json':
      return { type: 'application/json', body: jsonPage(status, message) }
    case 'text/plain':
      return { type: 'text/plain; charset=UTF-8', body: `${status}\n\n${message}\n\n   ` }
  }
}

function htmlPage(status: string, message: string): string {
  return `<html>
 <head>
  <title>${status}</title>
 </head>
 <body>
  <h1>${status}</h1>
  ${message}<br /><br />\n\n\n
 </body>
</html>`
}

function jsonPage(status: string, message: string): string {
  const title = status.slice(status.indexOf(' ') + 1)
  return `{"message": "${message}<br /><br />\\n\\n\\n", "code": "${status}", "title": "${title}"}`
}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const QUOTED = '"(?:[\\t !#-\\[\\]-~\\x80-\\xff]|\\\\[\\t !-~\\x80-\\xff])*"'
const OWS = '[ \\t]*'
const PARAMETER = `${OWS};${OWS}(?![qQ]=)${TOKEN}=(?:${TOKEN}|${QUOTED})`
const WEIGHT = `${OWS};${OWS}[qQ]=(0(?:\\.[0-9]{0,3})?|1(?:\\.0{0,3})?)`
const EXTENSION = `${OWS};${OWS}${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?`
const RANGE = `(${TOKEN}/${TOKEN})((?:${PARAMETER})*)(?:${WEIGHT}(?:${EXTENSION})*)?`
const ONE_RANGE = new RegExp(`${OWS}${RANGE}${OWS}(?:,|$)`, 'y')
const NO_RANGE = new RegExp(`${OWS}(?:,|$)`, 'y')

const OFFERS = ['text/html', 'application/json'] as const

/** The better of the two offers by RFC 7231, 5.3.2; HTML wins a tie, and where the header is malformed. */
function preferred(accept: string): (typeof OFFERS)[number] | 'text/plain' {
  const ranges = parseRanges(accept)
  if (ranges === null) return 'text/html'
  const [html = 0, json = 0] = OFFERS.map((offer) => qualityOf(offer, ranges))
  if (html === 0 && json === 0) return 'text/plain'
  return html >= json ? 'text/html' : 'application/json'
}

interface Range {
  readonly type: string
  readonly hasParameters: boolean
  readonly quality: number
}

function parseRanges(accept: string): Range[] | null {
  const ranges: Range[] = []
  let at = 0
  while (at < accept.length) {
    ONE_RANGE.lastIndex = at
    const found = ONE_RANGE.exec(accept)
    if (found === null) {
      NO_RANGE.lastIndex = at
      if (!NO_RANGE.test(accept)) return null
      at = NO_RANGE.lastIndex
      continue
    }
    const [whole, type = '', parameters = '', weight = '1'] = found
    ranges.push({ type: type.toLowerCase(), hasParameters: parameters !== '', quality: Number(weight) })
    at += whole.length
  }
  return ranges
}

/** The most specific range that matches says how good an offer is; the first of those that are equally so. */
function qualityOf(offer: string, ranges: readonly Range[]): number {
  let quality = 0
  let specificity = 0
  for (const range of ranges) {
    const found = specificityOf(offer, range)
    if (found <= specificity) continue
    specificity = found
    quality = range.quality
  }
  return quality
}

/** Neither offer has parameters, so that a range with some matches neither by its full name. */
function specificityOf(offer: string, { type, hasParameters }: Range): number {
  if (type === offer) return hasParameters ? 0 : 3
  if (type === `${offer.slice(0, offer.indexOf('/'))}/*`) return 2
  return type === '*/*' ? 1 : 0
}
