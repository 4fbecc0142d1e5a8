/**
 * Whether a frame came before it can have been sent: earlier, by its RTP time, than any frame of the last half minute. A network delays.
 * It may also become faster at once, so this is no evidence by itself; at a key frame out of turn, it is a sender whose clock is another.
 *
 * @module
 */
import type { Frame } from './frame-builder.ts'
import { RTP_CLOCK_HZ } from './packet-order.ts'

/** A clock 100 parts per million off moves 3 ms in it. */
const SPAN_S = 30
/** Five seconds of most cameras: the least of fewer delays is above the least there is. */
const FRAMES_MIN = 150

export class FrameClock {
  readonly #frameTicks: number
  readonly #isReordered: boolean
  /** The least delay of each second, oldest first. */
  #least: { readonly second: number; delayMs: number }[] = []
  #frames = 0
  /** RTP time at which the next frame is sent, as far as is known. */
  #due: number | undefined

  /** @param frameTicks between frames; 0: not regular @param isReordered pictures are sent before some that are shown earlier */
  constructor(frameTicks: number, isReordered: boolean) {
    this.#frameTicks = frameTicks
    this.#isReordered = isReordered
  }

  /** RTP time goes on from elsewhere. */
  clear(): void {
    this.#least = []
    this.#frames = 0
    this.#due = undefined
  }

  /** @returns how much too early it is, in milliseconds; undefined: not known */
  meet({ atMs, timestamp, lost, isKey }: Frame): number | undefined {
    // A frame that was sent ahead has the time at which it is shown.
    if (isKey || !this.#isReordered) this.#due = timestamp
    else if (lost > 0 || this.#frameTicks === 0) this.#due = undefined
    else if (this.#due !== undefined) this.#due += this.#frameTicks
    if (this.#due === undefined) return undefined
    const delayMs = atMs - (this.#due / RTP_CLOCK_HZ) * 1000
    const second = Math.floor(atMs / 1000)
    this.#least = this.#least.filter((one) => one.second > second - SPAN_S)
    const floorMs = Math.min(...this.#least.map((one) => one.delayMs))
    const last = this.#least.at(-1)
    if (last?.second === second) last.delayMs = Math.min(last.delayMs, delayMs)
    else this.#least.push({ second, delayMs })
    return ++this.#frames > FRAMES_MIN ? floorMs - delayMs : undefined
  }
}
