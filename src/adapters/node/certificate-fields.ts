/**
 * What all certificates have that are made here, whoever signs them: a serial number, when they are good, and their PEM.
 *
 * @module
 */
import { KeyObject, type webcrypto } from 'node:crypto'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'

export const DAY_MS = 86_400_000
/** For clocks that run behind: a certificate begins so long before it was made. */
export const BACKDATE_MS = 3_600_000
const SERIAL_BYTES = 16

/** @param lifeMs from now */
export function validity(clock: Clock, lifeMs: number): { notBefore: Date; notAfter: Date } {
  const now = clock.now()
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + lifeMs) }
}

/** Hexadecimal: 126 random bits, positive and never empty (RFC 5280, section 4.1.2.2). */
export function serialNumber(random: Random): string {
  const bytes = Buffer.from(random.bytes(SERIAL_BYTES))
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

/** PKCS #8. */
export function privateKeyPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ format: 'pem', type: 'pkcs8' }).toString()
}
