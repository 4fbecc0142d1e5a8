/**
 * Text from outside, safe to print: what a client sends must not steer a terminal.
 *
 * @module
 */

/** Writes control and non-ASCII characters as `\xNN` (above 0xFF with more digits). */
export function printable(text: string): string {
  return text.replace(
    /[^\x20-\x7e]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
