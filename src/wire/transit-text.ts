/**
 * What Vault's clients keep: `limen:v3:BASE64`, the version of the key that made it and octets, a ciphertext, a signature or a MAC.
 * Signatures in JWS form (RFC 7515) are base64url without padding. What the octets are, says `keys/custody/transit-cipher.ts`.
 *
 * @module
 */
import { decodeBase64, encodeBase64 } from './base64.ts'

/** Characters: as many as the body of a request has at most (`apps/custody-api/listener.ts`). */
export const TRANSIT_TEXT_MAX = 1024 * 1024

export type TransitCoding = 'base64' | 'base64url'

export type ReadTransitText =
  | { readonly kind: 'read'; readonly version: number; readonly octets: Uint8Array }
  /** `foreign`: Vault's own prefix. It was made with a key of Vault's, which is not here: we never write it. */
  | { readonly kind: 'refused'; readonly code: 'prefix' | 'foreign' | 'version' | 'octets' }

const PREFIX = 'limen:v'
const VERSION = /^[1-9]\d{0,9}$/
const VERSION_MAX = 2 ** 32 - 1
/** Of a version and its colon. */
const VERSION_CHARS_MAX = 11

/** Never throws. There is one text only for a version and octets. */
export function readTransitText(text: string, coding: TransitCoding = 'base64'): ReadTransitText {
  if (text.startsWith('vault:')) return { kind: 'refused', code: 'foreign' }
  if (!text.startsWith(PREFIX)) return { kind: 'refused', code: 'prefix' }
  const colon = text.slice(PREFIX.length, PREFIX.length + VERSION_CHARS_MAX).indexOf(':')
  const digits = text.slice(PREFIX.length, PREFIX.length + colon)
  const version = Number(digits)
  if (colon < 0 || !VERSION.test(digits) || version > VERSION_MAX) {
    return { kind: 'refused', code: 'version' }
  }
  const octets = decoded(text.slice(PREFIX.length + colon + 1), coding)
  if (octets === undefined || octets.length === 0 || text.length > TRANSIT_TEXT_MAX) {
    return { kind: 'refused', code: 'octets' }
  }
  return { kind: 'read', version, octets }
}

/** @param version 1 to 2^32 - 1 */
export function writeTransitText(
  version: number,
  octets: Uint8Array,
  coding: TransitCoding = 'base64',
): string {
  const padded = encodeBase64(octets)
  const text =
    coding === 'base64'
      ? padded
      : padded.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  return `${PREFIX}${version}:${text}`
}

function decoded(text: string, coding: TransitCoding): Uint8Array | undefined {
  if (coding === 'base64') return text.length % 4 === 0 ? decodeBase64(text) : undefined
  if (/[+/=]/.test(text)) return undefined
  return decodeBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
}
