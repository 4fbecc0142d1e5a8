/**
 * How fast a sender's clock runs against the one here: the slope of the least delays over a minute (Moon, Skelly, Towsley, "Estimation and
 * removal of clock skew", INFOCOM 1999), by the median of all pairs (Theil, 1950; Sen, 1968). A queue that fills up looks the same.
 *
 * @module
 */
import { median } from './stream-features.ts'

/** Of fifty parts per million it makes 3 ms, more than a good path varies in its least delays. */
const SPAN_S = 60
/** Shorter spans say nothing. */
const SPAN_MIN_S = 30

export class ClockSkew {
  /** The least delay of each second, oldest first. */
  readonly #least: { second: number; delayMs: number }[] = []
  /** Of that second: it changes once in one. */
  #known: { readonly second: number | undefined; readonly ppm: number | undefined } = {
    second: undefined,
    ppm: undefined,
  }

  meet(atMs: number, delayMs: number): void {
    const second = Math.floor(atMs / 1000)
    const last = this.#least.at(-1)
    if (last?.second === second) {
      last.delayMs = Math.min(last.delayMs, delayMs)
      return
    }
    this.#least.push({ second, delayMs })
    if (this.#least.length > SPAN_S) this.#least.shift()
  }

  /** RTP time goes on from elsewhere. */
  clear(): void {
    this.#least.length = 0
    this.#known = { second: undefined, ppm: undefined }
  }

  /** Parts per million, above 0: the sender is slow. Undefined below {@link SPAN_MIN_S}. */
  ppm(): number | undefined {
    const second = this.#least.at(-1)?.second
    if (second !== this.#known.second) this.#known = { second, ppm: this.#slope() }
    return this.#known.ppm
  }

  #slope(): number | undefined {
    // The last second is not over.
    const points = this.#least.slice(0, -1)
    if (points.length < SPAN_MIN_S) return undefined
    const slopes: number[] = []
    for (const [i, a] of points.entries()) {
      for (let j = i + 1; j < points.length; j++) {
        const b = points[j] ?? a
        slopes.push((b.delayMs - a.delayMs) / (b.second - a.second))
      }
    }
    // Milliseconds per second are thousandths.
    return median(slopes) * 1000
  }
}
