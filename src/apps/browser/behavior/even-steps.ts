/**
 * A movement, read off at equal steps of time on the lines between what the device reports: as the engine reads it
 * (`behavior/biometrics/pointer-actions.ts`), and without telling how often the device does.
 *
 * @module
 */
import { STEPS_MAX, type Step } from '../../../wire/behavior-batch.ts'

export interface Point {
  /** Milliseconds. */
  readonly atMs: number
  /** CSS pixels. */
  readonly x: number
  readonly y: number
}

/** Pixels are told whole, within what the wire takes. */
export interface Piece {
  readonly first: Point
  readonly steps: readonly Step[]
  /** It goes on with what an earlier piece began. */
  readonly continued: boolean
}

export class EvenSteps {
  readonly #stepMs: number
  #reported: Point
  /** Where the last step was, in whole pixels. */
  #told: Point
  #first: Point | undefined
  #steps: Step[] = []
  #isContinued = false

  constructor(stepMs: number, first: Point) {
    this.#stepMs = stepMs
    this.#reported = first
    this.#told = wholePoint(first)
    this.#first = this.#told
  }

  /** The latest report. */
  get reported(): Point {
    return this.#reported
  }

  /** When the last step was. */
  get toldMs(): number {
    return this.#told.atMs
  }

  /** @param point not older than the last one. @param cut is given each full piece */
  add(point: Point, cut: (piece: Piece) => void): void {
    const from = this.#reported
    const gapMs = point.atMs - from.atMs
    for (let atMs = this.#nextMs(); atMs <= point.atMs; atMs = this.#nextMs()) {
      const share = gapMs > 0 ? (atMs - from.atMs) / gapMs : 1
      const x = Math.round(from.x + share * (point.x - from.x))
      const y = Math.round(from.y + share * (point.y - from.y))
      if (this.#first === undefined) this.#first = { atMs, x, y }
      else this.#steps.push({ dx: x - this.#told.x, dy: y - this.#told.y })
      this.#told = { atMs, x, y }
      if (this.#steps.length >= STEPS_MAX) this.take(cut)
    }
    this.#reported = point
  }

  /** Steps there are that no piece has. */
  get untold(): number {
    return this.#steps.length
  }

  /** What there is; the movement goes on in another piece. */
  take(cut: (piece: Piece) => void): void {
    if (this.#first === undefined) return
    cut({ first: this.#first, steps: this.#steps, continued: this.#isContinued })
    this.#first = undefined
    this.#steps = []
    this.#isContinued = true
  }

  #nextMs(): number {
    return this.#told.atMs + this.#stepMs
  }
}

function wholePoint({ atMs, x, y }: Point): Point {
  return { atMs: Math.max(0, Math.round(atMs)), x: Math.round(x), y: Math.round(y) }
}
