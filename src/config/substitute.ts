/** What stands for an option: its text, itself substituted; undefined where there is no such option. May throw BadReference. */
export type Lookup = (section: string, name: string) => string | undefined

/** A reference that leads nowhere, or in a circle. */
export class BadReference extends Error {
  override readonly name = 'BadReference'
}

const REFERENCE = /\$(?:(\$)|([_a-z][._a-z0-9]*)|\{([_a-z][._a-z0-9]*)\})/gi

/**
 * Replaces `$option`, `${option}`, `$section.option` by the value of that option and `$$` or `\$` by `$`; any other `$` stays
 * (oslo_config/cfg.py _substitute). A name without section is looked for in the same section, then in `DEFAULT`.
 * Throws BadReference.
 */
export function substitute(text: string, section: string, lookup: Lookup): string {
  if (!text.includes('$')) return text
  return text.replaceAll('\\$', '$$$$').replace(REFERENCE, (_, escaped, plain, braced) => {
    if (escaped !== undefined) return '$'
    const name: string = plain ?? braced
    const value = find(name, section, lookup)
    if (value === undefined)
      throw new BadReference(`expected an option that is set after the dollar sign, not ${name}; $$ stands for a dollar sign`)
    return value
  })
}

function find(name: string, section: string, lookup: Lookup): string | undefined {
  const dot = name.indexOf('.')
  const group = name.slice(0, Math.max(dot, 0))
  // Options of DEFAULT are in no group: only their bare names lead to them.
  if (dot >= 0) return group === 'DEFAULT' ? undefined : lookup(group.toLowerCase(), name.slice(dot + 1))
  return lookup(section, name) ?? lookup('DEFAULT', name)
}
