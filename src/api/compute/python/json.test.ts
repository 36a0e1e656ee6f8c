import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_DEPTH, MalformedJson, NestedTooDeep, parsePythonJson } from './json.ts'
import { repr, reprFloat } from './repr.ts'
import type { PyValue } from './value.ts'

/** The value without what only Python knows of it. */
function plain(value: PyValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]))
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'object' && value !== null ? Number((value as { repr: string }).repr) : value
}

describe('parsePythonJson', () => {
  it('reads every JSON document as JSON.parse does', () => {
    const documents = fc.json({ maxDepth: 5 }).filter((text) => !text.includes('__proto__'))
    fc.assert(
      fc.property(documents, (text) => {
        expect(plain(parsePythonJson(text))).toEqual(JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  it('refuses every text that JSON.parse refuses, but for NaN and Infinity', () => {
    const pieces = fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"', 'a', '\\', '1', '-', '.', 'e', ' ', 'null', '\n'))
    fc.assert(
      fc.property(pieces, (some) => {
        const text = some.join('')
        const isJson = (() => {
          try {
            JSON.parse(text)
            return true
          } catch {
            return false
          }
        })()
        if (!isJson) expect(() => parsePythonJson(text)).toThrow(MalformedJson)
      }),
      { numRuns: 2000 },
    )
  })

  it('keeps what only Python keeps: the order of keys, the way of writing numbers', () => {
    expect(repr(parsePythonJson('{"2": 1, "1": 1.0, "a": -0, "b": 1e5, "2": 100000000000000000000}'))).toBe(
      "{'2': 100000000000000000000, '1': 1.0, 'a': 0, 'b': 100000.0}",
    )
  })

  it('knows when it is too deep', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    expect(repr(parsePythonJson(nested(MAX_DEPTH)))).toBe(nested(MAX_DEPTH))
    expect(() => parsePythonJson(nested(MAX_DEPTH + 1))).toThrow(NestedTooDeep)
  })
})

describe('repr', () => {
  it.each([
    [1, '1.0'],
    [-0, '-0.0'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [123456789.125, '123456789.125'],
    [0.0001, '0.0001'],
    [0.00001234, '1.234e-05'],
    [5e-324, '5e-324'],
    [Number.POSITIVE_INFINITY, 'inf'],
  ])('writes the float %d as Python does', (number, text) => {
    expect(reprFloat(number)).toBe(text)
  })

  it.each([
    ["it's", `"it's"`],
    [`it's "so"`, `'it\\'s "so"'`],
    ['a\tb\u0001\u007f\u00a0é', "'a\\tb\\x01\\x7f\\xa0é'"],
    ['\u200b\ud83c 🎉 \u{e0001}', "'\\u200b\\ud83c 🎉 \\U000e0001'"],
  ])('writes the text %j as Python does', (text, shown) => {
    expect(repr(text)).toBe(shown)
  })
})
