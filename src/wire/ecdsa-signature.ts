/**
 * The two forms of a signature by ECDSA with P-256: DER (RFC 3279, section 2.2.3), as certificates have it, and r | s in 64 octets (RFC
 * 7518, section 3.4), as JSON Web Signatures have it.
 *
 * @module
 */

/** Of r, and of s. */
const NUMBER_BYTES = 32
const SEQUENCE = 0x30
const INTEGER = 0x02

/** undefined for what is not DER of two positive numbers below 2^256. Never throws. */
export function rawEcdsaSignature(der: Uint8Array): Uint8Array | undefined {
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2) return undefined
  const r = readInteger(der, 2)
  const s = r && readInteger(der, r.end)
  if (r === undefined || s?.end !== der.length) return undefined
  const raw = new Uint8Array(2 * NUMBER_BYTES)
  raw.set(r.number, NUMBER_BYTES - r.number.length)
  raw.set(s.number, raw.length - s.number.length)
  return raw
}

/** Without leading zeroes. */
function readInteger(
  der: Uint8Array,
  at: number,
): { readonly number: Uint8Array; readonly end: number } | undefined {
  const length = der[at + 1] ?? 0
  const end = at + 2 + length
  const [first = 0, second = 0] = der.subarray(at + 2, end)
  if (der[at] !== INTEGER || length === 0 || end > der.length || first >= 0x80) return undefined
  // A leading zero is there only when the next octet would look like a sign.
  if (first === 0 && (length === 1 || second < 0x80)) return undefined
  const number = der.subarray(first === 0 ? at + 3 : at + 2, end)
  return number.length <= NUMBER_BYTES ? { number, end } : undefined
}
