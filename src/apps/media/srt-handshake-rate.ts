/**
 * How many handshakes a relay looks at: of one address, and of all that never had a passphrase. A flood of strangers takes nothing from a
 * source that was there before. Token buckets of one second's worth; they bound work, they are no proof of an address.
 *
 * @module
 */

/** A caller of libsrt asks four times a second. */
const ADDRESS_PER_S = 16
/** Each costs a key derivation of about a millisecond at most: a tenth of a core. */
const STRANGERS_PER_S = 100
/** Those that are remembered; the oldest is forgotten. */
const ADDRESSES_MAX = 1024
const KNOWN_MAX = 64

interface Bucket {
  left: number
  atMs: number
}

export class SrtHandshakeRate {
  readonly #byAddress = new Map<string, Bucket>()
  readonly #known = new Set<string>()
  readonly #strangers: Bucket = { left: STRANGERS_PER_S, atMs: 0 }

  /** One handshake from there. */
  admits(address: string, nowMs: number): boolean {
    let bucket = this.#byAddress.get(address)
    if (bucket === undefined) {
      bucket = { left: ADDRESS_PER_S, atMs: nowMs }
      this.#byAddress.set(address, bucket)
      forget(this.#byAddress, ADDRESSES_MAX)
    }
    if (!takes(bucket, ADDRESS_PER_S, nowMs)) return false
    return this.#known.has(address) || takes(this.#strangers, STRANGERS_PER_S, nowMs)
  }

  /** From there somebody had a passphrase. */
  know(address: string): void {
    this.#known.delete(address)
    this.#known.add(address)
    forget(this.#known, KNOWN_MAX)
  }
}

function takes(bucket: Bucket, perS: number, nowMs: number): boolean {
  const passed = Math.max(0, nowMs - bucket.atMs)
  bucket.left = Math.min(perS, bucket.left + (passed * perS) / 1000)
  bucket.atMs = nowMs
  if (bucket.left < 1) return false
  bucket.left--
  return true
}

function forget(
  table: { readonly size: number; keys(): Iterator<string>; delete(key: string): boolean },
  most: number,
): void {
  if (table.size <= most) return
  const oldest = table.keys().next()
  if (oldest.done !== true) table.delete(oldest.value)
}
