/**
 * The one buffer that every socket of a worker reads into, and the slab that what is sent is copied to.
 *
 * A read callback runs to its end before the next read, so one buffer serves all sockets: no allocation
 * and no idle memory per connection. Whoever wants to keep octets beyond the callback copies them.
 *
 * Layout of `OCTETS`:  | insert room | pending head | what was read (READ_AT..) | tail room |
 * A head that came in pieces is completed by copying the earlier piece right before READ_AT; a response
 * head is rewritten in place by moving its short front part to the left.
 *
 * @module
 */

/** Room to add fields to a response head in place. */
const INSERT_BYTES = 2048
/** The largest head that can be completed in place; the limit of heads in settings may not exceed it. */
export const HEAD_BYTES_MAX = 65_536
/** What libuv reads at once at most. */
export const READ_BYTES = 65_536

export const READ_AT = INSERT_BYTES + HEAD_BYTES_MAX
export const OCTETS: Buffer = Buffer.allocUnsafeSlow(READ_AT + READ_BYTES + 1)
/** What sockets read into: `OCTETS[READ_AT..READ_AT + READ_BYTES)`. */
export const READ_VIEW: Buffer = OCTETS.subarray(READ_AT, READ_AT + READ_BYTES)

/** One slab holds the copies of about 200 small requests; it lives until the last of them is sent. */
const SLAB_BYTES = 262_144
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
let slabUsed = 0

/** Room for `length` octets that live on after this callback. Not zeroed: fill it whole. */
export function allocate(length: number): Buffer {
  if (length > SLAB_BYTES / 8) return Buffer.allocUnsafeSlow(length)
  if (slabUsed + length > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    slabUsed = 0
  }
  // A third cheaper than `subarray`. Slabs begin where their memory does.
  const room = Buffer.from(slab.buffer, slabUsed, length)
  slabUsed += length
  return room
}

/** A copy of `OCTETS[from..to)` that lives on after this callback. */
export function keep(from: number, to: number): Buffer {
  const copy = allocate(to - from)
  OCTETS.copy(copy, 0, from, to)
  return copy
}

/** Puts an earlier piece right before what was just read; returns where the whole begins. */
export function prepend(piece: Buffer): number {
  const from = READ_AT - piece.length
  piece.copy(OCTETS, from)
  return from
}

/** `OCTETS[from..to)` as text, one character per octet. */
export function textOf(from: number, to: number): string {
  return OCTETS.toString('latin1', from, to)
}
