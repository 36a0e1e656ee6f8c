/** A template filled in; `invalid` is told with what stands in the way, never with anything of the URL: what is in braces may be of a password. */
export type FilledTemplate =
  | { readonly kind: 'filled'; readonly url: string }
  | { readonly kind: 'invalid'; readonly reason: string }

/**
 * Fills a URL of `cell_mappings`, which may be a template such as `{scheme}://{username}:{password}@{hostname}/nova_cell1`, from the
 * local setting of its kind. Without one the text is used as it is. Values are raw, not percent-decoded; one that the local URL has
 * not reads `None`. Source: nova/objects/cell_mapping.py _format_url.
 */
export function fillTemplate(template: string, local: string | null): FilledTemplate {
  if (local === null || !/[{}]/.test(template)) return { kind: 'filled', url: template }
  const fields = fieldsOf(local)
  if (fields === null)
    return { kind: 'invalid', reason: 'the local URL, which the template is filled from, cannot be taken apart' }
  let problem: string | null = null
  const url = template.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (found, name?: string) => {
    if (found === '{{' || found === '}}') return found.slice(1)
    const value = name === undefined ? undefined : fields.get(name)
    if (value !== undefined) return value ?? 'None'
    problem =
      name === undefined
        ? 'a single brace (a literal one is doubled)'
        : `a field that is not one of ${[...fields.keys()].join(', ')}`
    return ''
  })
  return problem === null ? { kind: 'filled', url } : { kind: 'invalid', reason: `the template has ${problem}` }
}

type Fields = Map<string, string | null>

/** As Python's urlsplit has it; null where that raises. */
function fieldsOf(url: string): Fields | null {
  const [, scheme = '', netloc = '', path = '', query = '', fragment = ''] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(url) ?? []
  const at = netloc.lastIndexOf('@')
  const [username, password] = at < 0 ? [null, null] : cut(netloc.slice(0, at), ':')
  const location = netloc.slice(at + 1)
  const bracket = location.indexOf('[')
  const [hostname, port] = bracket < 0 ? cut(location, ':') : afterBracket(location.slice(bracket + 1))
  if (port !== null && port !== '' && !(/^\d+$/.test(port) && Number(port) <= 65_535)) return null
  const fields: Fields = new Map([
    ['scheme', scheme.toLowerCase()],
    ['username', username],
    ['password', password],
    ['hostname', hostname === '' || hostname === null ? null : hostname.toLowerCase()],
    ['port', port === null || port === '' ? null : String(Number(port))],
    ['path', path.replace(/^\/+/, '')],
    ['query', query],
    ['fragment', fragment],
  ])
  if (netloc.includes(',')) for (const [index, each] of netloc.split(',').entries()) addNumbered(fields, each, index + 1)
  return fields
}

/** A host of several, as Nova itself takes it apart: `{hostname1}`, `{port1}`, … Behind `[IPv6]` the port keeps its colon. */
function addNumbered(fields: Fields, netloc: string, number: number): void {
  const at = netloc.indexOf('@')
  const [username, password] = cut(at < 0 ? '' : netloc.slice(0, at), ':')
  const location = netloc.slice(at + 1)
  const end = location.indexOf(']')
  const [hostname, port] = location.startsWith('[') ? [location.slice(1, end), location.slice(end + 1)] : cut(location, ':')
  fields.set(`username${number}`, username)
  fields.set(`password${number}`, password)
  fields.set(`hostname${number}`, hostname)
  fields.set(`port${number}`, port)
}

function afterBracket(text: string): [string, string | null] {
  const end = text.indexOf(']')
  return end < 0 ? [text, null] : [text.slice(0, end), cut(text.slice(end + 1), ':')[1]]
}

/** What stands before and behind the first separator; null behind where there is none. */
function cut(text: string, separator: string): [string, string | null] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)]
}
