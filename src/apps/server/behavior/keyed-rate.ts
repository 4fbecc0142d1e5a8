/**
 * How often each of many may do something: token buckets, each of a minute's worth. Who is not remembered any more begins anew: with
 * more of them at once than are remembered, there is a limit to all together elsewhere.
 *
 * @module
 */
const MINUTE_MS = 60_000
const KEYS_MAX = 50_000

interface Bucket {
  tokens: number
  at: number
}

export class KeyedRate {
  readonly #perMinute: number
  readonly #buckets = new Map<string, Bucket>()

  /** @param perMinute 0: no limit */
  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  /** Counts one. @returns 0 when it is admitted, else seconds after which it would be, whole and at least 1 */
  admit(key: string, now: number): number {
    const most = this.#perMinute
    if (most === 0) return 0
    const { tokens, at } = this.#buckets.get(key) ?? { tokens: most, at: now }
    this.#buckets.delete(key)
    if (this.#buckets.size >= KEYS_MAX) {
      this.#buckets.delete(this.#buckets.keys().next().value ?? '')
    }
    const perMs = most / MINUTE_MS
    const grown = Math.min(most, tokens + Math.max(0, now - at) * perMs)
    const left = grown >= 1 ? grown - 1 : grown
    this.#buckets.set(key, { tokens: left, at: Math.max(at, now) })
    return grown >= 1 ? 0 : Math.max(1, Math.ceil((1 - grown) / perMs / 1000))
  }
}
