/**
 * What the rigorous handshake pool may use of a worker, so that a flood of suspects does not slow the others:
 * connections at once, new ones per second and profile, handshakes under way, and one begun per turn of the event
 * loop, so that between two of them everybody else has had a turn.
 *
 * Not here: that it speaks TLS 1.3 only and issues no tickets (`certificates.ts`), asks for another key share
 * (`hello-retry.ts`), and what it wants to see of requests (`request-gate.ts`).
 *
 * @module
 */
import type { RigorousPoolSettings } from '../../ports/data-plane.ts'

/** Handshakes under way at once: at 200 ms each (two round trips around half the world) 160 per second. */
export const HANDSHAKES_MAX = 32
/** Hellos that wait for their turn; more are refused. */
export const WAITING_MAX = 256
/** Profiles whose rate is remembered: some 100 octets each. The one seen longest ago goes first. */
export const PROFILES_MAX = 16_384

export type RigorousRefusal = 'rigorous-full' | 'rigorous-rate' | 'rigorous-busy'

/** Waits for its turn. */
export interface Turn {
  /** The client is gone, or out of time: false. */
  readonly isWanted: boolean
  begin(): void
}

interface Bucket {
  tokens: number
  at: number
}

export interface RigorousPoolOptions {
  /** Milliseconds, monotonic. */
  now(): number
  settings(): RigorousPoolSettings
  /** Runs `task` in the next turn of the event loop. */
  later(task: () => void): void
}

export class RigorousPool {
  readonly #options: RigorousPoolOptions
  readonly #buckets = new Map<string, Bucket>()
  #waiting: Turn[] = []
  #connections = 0
  #underWay = 0
  #isTurnDue = false

  constructor(options: RigorousPoolOptions) {
    this.#options = options
  }

  get connections(): number {
    return this.#connections
  }

  /** Takes a connection in, or says why not. Each one taken has to {@link leave}. */
  enter(profile: string): RigorousRefusal | undefined {
    const { connectionsMax, perProfilePerSecond } = this.#options.settings()
    if (!this.#spend(profile, perProfilePerSecond)) return 'rigorous-rate'
    if (this.#connections >= connectionsMax) return 'rigorous-full'
    if (this.#waiting.length >= WAITING_MAX) return 'rigorous-busy'
    this.#connections++
    return undefined
  }

  leave(): void {
    this.#connections--
  }

  /** Begins a handshake when its turn comes. Each one begun has to be said {@link over}. */
  queue(turn: Turn): void {
    this.#waiting.push(turn)
    this.#schedule()
  }

  /** A handshake that was begun is over. */
  over(): void {
    this.#underWay--
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isTurnDue || this.#waiting.length === 0 || this.#underWay >= HANDSHAKES_MAX) return
    this.#isTurnDue = true
    this.#options.later(() => {
      this.#isTurnDue = false
      this.#turn()
      this.#schedule()
    })
  }

  #turn(): void {
    while (this.#waiting.length > 0) {
      const turn = this.#waiting.shift()
      if (turn?.isWanted !== true) continue
      this.#underWay++
      turn.begin()
      return
    }
  }

  /** A bucket of `rate` tokens, at least one, filled at `rate` per second. */
  #spend(profile: string, rate: number): boolean {
    const now = this.#options.now()
    const size = Math.max(1, rate)
    const bucket = this.#buckets.get(profile) ?? { tokens: size, at: now }
    bucket.tokens = Math.min(size, bucket.tokens + ((now - bucket.at) / 1000) * rate)
    bucket.at = now
    // The map is in the order of last use.
    this.#buckets.delete(profile)
    this.#buckets.set(profile, bucket)
    if (this.#buckets.size > PROFILES_MAX) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }
}
