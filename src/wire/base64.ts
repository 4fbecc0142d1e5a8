/**
 * Base64 (RFC 4648 section 4), read where no host is there to do it. Padding may be left out, as in gRPC's fields.
 *
 * @module
 */

const VALUES: ReadonlyMap<string, number> = new Map(
  [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].map((char, i) => [
    char,
    i,
  ]),
)

/** undefined when `text` is not base64, has bits behind its last octet, or wrong padding. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/={1,2}$/, '')
  const isPadded = digits.length < text.length
  if (digits.length % 4 === 1 || (isPadded && text.length % 4 !== 0)) return undefined
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4))
  let at = 0
  let bits = 0
  let held = 0
  for (const digit of digits) {
    const value = VALUES.get(digit)
    if (value === undefined) return undefined
    held = ((held << 6) | value) & 0xfff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = (held >> bits) & 0xff
  }
  return (held & ((1 << bits) - 1)) === 0 ? bytes : undefined
}
