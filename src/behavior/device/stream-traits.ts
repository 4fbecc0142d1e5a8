/**
 * Collects what a source sends while it is learned.
 *
 * @module
 */
import type { NumberTraits } from './picture-numbers.ts'
import type { SaidTrait, StreamTraits } from './stream-baseline.ts'
import { type StreamPacket, UUID_CHARS } from './stream-packet.ts'

/** Intervals of key frames are a rhythm from three on. */
const KEYS_MIN = 3
/** By how much they may differ: half a frame of 30 a second. Ticks. */
export const KEY_ERROR_TICKS = 1_500
/** Of each list; more is no encoder in its usual settings, and what comes later is not in the baseline. */
const LIST_MAX = 64

export class StreamTraitsBuilder {
  readonly #payloadTypes = new Set<number>()
  readonly #parameters = new Set<string>()
  readonly #units = new Set<number>()
  readonly #keyIntervals: number[] = []
  /** By UUID; words are undefined where they change. */
  readonly #said = new Map<string, { words: string | undefined; count: number }>()

  meet({ payloadType, units = [] }: StreamPacket): void {
    if (this.#payloadTypes.size < LIST_MAX) this.#payloadTypes.add(payloadType)
    for (const { type, hash, said } of units) {
      this.#units.add(type)
      if (said !== undefined) this.#meetSaid(said)
      if (hash !== undefined && this.#parameters.size < LIST_MAX) this.#parameters.add(hash)
    }
  }

  /** @param ticks since the key frame before */
  meetKey(ticks: number): void {
    if (this.#keyIntervals.length < LIST_MAX) this.#keyIntervals.push(ticks)
  }

  #meetSaid(said: string): void {
    const uuid = said.slice(0, UUID_CHARS)
    const known = this.#said.get(uuid)
    if (known === undefined) {
      if (this.#said.size < LIST_MAX) this.#said.set(uuid, { words: said, count: 1 })
      return
    }
    known.count++
    if (known.words !== said) known.words = undefined
  }

  traits(skewPpm: number, numbers: NumberTraits): StreamTraits {
    const [first = 0, ...rest] = this.#keyIntervals
    const isRhythm =
      rest.length >= KEYS_MIN - 1 &&
      rest.every((ticks) => Math.abs(ticks - first) <= KEY_ERROR_TICKS)
    return {
      payloadTypes: [...this.#payloadTypes],
      parameters: [...this.#parameters],
      units: [...this.#units],
      keyTicks: isRhythm ? first : 0,
      ...{ skewPpm, numbers },
      said: [...this.#said.values()].flatMap(({ words, count }): SaidTrait[] =>
        words === undefined ? [] : [{ words, isOnce: count === 1 && rest.length >= KEYS_MIN - 1 }],
      ),
    }
  }
}
