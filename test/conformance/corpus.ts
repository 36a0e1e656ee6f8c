import { readFileSync } from 'node:fs'

/** A request to Nova and its answer, as recorded. README.md beside this file says what the fields mean. */
export interface Case {
  readonly id: string
  readonly about: string
  readonly identity: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string
  readonly body_base64?: string
  readonly body_encoding?: string
  readonly body_times?: number
  readonly body_pad_to?: number
  readonly transfer?: 'chunked' | 'no-length'
  readonly frontend?: boolean
  readonly expect: Expected
}

/** What is compared of an answer. */
export interface Expected {
  readonly status: number
  /** By lower-case name; `vary` and `allow` as sorted lists. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /** Parsed where it is a JSON object or array, else the text. */
  readonly body: unknown
}

/** All cases of a corpus: one JSON object a line. */
export function readCorpus(file: string): Case[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as Case)
}

/** What stands for the placeholders: `server.a`, `token.neutron`, `project.service`, `keystone`, `base_url`, `host`, `request_id`. */
export type Values = ReadonlyMap<string, string>

const PLACEHOLDER = /\{\{([a-z0-9_.-]+)(?:\|([a-z0-9]+))?\}\}/g

const FORMS: Readonly<Record<string, (value: string) => string>> = {
  upper: (value) => value.toUpperCase(),
  hex: (value) => value.replaceAll('-', ''),
  upperhex: (value) => value.replaceAll('-', '').toUpperCase(),
  mixed: (value) => [...value].map((char, index) => (index % 2 === 1 ? char.toUpperCase() : char)).join(''),
  short: (value) => value.slice(0, -1),
  regroup: (value) => (value.replaceAll('-', '').match(/..../g) ?? []).join('-'),
}

/** The text with its placeholders filled in; what is none of ours is plain text. */
export function fill(text: string, values: Values): string {
  return text.replaceAll(PLACEHOLDER, (whole, name: string, form: string | undefined) => {
    const value = values.get(name)
    if (value === undefined) return whole
    return form === undefined ? value : (FORMS[form]?.(value) ?? whole)
  })
}

/** The request, byte by byte. */
export function requestBytes(recorded: Case, values: Values): Buffer {
  const body = bodyBytes(recorded, values)
  const head = headLines(recorded, values, body).join('\r\n')
  const sent = body ?? Buffer.alloc(0)
  const framed = recorded.transfer === 'chunked' ? [`${sent.length.toString(16)}\r\n`, sent, '\r\n0\r\n\r\n'] : [sent]
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), ...framed.map((piece) => Buffer.from(piece))])
}

function headLines({ method, path, headers, identity, transfer }: Case, values: Values, body: Buffer | null): string[] {
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
  const lines = [`${method} ${fill(path, values)} HTTP/1.1`, `Host: ${values.get('host')}`]
  const token = values.get(`token.${identity}`)
  if (token !== undefined && !given.has('x-auth-token')) lines.push(`X-Auth-Token: ${token}`)
  for (const [name, value] of Object.entries(headers)) {
    for (const each of typeof value === 'string' ? [value] : value) lines.push(`${name}: ${fill(each, values)}`)
  }
  const needsLength = body !== null || ['POST', 'PUT', 'PATCH'].includes(method)
  if (transfer === 'chunked') lines.push('Transfer-Encoding: chunked')
  else if (transfer !== 'no-length' && needsLength && !given.has('content-length'))
    lines.push(`Content-Length: ${body?.length ?? 0}`)
  return [...lines, 'Connection: close']
}

function bodyBytes(recorded: Case, values: Values): Buffer | null {
  if (recorded.body_base64 !== undefined) return Buffer.from(recorded.body_base64, 'base64')
  if (recorded.body === undefined || recorded.body === null) return null
  const once = encode(fill(recorded.body, values), recorded.body_encoding ?? 'utf-8')
  const body = Buffer.concat(Array.from({ length: recorded.body_times ?? 1 }, () => once))
  return Buffer.concat([body, Buffer.alloc(Math.max(0, (recorded.body_pad_to ?? 0) - body.length), ' ')])
}

/** By Python's names; those that the corpus has. */
function encode(text: string, encoding: string): Buffer {
  const codePoints = () => [...text].map((char) => char.codePointAt(0) ?? 0)
  switch (encoding) {
    case 'utf-8':
      return Buffer.from(text)
    case 'latin-1':
      return Buffer.from(text, 'latin1')
    case 'utf-16-le':
      return Buffer.from(text, 'utf16le')
    case 'utf-16-be':
      return Buffer.from(text, 'utf16le').swap16()
    case 'utf-16':
      return Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])
    case 'utf-32-le':
      return Buffer.from(Uint32Array.from(codePoints()).buffer)
    case 'utf-32-be':
      return Buffer.from(Uint32Array.from(codePoints()).buffer).swap32()
    case 'utf-8-sig':
      return Buffer.from(`\ufeff${text}`)
    default:
      throw new Error(`the corpus has an encoding that the runner does not know: ${encoding}`)
  }
}
