import { displayWidth, isPrintable, printable, printableJson } from './printable.ts'

/** The formats of OpenStack's client, in the look that its formatter cliff gives them. */
export const FORMATS = ['table', 'json', 'yaml', 'csv', 'value'] as const
export type Format = (typeof FORMATS)[number]

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** A column: what it holds, and how people see it where that is not plain text. */
export type Column<T> = ((item: T) => Json) | { readonly data: (item: T) => Json; readonly text: (item: T) => string }

/** Columns by name, in their order. */
export type Columns<T> = Readonly<Record<string, Column<T>>>

/** The names of the columns to show: all, or those asked for; in the order of the columns, as cliff has it. */
function chosenColumns<T>(columns: Columns<T>, chosen: readonly string[]): [string, Column<T>][] {
  return Object.entries(columns).filter(([name]) => chosen.length === 0 || chosen.includes(name))
}

const dataOf = <T>(column: Column<T>, item: T): Json => (typeof column === 'function' ? column(item) : column.data(item))

/** A cell for people: cliff writes Python's words for null, true and false. */
function textOf<T>(column: Column<T>, item: T): string {
  return typeof column === 'function' ? humanText(column(item)) : printable(column.text(item))
}

function humanText(value: Json): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return printable(typeof value === 'object' ? JSON.stringify(value) : String(value))
}

/** Many items, as `list` commands print them: data for `json` and `yaml`, one safe line per item for the others. */
export async function renderList<T>(
  format: Format,
  items: readonly T[],
  { columns, chosen = [] }: { readonly columns: Columns<T>; readonly chosen?: readonly string[] },
): Promise<string> {
  const shown = chosenColumns(columns, chosen)
  const names = shown.map(([name]) => name)
  const data = () => items.map((item) => Object.fromEntries(shown.map(([name, column]) => [name, dataOf(column, item)])))
  const texts = () => items.map((item) => shown.map(([, column]) => textOf(column, item)))
  switch (format) {
    case 'json':
      return `${printableJson(JSON.stringify(data(), null, 2))}\n`
    case 'yaml':
      return await renderYaml(data())
    case 'csv':
      return renderCsv(names, items, shown)
    case 'value':
      return texts()
        .map((row) => `${row.join(' ')}\n`)
        .join('')
    case 'table': {
      const isNumeric = shown.map(([, column]) => items.every((item) => typeof dataOf(column, item) === 'number'))
      return items.length === 0 ? '\n' : renderTable(names, texts(), isNumeric)
    }
  }
}

/** One item, as `show` commands print it. */
export async function renderOne<T>(
  format: Format,
  item: T,
  { columns, chosen = [] }: { readonly columns: Columns<T>; readonly chosen?: readonly string[] },
): Promise<string> {
  const shown = chosenColumns(columns, chosen)
  const data = () => Object.fromEntries(shown.map(([name, column]) => [name, dataOf(column, item)]))
  switch (format) {
    case 'json':
      return `${printableJson(JSON.stringify(data(), null, 2))}\n`
    case 'yaml':
      return await renderYaml(data())
    case 'csv':
      return await renderList(format, [item], { columns, chosen })
    case 'value':
      return shown.map(([, column]) => `${textOf(column, item)}\n`).join('')
    case 'table': {
      const rows = shown.map(([name, column]) => [name, textOf(column, item)])
      return renderTable(['Field', 'Value'], rows, [false, false])
    }
  }
}

function renderTable(names: readonly string[], rows: readonly (readonly string[])[], isNumeric: readonly boolean[]): string {
  const widths = names.map((name, i) => Math.max(displayWidth(name), ...rows.map((row) => displayWidth(row[i] ?? ''))))
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, i) => {
      const space = ' '.repeat((widths[i] ?? 0) - displayWidth(cell))
      return isNumeric[i] === true ? ` ${space}${cell} ` : ` ${cell}${space} `
    })
    return `|${padded.join('|')}|`
  }
  return `${[rule, line(names), rule, ...rows.map(line), rule].join('\n')}\n`
}

/** Everything but numbers and truth values is quoted, null is the empty text, as Python's csv does it. */
function renderCsv<T>(names: readonly string[], items: readonly T[], shown: readonly [string, Column<T>][]): string {
  const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
  const cell = (column: Column<T>, item: T): string => {
    const value = dataOf(column, item)
    if (value === null) return '""'
    const text = textOf(column, item)
    return typeof value === 'number' || typeof value === 'boolean' ? text : quote(text)
  }
  const rows = items.map((item) => shown.map(([, column]) => cell(column, item)))
  return [names.map(quote), ...rows].map((row) => `${row.join(',')}\n`).join('')
}

/** YAML is slow to load, so it is loaded when asked for. */
async function renderYaml(data: Json): Promise<string> {
  const { Document, Scalar, visit } = await import('yaml')
  const document = new Document(data)
  visit(document, {
    Scalar: (_, node) => {
      // Between double quotes \uXXXX means the character itself, as in JSON.
      if (typeof node.value === 'string' && !isPrintable(node.value)) node.type = Scalar.QUOTE_DOUBLE
    },
  })
  return printableJson(document.toString({ lineWidth: 0 }))
}
