/**
 * The mouse: its paths, as the engine reads them, and its buttons. Jumps and twitches are left out.
 *
 * @module
 */
import { PATH_STEP_MS } from '../../../wire/behavior-batch.ts'
import { EvenSteps, type Piece, type Point } from './even-steps.ts'
import type { Listening } from './listening.ts'
import { type RecordQueue, whole } from './record-queue.ts'

/** A hand that rests so long has finished, as the engine has it. */
const PAUSE_MS = 1000
/** CSS pixels per millisecond: a pointer that was put elsewhere, not moved. A flick is below 20. */
const SPEED_MAX = 50
/** What is shorter has no acceleration, and the engine leaves it out. */
const STEPS_MIN = 3
const BUTTON_MAX = 7

export class MouseWatch {
  readonly #queue: RecordQueue
  #steps: EvenSteps | undefined
  /** Where the reader of our records has the mouse. */
  #x = 0
  #y = 0

  constructor(queue: RecordQueue) {
    this.#queue = queue
  }

  listen(listening: Listening, target: EventTarget): void {
    listening.on<PointerEvent>(target, 'pointermove', (event) => {
      if (event.pointerType === 'mouse') this.#move(pointOf(event))
    })
    listening.on<PointerEvent>(target, 'pointerdown', (event) => {
      if (event.pointerType === 'mouse') this.#button('press', event)
    })
    listening.on<PointerEvent>(target, 'pointerup', (event) => {
      if (event.pointerType === 'mouse') this.#button('release', event)
    })
  }

  /** What is known of the path goes into the queue; the path goes on. */
  flush(): void {
    // A path that has just begun waits: it may be too short to be told.
    if ((this.#steps?.untold ?? 0) >= STEPS_MIN) this.#end()
  }

  #end(): void {
    this.#steps?.take((piece) => this.#piece(piece))
  }

  #move(point: Point): void {
    const last = this.#steps?.reported
    if (!Number.isFinite(point.atMs + point.x + point.y)) return
    if (last === undefined || this.#steps === undefined) {
      this.#steps = new EvenSteps(PATH_STEP_MS, point)
      return
    }
    const gapMs = point.atMs - last.atMs
    if (gapMs < 0) return
    const jump = Math.hypot(point.x - last.x, point.y - last.y)
    if (gapMs > PAUSE_MS || jump > SPEED_MAX * Math.max(gapMs, 1)) {
      this.#end()
      this.#steps = new EvenSteps(PATH_STEP_MS, point)
    } else this.#steps.add(point, (piece) => this.#piece(piece))
  }

  #button(kind: 'press' | 'release', event: PointerEvent): void {
    const point = pointOf(event)
    if (!Number.isFinite(point.atMs + point.x + point.y) || event.button < 0) return
    if (point.atMs < (this.#steps?.reported.atMs ?? 0)) return
    this.#end()
    const button = Math.min(event.button, BUTTON_MAX)
    this.#queue.add({ kind, atMs: whole(point.atMs), button, ...this.#to(point) })
    // The path after it begins here.
    this.#steps = new EvenSteps(PATH_STEP_MS, point)
  }

  #piece({ first, steps, continued }: Piece): void {
    if (steps.length < STEPS_MIN && !continued) return
    this.#queue.add({ kind: 'path', atMs: first.atMs, ...this.#to(first), steps })
    for (const { dx, dy } of steps) {
      this.#x += dx
      this.#y += dy
    }
  }

  #to({ x, y }: Point): { dx: number; dy: number } {
    const [fromX, fromY] = [this.#x, this.#y]
    this.#x = Math.round(x)
    this.#y = Math.round(y)
    return { dx: this.#x - fromX, dy: this.#y - fromY }
  }
}

/** The window's own pixels: only differences are told. */
export function pointOf(event: { timeStamp: number; clientX: number; clientY: number }): Point {
  return { atMs: event.timeStamp, x: event.clientX, y: event.clientY }
}
