/**
 * A JSON document as Python sees it. Nova's messages show Python's `repr` of what came, and JavaScript's own values have forgotten
 * what that needs: whether a number was written `1` or `1.0`, the digits of a large one, the order of keys that look like numbers.
 */
export type PyValue = null | boolean | string | PyNumber | readonly PyValue[] | ReadonlyMap<string, PyValue>

/** A number by its `repr`. */
export interface PyNumber {
  readonly repr: string
}

/** Whether it is a dict. */
export function isDict(value: PyValue | undefined): value is ReadonlyMap<string, PyValue> {
  return value instanceof Map
}

/** Whether it is a list. */
export function isList(value: PyValue | undefined): value is readonly PyValue[] {
  return Array.isArray(value)
}
