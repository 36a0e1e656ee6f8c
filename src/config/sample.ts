import { text } from './option-types.ts'
import { ALL_OPTIONS, type Option } from './options.ts'

const WIDTH = 100

/** Every option with its default and what it is for, as a configuration file in which all is commented out. */
export function renderSample(): string {
  const sections = Map.groupBy(ALL_OPTIONS, (option) => option.section)
  const blocks = [...sections].map(([name, options]) => `[${name}]\n\n${options.map(renderOption).join('\n')}`)
  return `# novacast: every option with its default. Options of other sections than [novacast] are Nova's: a nova.conf will do.\n\n${blocks.join('\n')}`
}

function renderOption(option: Option<unknown>): string {
  const lines = wrap(option.help, WIDTH - 2)
  const takes = option.type.expected === text.expected ? [] : [`(${option.type.expected})`]
  const value = isLiteral(option) ? option.shown : ''
  const fallback = isLiteral(option) || option.shown === '' ? [] : wrap(`Default: ${option.shown}.`, WIDTH - 2)
  return `${[...lines, ...fallback, ...takes].map((line) => `# ${line}`).join('\n')}\n#${option.name} = ${value}`
    .trimEnd()
    .concat('\n')
}

/** Whether what is shown as the default may stand in a file as it is; else it is a sentence. */
export function isLiteral(option: Option<unknown>): boolean {
  return option.shown !== '' && option.type.parse(option.shown) !== undefined && !/[ <]/.test(option.shown)
}

/** Breaks a text into lines of at most so many columns. */
function wrap(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
