/**
 * JSON of exactly one form: an object with these keys and no others.
 *
 * @module
 */

/** undefined for what is no JSON, or longer than this. Never throws. */
export function jsonIn(text: string, charsMax: number): unknown {
  if (text.length > charsMax) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function hasKeys(value: unknown, keys: readonly string[]): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length === keys.length &&
    keys.every((key) => Object.hasOwn(value, key))
  )
}
