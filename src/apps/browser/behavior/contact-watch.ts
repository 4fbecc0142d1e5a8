/**
 * Fingers and pens: how they go over the surface, how hard and how large. Fingers by touch events, which go on while the
 * page scrolls under them; pens by pointer events, which know their pressure.
 *
 * @module
 */
import { CONTACT_STEP_MS } from '../../../wire/behavior-batch.ts'
import { EvenSteps, type Piece, type Point } from './even-steps.ts'
import type { Listening } from './listening.ts'
import { pointOf } from './mouse-watch.ts'
import { type RecordQueue, whole } from './record-queue.ts'

/** As many as hands have. */
const FINGERS_MAX = 10
/** Of what is told of a step: a page that was held up, not a finger. */
const GAP_MS_MAX = 5000
const OCTET_MAX = 255
const PEN = -1

interface Contact {
  readonly pen: boolean
  readonly fingers: number
  readonly steps: EvenSteps
  /** Sums, for means. */
  reports: number
  size: number
  pressure: number
}

interface Report extends Point {
  /** CSS pixels across. */
  readonly size: number
  /** 0 to 1. */
  readonly pressure: number
}

export class ContactWatch {
  readonly #queue: RecordQueue
  /** By identifier of the touch, or PEN. */
  readonly #contacts = new Map<number, Contact>()
  #x = 0
  #y = 0

  constructor(queue: RecordQueue) {
    this.#queue = queue
  }

  listen(listening: Listening, target: EventTarget): void {
    const each = (types: string, act: (id: number, report: Report, fingers: number) => void) =>
      listening.on<TouchEvent>(target, types, (event) => {
        // A pen may be told as a touch too.
        if (this.#contacts.has(PEN)) return
        for (const touch of event.changedTouches) {
          act(touch.identifier, touchReport(touch, event.timeStamp), event.touches.length)
        }
      })
    each('touchstart', (id, report, fingers) => this.#begin(id, report, fingers))
    each('touchmove', (id, report) => this.#move(id, report))
    each('touchend touchcancel', (id, report) => this.#end(id, report.atMs))
    const pen = (types: string, act: (report: Report) => void) =>
      listening.on<PointerEvent>(target, types, (event) => {
        if (event.pointerType === 'pen') act(penReport(event))
      })
    pen('pointerdown', (report) => this.#begin(PEN, report, 1))
    pen('pointermove', (report) => this.#move(PEN, report))
    pen('pointerup pointercancel', (report) => this.#end(PEN, report.atMs))
  }

  /** What still touches, as far as it has come: nothing more will be heard of it. */
  endAll(): void {
    for (const [id, { steps }] of this.#contacts) this.#end(id, steps.reported.atMs)
  }

  #begin(id: number, report: Report, fingers: number): void {
    if (!isGood(report)) return
    if (this.#contacts.has(id)) this.#end(id, report.atMs)
    if (this.#contacts.size >= FINGERS_MAX) return
    const { size, pressure } = report
    this.#contacts.set(id, {
      pen: id === PEN,
      fingers: Math.min(Math.max(fingers, 1), FINGERS_MAX),
      steps: new EvenSteps(CONTACT_STEP_MS, report),
      ...{ reports: 1, size, pressure },
    })
  }

  #move(id: number, report: Report): void {
    const contact = this.#contacts.get(id)
    if (contact === undefined || !isGood(report)) return
    const gapMs = report.atMs - contact.steps.reported.atMs
    if (gapMs < 0) return
    contact.reports++
    contact.size += report.size
    contact.pressure += report.pressure
    if (gapMs <= GAP_MS_MAX) {
      contact.steps.add(report, (piece) => this.#piece(contact, piece, 0))
      return
    }
    this.#end(id, contact.steps.reported.atMs)
    this.#begin(id, report, contact.fingers)
  }

  #end(id: number, atMs: number): void {
    const contact = this.#contacts.get(id)
    if (contact === undefined) return
    this.#contacts.delete(id)
    const restMs = whole(atMs - contact.steps.toldMs)
    contact.steps.take((piece) => this.#piece(contact, piece, restMs))
  }

  #piece({ pen, fingers, reports, ...sums }: Contact, piece: Piece, restMs: number): void {
    const { first, steps, continued } = piece
    const [dx, dy] = [first.x - this.#x, first.y - this.#y]
    this.#x = first.x
    this.#y = first.y
    this.#queue.add({
      ...{ kind: 'contact', atMs: first.atMs, pen, continued, fingers },
      size: octet(sums.size / reports),
      pressure: octet((sums.pressure / reports) * OCTET_MAX),
      ...{ dx, dy, steps, restMs },
    })
  }
}

function isGood({ atMs, x, y }: Point): boolean {
  return Number.isFinite(atMs + x + y)
}

function octet(value: number): number {
  return value >= 0 ? Math.min(Math.round(value), OCTET_MAX) : 0
}

function touchReport(touch: Touch, atMs: number): Report {
  const { clientX: x, clientY: y, radiusX = 0, radiusY = 0, force = 0 } = touch
  return { atMs, x, y, size: radiusX + radiusY, pressure: force }
}

function penReport(event: PointerEvent): Report {
  const { width, height, pressure } = event
  return { ...pointOf(event), size: (width + height) / 2, pressure }
}
