import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Columns, FORMATS, type Format, renderList, renderOne } from './output.ts'
import type { Terminal } from './terminal.ts'

/** How to print, as flags say. */
export interface OutputOptions {
  readonly format: Format
  readonly column: readonly string[]
}

/** Gives a command `-f` and `-c`, as OpenStack's client has them. */
export function withOutput<T>(command: Command, columns: Columns<T>): Command {
  const names = Object.keys(columns)
  const collect = (name: string, before: readonly string[]) => {
    if (!names.includes(name)) throw new InvalidArgumentError(`Columns are ${names.join(', ')}.`)
    return [...before, name]
  }
  return command
    .addOption(new Option('-f, --format <format>', 'how to print').choices(FORMATS).default('table'))
    .addOption(new Option('-c, --column <name>', 'only this column; may be repeated').argParser(collect).default([], 'all'))
}

/** Prints many items as the options say. */
export async function printList<T>(
  terminal: Terminal,
  options: OutputOptions,
  items: readonly T[],
  columns: Columns<T>,
): Promise<void> {
  await terminal.write(await renderList(options.format, items, { columns, chosen: options.column }))
}

/** Prints one item as the options say. */
export async function printOne<T>(terminal: Terminal, options: OutputOptions, item: T, columns: Columns<T>): Promise<void> {
  await terminal.write(await renderOne(options.format, item, { columns, chosen: options.column }))
}
