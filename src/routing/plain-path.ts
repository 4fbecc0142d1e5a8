/**
 * A path as a server behind might read it: unescaped, without dot segments, doubled slashes and path parameters, in lower
 * case (RFC 3986 section 6.2.2, and what servers do beyond it). For a question only: may two readers of one target
 * disagree about which route it is of? What is sent on stays as it came.
 *
 * @module
 */

/** Most paths are plain already. */
const NOT_PLAIN = /[A-Z%\\;]|\/[/.]/
const ESCAPED = /%([0-9A-Fa-f]{2})/g

/** @param target path and query, or a path alone */
export function isPlainPath(target: string): boolean {
  const mark = target.indexOf('?')
  return !NOT_PLAIN.test(mark < 0 ? target : target.slice(0, mark))
}

/** Never throws. */
export function plainPath(target: string): string {
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const unescaped = path.replace(ESCAPED, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const segments: string[] = []
  for (const part of unescaped.toLowerCase().replaceAll('\\', '/').split('/')) {
    const segment = part.replace(/;.*$/s, '')
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return `/${segments.join('/')}`
}
