/** The value of a field, undefined where there is none. */
export function at(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined
}

/** A field that is a text, or null. */
export function textAt(value: unknown, name: string): string | null {
  const found = at(value, name)
  return typeof found === 'string' ? found : null
}

/** A field that is a list, or none. */
export function listAt(value: unknown, name: string): readonly unknown[] {
  const found = at(value, name)
  return Array.isArray(found) ? found : []
}

/** Undefined where the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
