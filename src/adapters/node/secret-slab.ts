/**
 * Room for short secrets, outside the heap, where zeroing leaves no copy behind that a garbage collector made. Pieces share a slab, which lives until the
 * last of them is gone: an ArrayBuffer for each would cost more than what is done with most of them.
 *
 * @module
 */

/** Of some hundred tickets, or two thousand keys. */
const SLAB_BYTES = 65_536
let slab = Buffer.alloc(SLAB_BYTES)
let used = 0

/** A copy of `bytes`; whoever is done with it zeroes it. */
export function keptSecret(bytes: Uint8Array): Buffer {
  const { length } = bytes
  if (length > SLAB_BYTES)
    throw new RangeError(`Cannot keep ${length} bytes: at most ${SLAB_BYTES}`)
  if (used + length > SLAB_BYTES) {
    slab = Buffer.alloc(SLAB_BYTES)
    used = 0
  }
  const copy = slab.subarray(used, used + length)
  copy.set(bytes)
  used += length
  return copy
}
