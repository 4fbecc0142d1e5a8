/**
 * The {@link Random} of the machine: the system's CSPRNG, drawn in batches because one call costs
 * about a microsecond however few bytes it fills.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto'
import type { Random } from '../../ground/random.ts'

/** Bytes drawn at once. Larger requests go to the system directly. */
const BATCH_BYTES = 4096

export function systemRandom(): Random {
  const batch = Buffer.alloc(BATCH_BYTES)
  let used = BATCH_BYTES
  const bytes = (length: number): Uint8Array => {
    if (!Number.isSafeInteger(length) || length < 0) {
      throw new RangeError(`length must be a whole number of bytes, not ${length}`)
    }
    if (length > BATCH_BYTES / 4) return randomFillSync(new Uint8Array(length))
    if (used + length > BATCH_BYTES) {
      randomFillSync(batch)
      used = 0
    }
    const drawn = new Uint8Array(batch.subarray(used, used + length))
    // What was handed out is not kept: a later look at the batch must not reveal it.
    batch.fill(0, used, used + length)
    used += length
    return drawn
  }
  return { bytes, fraction: () => fractionOf(bytes(7)) }
}

/** 53 bits of `drawn` (7 bytes), as many as a double holds below 1. */
function fractionOf(drawn: Uint8Array): number {
  let value = (drawn[0] ?? 0) & 0x1f
  for (let i = 1; i < 7; i++) value = value * 256 + (drawn[i] ?? 0)
  return value / 2 ** 53
}
