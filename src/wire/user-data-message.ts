/**
 * What an encoder says of itself: messages of unregistered user data in SEI (H.264 section D.1.7, H.265 section D.2.7), a UUID that
 * says whose words they are, and the words.
 *
 * @module
 */
import { RbspBits } from './rbsp-bits.ts'

const UNREGISTERED = 5
const UUID_BYTES = 16
/** Messages of one SEI, and octets of one; more is read by nobody here. */
const MESSAGES_MAX = 16
const BYTES_MAX = 1400
const FULL = 255

/** @param sei behind the header of its NAL unit @returns the first such message: its UUID, then its words; undefined for none */
export function readUserData(sei: Uint8Array): Uint8Array | undefined {
  const bits = new RbspBits(sei)
  for (let i = 0; i < MESSAGES_MAX; i++) {
    const type = sumOf(bits)
    const size = sumOf(bits)
    if (bits.isOver || size > BYTES_MAX) return undefined
    if (type !== UNREGISTERED || size < UUID_BYTES) {
      bits.skip(8 * size)
      continue
    }
    const data = Uint8Array.from({ length: size }, () => bits.u(8))
    return bits.isOver ? undefined : data
  }
  return undefined
}

/** Octets of 255 and the one behind them, added up. */
function sumOf(bits: RbspBits): number {
  let sum = 0
  for (;;) {
    const octet = bits.u(8)
    sum += octet
    if (octet !== FULL || sum > BYTES_MAX) return sum
  }
}
