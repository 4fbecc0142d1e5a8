/**
 * Batches of a page -> observations: windows of free text, passwords, windows of pointer actions. One per session. What the
 * page says is missing (a paste, an input method, a clock that jumped) begins anew and is evidence of nothing.
 *
 * Not here: touch and scrolling, which no model is made of yet.
 *
 * @module
 */
import type { BehaviorBatch, BehaviorRecord } from '../../wire/behavior-batch.ts'
import { PATH_STEP_MS } from '../../wire/behavior-batch.ts'
import { type PointerEvent, readActions } from '../biometrics/pointer-actions.ts'
import type { TimingKind } from '../biometrics/typing-profile.ts'
import { FixedText, fixedKinds } from './fixed-text.ts'
import { FREE_TEXT_KINDS, FreeText } from './free-text.ts'
import type { Stroke } from './stroke.ts'

export type Observation =
  | {
      readonly kind: 'typing'
      /** What profiles are kept apart by. */
      readonly context: string
      readonly kinds: readonly TimingKind[]
      /** Seconds, NaN is missing. */
      readonly row: Float64Array
    }
  | {
      readonly kind: 'pointer'
      readonly context: string
      /** Rows of `POINTER_FEATURES`. */
      readonly actions: readonly Float64Array[]
    }

/** Of one pointer observation: half a minute of work. */
export const WINDOW_ACTIONS = 20
/** Ten minutes without a pause, at 10 points a second. */
const POINTER_EVENTS_MAX = 6000

export interface Observed {
  readonly observations: readonly Observation[]
  /** All keys, for what looks at them one by one. */
  readonly strokes: readonly Stroke[]
}

export class Observer {
  readonly #free = new FreeText()
  readonly #fixed = new FixedText()
  #page = 0
  #pointer: PointerEvent[] = []
  #x = 0
  #y = 0

  /** @param page the number of the page load: clocks of different ones do not compare */
  take(batch: BehaviorBatch, page: number): Observed {
    if (page !== this.#page) {
      this.#break()
      this.#pointer = []
      this.#page = page
    }
    const observations: Observation[] = []
    const strokes: Stroke[] = []
    for (const record of batch.records) {
      if (record.kind === 'key') {
        const stroke = strokeOf(record)
        strokes.push(stroke)
        this.#key(stroke, batch, observations)
      } else if (record.kind === 'mark') {
        if (record.mark !== 'keyboard-only' && record.mark !== 'assistive') this.#break()
      } else this.#move(record)
    }
    const entry = this.#fixed.end()
    if (entry !== undefined) observations.push(passwordOf(entry, batch))
    const actions = this.#actions()
    if (actions !== undefined) {
      observations.push({ kind: 'pointer', context: `mouse ${batch.context.device}`, actions })
    }
    return { observations, strokes }
  }

  #key(stroke: Stroke, batch: BehaviorBatch, observations: Observation[]): void {
    const entry = this.#fixed.add(stroke)
    if (entry !== undefined) observations.push(passwordOf(entry, batch))
    const row = this.#free.add(stroke)
    if (row === undefined) return
    const { device, keyboard } = batch.context
    const context = `text ${device} ${keyboard}`
    observations.push({ kind: 'typing', context, kinds: FREE_TEXT_KINDS, row })
  }

  #move(record: Exclude<BehaviorRecord, { readonly kind: 'key' | 'mark' }>): void {
    if (record.kind === 'scroll' || record.kind === 'contact') return
    const { atMs, dx, dy } = record
    this.#point(atMs, dx, dy, record.kind === 'path' ? 'move' : record.kind)
    if (record.kind !== 'path') return
    for (const [i, step] of record.steps.entries()) {
      this.#point(atMs + (i + 1) * PATH_STEP_MS, step.dx, step.dy, 'move')
    }
  }

  #point(atMs: number, dx: number, dy: number, kind: PointerEvent['kind']): void {
    this.#x += dx
    this.#y += dy
    if (this.#pointer.length >= POINTER_EVENTS_MAX) this.#pointer = []
    this.#pointer.push({ timeS: atMs / 1000, x: this.#x, y: this.#y, kind })
  }

  /** A window of actions, when there is one: all but the last, which may go on. */
  #actions(): Float64Array[] | undefined {
    const actions = readActions(this.#pointer)
    if (actions.length <= WINDOW_ACTIONS) return undefined
    this.#pointer = []
    return actions.slice(0, -1)
  }

  #break(): void {
    this.#free.break()
    this.#fixed.break()
  }
}

function strokeOf(record: Extract<BehaviorRecord, { readonly kind: 'key' }>): Stroke {
  const { atMs, holdMs, field } = record
  const holdS = holdMs === undefined ? Number.NaN : holdMs / 1000
  return { atS: atMs / 1000, holdS, keyClass: record.class, field }
}

/** A password is known by where it is typed and how long it is. */
function passwordOf(
  {
    field,
    keys,
    row,
  }: { readonly field: number; readonly keys: number; readonly row: Float64Array },
  { place, context: { keyboard } }: BehaviorBatch,
): Observation {
  const context = `password ${place}/${field}/${keys} ${keyboard}`
  return { kind: 'typing', context, kinds: fixedKinds(keys), row }
}
