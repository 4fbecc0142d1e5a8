/**
 * Whether what is said of a stream comes from the key service, and now (`wire/stream-label.ts`).
 *
 * @module
 */
import { verify } from 'node:crypto'
import { readStreamLabel, type StreamLabel } from '../../wire/stream-label.ts'
import { identityKey } from './key-envelope.ts'

/** As LMK1: clocks of service and device differ. */
const AGE_MS = 30_000

/** @param identity of the key service, 32 octets of Ed25519 @param now milliseconds since 1970 @returns undefined: malformed, not its, or old */
export function openStreamLabel(
  bytes: Uint8Array,
  identity: Uint8Array,
  now: number,
): StreamLabel | undefined {
  const read = readStreamLabel(bytes)
  if (read === undefined || Math.abs(now - read.label.at) > AGE_MS) return undefined
  return verify(null, read.signed, identityKey(identity), read.signature) ? read.label : undefined
}
