import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { type Columns, FORMATS, type Json, renderList, renderOne } from './output.ts'
import { displayWidth, printable } from './printable.ts'

interface Item {
  readonly name: string
  readonly count: number
  readonly on: boolean
  readonly note: string | null
  readonly parts: readonly { readonly host: string }[]
}

const columns: Columns<Item> = {
  name: (item) => item.name,
  count: (item) => item.count,
  on: (item) => item.on,
  note: (item) => item.note,
  parts: {
    data: (item) => item.parts.map((part) => ({ ...part })),
    text: (item) => item.parts.map((part) => part.host).join(', '),
  },
}
const items: readonly Item[] = [
  { name: 'alpha', count: 7, on: true, note: null, parts: [{ host: 'compute-1' }, { host: 'compute-2' }] },
  { name: '日本 "quoted"', count: 1000, on: false, note: 'two\nlines \x1b[31m', parts: [] },
]
const first = items.slice(0, 1)

describe('a list', () => {
  it('is a table with borders, numbers to the right', async () => {
    expect(await renderList('table', items, { columns })).toBe(
      [
        '+---------------+-------+-------+---------------------+----------------------+',
        '| name          | count | on    | note                | parts                |',
        '+---------------+-------+-------+---------------------+----------------------+',
        '| alpha         |     7 | True  | None                | compute-1, compute-2 |',
        '| 日本 "quoted" |  1000 | False | two\\nlines \\x1b[31m |                      |',
        '+---------------+-------+-------+---------------------+----------------------+',
        '',
      ].join('\n'),
    )
  })

  it('is an empty line when it is empty, and an empty list as data', async () => {
    expect(await renderList('table', [], { columns })).toBe('\n')
    expect(await renderList('json', [], { columns })).toBe('[]\n')
    expect(await renderList('yaml', [], { columns })).toBe('[]\n')
    expect(await renderList('csv', [], { columns, chosen: ['name'] })).toBe('"name"\n')
    expect(await renderList('value', [], { columns })).toBe('')
  })

  it('is JSON with the columns as keys and the data as it is', async () => {
    expect(await renderList('json', first, { columns })).toBe(
      `[
  {
    "name": "alpha",
    "count": 7,
    "on": true,
    "note": null,
    "parts": [
      {
        "host": "compute-1"
      },
      {
        "host": "compute-2"
      }
    ]
  }
]
`,
    )
  })

  it('is YAML', async () => {
    expect(await renderList('yaml', items, { columns })).toBe(
      `- name: alpha
  count: 7
  on: true
  note: null
  parts:
    - host: compute-1
    - host: compute-2
- name: 日本 "quoted"
  count: 1000
  on: false
  note: "two\\nlines \\e[31m"
  parts: []
`,
    )
  })

  it('is CSV that quotes all but numbers and truth values', async () => {
    expect(await renderList('csv', items, { columns })).toBe(
      `"name","count","on","note","parts"
"alpha",7,True,"","compute-1, compute-2"
"日本 ""quoted""",1000,False,"two\\nlines \\x1b[31m",""
`,
    )
  })

  it('is values with spaces between', async () => {
    expect(await renderList('value', first, { columns })).toBe('alpha 7 True None compute-1, compute-2\n')
  })

  it('has the chosen columns only, in their own order', async () => {
    expect(await renderList('value', first, { columns, chosen: ['count', 'name'] })).toBe('alpha 7\n')
    expect(await renderList('json', first, { columns, chosen: ['count'] })).toBe('[\n  {\n    "count": 7\n  }\n]\n')
  })
})

describe('one item', () => {
  const [item] = first as [Item]

  it('is a table of fields and values', async () => {
    expect(await renderOne('table', item, { columns })).toBe(
      [
        '+-------+----------------------+',
        '| Field | Value                |',
        '+-------+----------------------+',
        '| name  | alpha                |',
        '| count | 7                    |',
        '| on    | True                 |',
        '| note  | None                 |',
        '| parts | compute-1, compute-2 |',
        '+-------+----------------------+',
        '',
      ].join('\n'),
    )
  })

  it('is one object as data, and a line a value', async () => {
    const chosen = ['name', 'note']
    expect(await renderOne('json', item, { columns, chosen })).toBe('{\n  "name": "alpha",\n  "note": null\n}\n')
    expect(await renderOne('yaml', item, { columns, chosen })).toBe('name: alpha\nnote: null\n')
    expect(await renderOne('csv', item, { columns, chosen })).toBe('"name","note"\n"alpha",""\n')
    expect(await renderOne('value', item, { columns, chosen })).toBe('alpha\nNone\n')
  })
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc
    .array(fc.constantFrom('\x1b', '\x9b', '\n', '\r', '\u2028', '\u202e', '\ud800', '\0', '"', '\\', ': ', '#', 'a', ' '))
    .map((parts) => parts.join('')),
)
const anyJson: fc.Arbitrary<Json> = fc.oneof(
  anyText,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  fc.constant(null),
)

describe('whatever the data', () => {
  const one: Columns<readonly Json[]> = { a: (row) => row[0] ?? null, b: (row) => row[1] ?? null }
  const rows = fc.array(fc.tuple(anyJson, anyJson), { minLength: 1, maxLength: 4 })

  it('nothing unsafe reaches the terminal, in any format', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom(...FORMATS), async (data, format) => {
        for (const text of [
          await renderList(format, data, { columns: one }),
          await renderOne(format, data[0] ?? [], { columns: one }),
        ])
          expect(text.replaceAll('\n', '')).toBe(printable(text.replaceAll('\n', '')))
      }),
      { numRuns: 1000 },
    )
  })

  it('a row is a line in tables, CSV and values', async () => {
    await fc.assert(
      fc.asyncProperty(rows, async (data) => {
        const lines = async (format: 'table' | 'csv' | 'value') =>
          (await renderList(format, data, { columns: one })).split('\n').length - 1
        expect(await lines('table')).toBe(data.length + 4)
        expect(await lines('csv')).toBe(data.length + 1)
        expect(await lines('value')).toBe(data.length)
      }),
    )
  })

  it('all lines of a table are equally wide', async () => {
    await fc.assert(
      fc.asyncProperty(rows, async (data) => {
        const lines = (await renderList('table', data, { columns: one })).trimEnd().split('\n')
        expect(new Set(lines.map(displayWidth)).size).toBe(1)
      }),
    )
  })

  it('JSON and YAML give the data back exactly', async () => {
    await fc.assert(
      fc.asyncProperty(rows, async (data) => {
        const expected = JSON.parse(JSON.stringify(data.map(([a, b]) => ({ a, b }))))
        expect(JSON.parse(await renderList('json', data, { columns: one }))).toEqual(expected)
        expect(JSON.parse(JSON.stringify(parseYaml(await renderList('yaml', data, { columns: one }))))).toEqual(expected)
      }),
      { numRuns: 1000 },
    )
  })
})
