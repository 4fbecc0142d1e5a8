/**
 * Field values as text, one character per octet (RFC 9110 section 5.5).
 *
 * @module
 */
import { HTAB, SP } from './http-octets.ts'

/**
 * What stands from `from` on, without the SP and HTAB around it. `trim()` would take away octet 0xA0 as well, which is
 * a part of the value.
 */
export function fieldValue(text: string, from = 0): string {
  let start = from
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isSpace(octet: number): boolean {
  return octet === SP || octet === HTAB
}
