import { reprFloat } from './repr.ts'
import type { PyNumber, PyValue } from './value.ts'

/** The text is no JSON, as Python's `json.loads` understands it. */
export class MalformedJson extends Error {
  override readonly name = 'MalformedJson'
}

/** The text nests deeper than Python's parser and `repr` follow. */
export class NestedTooDeep extends Error {
  override readonly name = 'NestedTooDeep'
}

/** How many lists and dicts Nova's Python reads and shows inside each other before it answers 500; measured at Zed's. */
export const MAX_DEPTH = 908

/** Digits that Python makes an integer of; more are a ValueError (sys.set_int_max_str_digits). */
export const MAX_INTEGER_DIGITS = 4300

const NUMBER = /(-?)(0|[1-9]\d*)((?:\.\d+)?(?:[eE][+-]?\d+)?)/y
const STRING = /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y
const SPACE = /[ \t\n\r]*/y
const WORD = /true|false|null|NaN|-?Infinity/y

const WORDS: Readonly<Record<string, PyValue>> = {
  true: true,
  false: false,
  null: null,
  NaN: { repr: 'nan' },
  Infinity: { repr: 'inf' },
  '-Infinity': { repr: '-inf' },
}

/**
 * Parses a document as Python's `json.loads` does: like JSON.parse, and NaN and Infinity, and no integers beyond 4300 digits. Throws
 * MalformedJson or NestedTooDeep. Slow and exact: for documents that JSON.parse could not make good events of.
 */
export function parsePythonJson(text: string): PyValue {
  const reader = createReader(text)
  const value = readValue(reader, 0)
  reader.space()
  if (!reader.atEnd()) throw new MalformedJson('something stands behind the document')
  return value
}

interface Reader {
  /** Takes what matches here, or null. */
  take(pattern: RegExp): RegExpExecArray | null
  /** Takes this character, if it is next. */
  skip(char: string): boolean
  space(): void
  atEnd(): boolean
}

function createReader(text: string): Reader {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) at += found[0].length
    return found
  }
  return {
    take,
    skip: (char) => {
      if (text[at] !== char) return false
      at++
      return true
    },
    space: () => void take(SPACE),
    atEnd: () => at === text.length,
  }
}

function readValue(reader: Reader, depth: number): PyValue {
  reader.space()
  if (reader.skip('{')) return readDict(reader, deeper(depth))
  if (reader.skip('[')) return readList(reader, deeper(depth))
  const string = reader.take(STRING)
  if (string !== null) return unquote(string[0])
  const word = reader.take(WORD)
  if (word !== null) return WORDS[word[0]] ?? null
  const number = reader.take(NUMBER)
  if (number === null) throw new MalformedJson('a value was expected')
  return toNumber(number)
}

function deeper(depth: number): number {
  if (depth >= MAX_DEPTH) throw new NestedTooDeep(`more than ${MAX_DEPTH} lists and objects inside each other`)
  return depth + 1
}

function readList(reader: Reader, depth: number): PyValue[] {
  const items: PyValue[] = []
  reader.space()
  if (reader.skip(']')) return items
  for (;;) {
    items.push(readValue(reader, depth))
    reader.space()
    if (reader.skip(']')) return items
    if (!reader.skip(',')) throw new MalformedJson('a comma or the end of the list was expected')
  }
}

function readDict(reader: Reader, depth: number): Map<string, PyValue> {
  const entries = new Map<string, PyValue>()
  reader.space()
  if (reader.skip('}')) return entries
  for (;;) {
    reader.space()
    const key = reader.take(STRING)
    reader.space()
    if (key === null || !reader.skip(':')) throw new MalformedJson('a key and a colon were expected')
    entries.set(unquote(key[0]), readValue(reader, depth))
    reader.space()
    if (reader.skip('}')) return entries
    if (!reader.skip(',')) throw new MalformedJson('a comma or the end of the object was expected')
  }
}

/** The pattern has let nothing through that JSON.parse would not take. */
function unquote(quoted: string): string {
  return String(JSON.parse(quoted))
}

function toNumber([text, minus, digits = '', rest]: RegExpExecArray): PyNumber {
  if (rest !== '') return { repr: reprFloat(Number(text)) }
  if (digits.length > MAX_INTEGER_DIGITS) throw new MalformedJson(`an integer of more than ${MAX_INTEGER_DIGITS} digits`)
  return { repr: digits === '0' ? '0' : `${minus}${digits}` }
}
