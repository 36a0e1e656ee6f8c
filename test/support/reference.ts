import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/**
 * A page of docs/ and its part between the marks `<!-- table -->` and `<!-- end -->`, which is written from a table of the source.
 * UPDATE_DOCS=1 writes `expected` there first.
 */
export function readReference(path: string, expected: string): string {
  const file = resolve(ROOT, path)
  const [before, rest] = cut(readFileSync(file, 'utf8'), '<!-- table -->\n')
  const [, after] = cut(rest, '<!-- end -->')
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, `${before}<!-- table -->\n${expected}<!-- end -->${after}`)
  const [, current] = cut(readFileSync(file, 'utf8'), '<!-- table -->\n')
  return cut(current, '<!-- end -->')[0]
}

function cut(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  if (at < 0) throw new Error(`expected the mark ${mark.trim()} in the page`)
  return [text.slice(0, at), text.slice(at + mark.length)]
}

/** Text for a cell of a Markdown table. */
export const cell = (text: string): string => text.replaceAll('|', '\\|')

/** Text as code for a cell; nothing for nothing. */
export const code = (text: string): string => (text === '' ? '' : `\`${cell(text)}\``)
