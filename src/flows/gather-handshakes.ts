/**
 * What a worker saw of handshakes, gathered until it is told (every 200 ms). Of a client with many at once the first are
 * told one by one, and further ordinary ones counted: learning from each would cost more than shaking hands, and a flood
 * would keep the profiler from everybody else. Pure; not here: what is learned (`profile-handshakes.ts`, `learn-more.ts`).
 *
 * @module
 */
import type { HandshakeObservation, HandshakeOutcome } from '../behavior/handshake/observation.ts'
import type { HandshakesMore, HandshakesSeen } from '../ports/data-plane.ts'

/** Of one client, told one by one in a batch: 40 a second, more than the tests of floods need (`rate.ts`). */
export const SINGLY_MAX = 8
/**
 * Observations, or outcomes, told together: below 100 KB as JSON. Of a message beyond that V8 makes all of it long-lived at
 * once, and whoever hears many would have to collect all its memory every few seconds (`docs/decisions/0034-what-a-handshake-costs-beside-the-worker.md`).
 */
export const TOGETHER_MAX = 64

type Counts = { -readonly [K in keyof HandshakesMore]: HandshakesMore[K] }

export class HandshakeGathering {
  /** Of observations, of outcomes, and of counted handshakes under way: beyond it they are dropped and counted. */
  readonly #most: number
  #observations: HandshakeObservation[] = []
  #outcomes: HandshakeOutcome[] = []
  #more = new Map<string, Counts>()
  /** Told one by one in this batch, by client. */
  #singly = new Map<string, number>()
  /** Decisions of handshakes that were counted and are not over. */
  readonly #counted = new Set<string>()
  #dropped = 0

  constructor(most: number) {
    this.#most = most
  }

  /** What could not be gathered, since the beginning. */
  get dropped(): number {
    return this.#dropped
  }

  /** @param isOrdinary nothing speaks against this hello by itself */
  see(observation: HandshakeObservation, isOrdinary: boolean): void {
    const { profile, own, error, features, decision, at } = observation
    const told = this.#singly.get(profile) ?? 0
    // A ticket that names somebody else has to be proven first.
    const isCounted =
      told >= SINGLY_MAX && isOrdinary && error === '' && features !== undefined && profile === own
    if (!isCounted) {
      this.#singly.set(profile, told + 1)
      if (this.#observations.length < this.#most) this.#observations.push(observation)
      else this.#dropped++
      return
    }
    const counts = this.#countsOf(profile, at)
    counts.hellos++
    if (features.resumption) counts.resumptions++
    if (this.#counted.size < this.#most) this.#counted.add(decision)
  }

  end(outcome: HandshakeOutcome): void {
    const { decision, result, check, profile, at, handshakeMs } = outcome
    const isCounted = this.#counted.delete(decision)
    if (!isCounted || check !== '' || (result !== 'full' && result !== 'resumed')) {
      if (this.#outcomes.length < this.#most) this.#outcomes.push(outcome)
      else this.#dropped++
      return
    }
    const counts = this.#countsOf(profile, at)
    counts[result]++
    if (outcome.helloRetry) counts.helloRetries++
    if (handshakeMs > 0 && (counts.roundTripMs === 0 || handshakeMs < counts.roundTripMs)) {
      counts.roundTripMs = handshakeMs
    }
  }

  /** All there is, in the order in which it is to be told; the next batch begins. */
  take(): readonly HandshakesSeen[] {
    const [observations, outcomes, more] = [this.#observations, this.#outcomes, this.#more]
    if (observations.length === 0 && outcomes.length === 0 && more.size === 0) return []
    this.#observations = []
    this.#outcomes = []
    this.#more = new Map()
    this.#singly = new Map()
    // An outcome is of an observation told before, or with it.
    const endsFrom = Math.max(0, piecesOf(observations) - 1)
    const last = endsFrom + Math.max(0, piecesOf(outcomes) - 1)
    return Array.from({ length: last + 1 }, (_, i) => ({
      observations: piece(observations, i),
      outcomes: piece(outcomes, i - endsFrom),
      more: i === last ? [...more.values()] : [],
    }))
  }

  #countsOf(profile: string, at: number): Counts {
    let counts = this.#more.get(profile)
    if (counts === undefined) {
      const none = { hellos: 0, resumptions: 0, full: 0, resumed: 0, helloRetries: 0 }
      counts = { profile, at, ...none, roundTripMs: 0 }
      this.#more.set(profile, counts)
    }
    counts.at = Math.max(counts.at, at)
    return counts
  }
}

function piecesOf(all: readonly unknown[]): number {
  return Math.ceil(all.length / TOGETHER_MAX)
}

function piece<T>(all: readonly T[], i: number): readonly T[] {
  return i < 0 ? [] : all.slice(i * TOGETHER_MAX, (i + 1) * TOGETHER_MAX)
}
