import { ApiError } from '../errors.ts'

/** A JSON Schema, as OpenAPI 3.1 has it. */
export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * What a value must be, said once: the check at the door, its message, the type behind it, and the schema in the API's document all
 * come from here. That is why it is not ajv, which has the first and the last of the four.
 */
export interface Schema<T> {
  readonly json: JsonSchema
  /** In words: `an integer from 1 to 1000`. */
  readonly expected: string
  /** Throws a `badRequest` that names the place, what was expected and what came. */
  parse(value: unknown, at: string): T
}

/** The type behind a schema. */
export type Infer<S> = S extends Schema<infer T> ? T : never

const LONGEST_SHOWN = 60

/** A value in a message: short, and never a whole structure, which could be deep. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  return JSON.stringify(value.length > LONGEST_SHOWN ? `${value.slice(0, LONGEST_SHOWN)}…` : value)
}

function refuse(at: string, expected: string, value: unknown): never {
  throw new ApiError('badRequest', `${at}: expected ${expected}, got ${show(value)}`)
}

/** Makes a schema from a check that answers undefined for what does not fit. */
function checked<T>(json: JsonSchema, expected: string, check: (value: unknown) => T | undefined): Schema<T> {
  return { json, expected, parse: (value, at) => check(value) ?? refuse(at, expected, value) }
}

/** What a text must be like besides. */
interface TextRules {
  /** In UTF-16 code units, 1 unless said. */
  readonly min?: number
  /** In UTF-16 code units, 255 unless said: what Nova's columns hold. */
  readonly max?: number
  readonly json?: JsonSchema
  readonly fits?: (text: string) => boolean
}

/** A text; half of a surrogate pair is none, because it cannot be kept as UTF-8. */
export function text<T extends string = string>(expected: string, rules: TextRules = {}): Schema<T> {
  const { min = 1, max = 255, json = {}, fits = () => true } = rules
  const schema = { type: 'string', ...(min > 0 && { minLength: min }), maxLength: max, ...json }
  return checked(schema, expected, (value) =>
    typeof value === 'string' && value.length >= min && value.length <= max && value.isWellFormed() && fits(value)
      ? (value as T)
      : undefined,
  )
}

/** A text that stands for something else; `read` answers undefined for what it cannot read. */
export function textFor<T>(expected: string, json: JsonSchema, read: (text: string) => T | undefined): Schema<T> {
  return checked({ type: 'string', ...json }, expected, (value) => (typeof value === 'string' ? read(value) : undefined))
}

/** One of these texts. */
export function oneOf<const T extends string>(values: readonly T[]): Schema<T> {
  return checked({ type: 'string', enum: values }, `one of ${values.join(', ')}`, (value) =>
    values.find((each) => each === value),
  )
}

/** A whole number. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): Schema<number> {
  const expected = maximum === Number.MAX_SAFE_INTEGER ? `an integer from ${minimum}` : `an integer from ${minimum} to ${maximum}`
  return checked({ type: 'integer', minimum, maximum }, expected, (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum ? value : undefined,
  )
}

/** True or false. */
export const flag: Schema<boolean> = checked({ type: 'boolean' }, 'true or false', (value) =>
  typeof value === 'boolean' ? value : undefined,
)

/** The schema, or null. */
export function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return {
    json: { anyOf: [schema.json, { type: 'null' }] },
    expected: `${schema.expected} or null`,
    parse: (value, at) => (value === null ? null : schema.parse(value, at)),
  }
}

/** A list of between `min` and `max` items. */
export function list<T>(item: Schema<T>, min = 0, max = Number.MAX_SAFE_INTEGER): Schema<readonly T[]> {
  const isBounded = max !== Number.MAX_SAFE_INTEGER
  const expected = isBounded ? `a list of ${min} to ${max} items` : 'a list'
  return {
    json: { type: 'array', items: item.json, ...(isBounded && { minItems: min, maxItems: max }) },
    expected,
    parse: (value, at) => {
      if (!Array.isArray(value)) return refuse(at, expected, value)
      if (value.length < min || value.length > max)
        throw new ApiError('badRequest', `${at}: expected ${expected}, got ${value.length}`)
      return value.map((each, i) => item.parse(each, `${at}[${i}]`))
    },
  }
}

/** A field that may be absent. */
export interface OptionalSchema<T> extends Schema<T> {
  readonly isOptional: true
}

/** May be absent, and is then not there. */
export function optional<T>(schema: Schema<T>): OptionalSchema<T | undefined> {
  return {
    ...schema,
    isOptional: true,
    parse: (value, at) => (value === undefined ? undefined : schema.parse(value, at)),
  }
}

/** May be absent, and is then this. */
export function otherwise<T>(schema: Schema<T>, absent: T): OptionalSchema<T> {
  return {
    ...schema,
    json: { ...schema.json, default: absent },
    isOptional: true,
    parse: (value, at) => (value === undefined ? absent : schema.parse(value, at)),
  }
}

/** An object with the schema of each of its fields. */
export interface ObjectSchema<T> extends Schema<T> {
  readonly fields: Readonly<Record<string, Schema<unknown>>>
}

type Fields = Readonly<Record<string, Schema<unknown>>>
type ObjectOf<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> }

/** An object of exactly these fields: one that is not known is refused, because it is most likely misspelt. */
export function object<F extends Fields>(fields: F): ObjectSchema<ObjectOf<F>> {
  const names = Object.keys(fields)
  const required = names.filter((name) => !isOptional(fields[name]))
  const properties = Object.fromEntries(Object.entries(fields).map(([name, { json }]) => [name, json]))
  return {
    json: { type: 'object', properties, ...(required.length > 0 && { required }), additionalProperties: false },
    expected: 'an object',
    fields,
    parse: (value, at) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(at, 'an object', value)
      for (const name of Object.keys(value))
        if (!Object.hasOwn(fields, name)) throw new ApiError('badRequest', unknownField(at, name, names))
      const found: Record<string, unknown> = {}
      for (const name in fields) found[name] = fields[name]?.parse(Reflect.get(value, name), `${at} ${name}`)
      return found as ObjectOf<F>
    },
  }
}

/** An object whose field `by` says which of these it is. */
export function variants<V extends Readonly<Record<string, ObjectSchema<object>>>>(
  by: string,
  each: V,
): Schema<Infer<V[keyof V]>> {
  const kinds = oneOf(Object.keys(each))
  return {
    json: { anyOf: Object.values(each).map(({ json }) => json) },
    expected: 'an object',
    parse: (value, at) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(at, 'an object', value)
      const kind = kinds.parse(Reflect.get(value, by), `${at} ${by}`)
      return each[kind]?.parse(value, at) as Infer<V[keyof V]>
    },
  }
}

/** Whether a field may be absent. */
export function isOptional(schema: Schema<unknown> | undefined): boolean {
  return schema !== undefined && 'isOptional' in schema
}

function unknownField(at: string, name: string, names: readonly string[]): string {
  const known = names.length === 0 ? 'nothing at all' : `only ${names.join(', ')}`
  return `${at}: expected ${known}, got ${show(name)}`
}
