/**
 * Tests of one ClientHello.random whose chance under an honest client is exact: RFC 8446 section 4.1.2
 * asks for 32 bytes of a secure random generator, so each value is as likely as any other.
 * Only these may judge a single random; tests that need many (chi-square, Hamming distance) belong to
 * profiles.
 *
 * @module
 */

/** A clock may be this wrong and still be recognised as the time. */
export const CLOCK_ERROR_S = 7200

/** Chance that the first four random bytes fall within {@link CLOCK_ERROR_S} of now: 3.4e-6. */
export const CLOCK_CHANCE = (2 * CLOCK_ERROR_S + 1) / 2 ** 32

/** Do the first four bytes hold the time now, in seconds since 1970 (RFC 5246 section 7.4.1.2)? */
export function beginsWithTime(random: Uint8Array, now: number): boolean {
  const seconds =
    (((random[0] ?? 0) << 24) |
      ((random[1] ?? 0) << 16) |
      ((random[2] ?? 0) << 8) |
      (random[3] ?? 0)) >>>
    0
  return Math.abs(seconds - now / 1000) <= CLOCK_ERROR_S
}

/** Is every byte from `from` on below 0x80, as in text and small counters? Chance: 2^-(32 - from). */
export function isSevenBit(random: Uint8Array, from: number): boolean {
  for (let i = from; i < random.length; i++) if ((random[i] ?? 0) >= 0x80) return false
  return true
}
