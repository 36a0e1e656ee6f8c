import { ProtocolError } from './errors.ts'

/** Reads a value out of an answer; a value of another shape is a `ProtocolError` that names the place. */
export type Shape<T> = (value: unknown, at: string) => T

function mismatch(expected: string, value: unknown, at: string): never {
  const came = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value
  throw new ProtocolError(`${at}: expected ${expected}, got ${came}. Does the URL lead to novacast?`)
}

export const text: Shape<string> = (value, at) => (typeof value === 'string' ? value : mismatch('text', value, at))

export const number: Shape<number> = (value, at) => (typeof value === 'number' ? value : mismatch('a number', value, at))

export const flag: Shape<boolean> = (value, at) => (typeof value === 'boolean' ? value : mismatch('true or false', value, at))

/** The shape, or null; what is absent is null too. */
export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value, at) => (value === null || value === undefined ? null : shape(value, at))
}

export function list<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value, at) =>
    Array.isArray(value) ? value.map((item, i) => shape(item, `${at}[${i}]`)) : mismatch('a list', value, at)
}

/** One field of an object. */
export function field<T>(name: string, shape: Shape<T>): Shape<T> {
  return (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return mismatch('an object', value, at)
    return shape(Reflect.get(value, name), `${at}.${name}`)
  }
}

/** An object with these fields. Others are left out: a newer service may say more. */
export function record<T extends object>(fields: { readonly [K in keyof T]: Shape<T[K]> }): Shape<Readonly<T>> {
  return (value, at) => {
    const found: Partial<T> = {}
    for (const name in fields) found[name] = field(name, fields[name])(value, at)
    return found as T
  }
}

/** JSON text in its shape. */
export function fromJson<T>(json: string, shape: Shape<T>, at: string): T {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new ProtocolError(`${at}: not JSON`, { cause: error })
  }
  return shape(value, at)
}
