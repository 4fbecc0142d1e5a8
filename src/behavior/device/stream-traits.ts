/**
 * Collects what a source sends while it is learned.
 *
 * @module
 */
import type { StreamTraits } from './stream-baseline.ts'
import type { StreamPacket } from './stream-packet.ts'

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
  /** Of the first packet. */
  ssrc: number | undefined

  meet({ ssrc, payloadType, units = [] }: StreamPacket): void {
    this.ssrc ??= ssrc
    if (this.#payloadTypes.size < LIST_MAX) this.#payloadTypes.add(payloadType)
    for (const { type, hash } of units) {
      this.#units.add(type)
      if (hash !== undefined && this.#parameters.size < LIST_MAX) this.#parameters.add(hash)
    }
  }

  /** @param ticks since the key frame before */
  meetKey(ticks: number): void {
    if (this.#keyIntervals.length < LIST_MAX) this.#keyIntervals.push(ticks)
  }

  traits(skewPpm: number): StreamTraits {
    const [first = 0, ...rest] = this.#keyIntervals
    const isRhythm =
      rest.length >= KEYS_MIN - 1 &&
      rest.every((ticks) => Math.abs(ticks - first) <= KEY_ERROR_TICKS)
    return {
      ssrc: this.ssrc ?? 0,
      payloadTypes: [...this.#payloadTypes],
      parameters: [...this.#parameters],
      units: [...this.#units],
      keyTicks: isRhythm ? first : 0,
      skewPpm,
    }
  }
}
