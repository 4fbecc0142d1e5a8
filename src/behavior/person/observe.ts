/**
 * Batches of a page -> observations: windows of free text, passwords, windows of movements (`movements.ts`). One per
 * session. What the
 * page says is missing (a paste, an input method, a clock that jumped) begins anew and is evidence of nothing.
 *
 * @module
 */
import type { BehaviorBatch, BehaviorRecord } from '../../wire/behavior-batch.ts'
import type { TimingKind } from '../biometrics/typing-profile.ts'
import { FixedText, fixedKinds } from './fixed-text.ts'
import { FREE_TEXT_KINDS, FreeText, freeTextContext } from './free-text.ts'
import { Movements } from './movements.ts'
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
      /** Rows of `movementFeatures(context)`. */
      readonly actions: readonly Float64Array[]
    }

export interface Observed {
  readonly observations: readonly Observation[]
  /** All keys, for what looks at them one by one. */
  readonly strokes: readonly Stroke[]
}

export class Observer {
  readonly #free = new FreeText()
  readonly #fixed = new FixedText()
  readonly #movements = new Movements()
  #page = 0

  /** @param page the number of the page load: clocks of different ones do not compare */
  take(batch: BehaviorBatch, page: number): Observed {
    if (page !== this.#page) {
      this.#break()
      this.#movements.break()
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
      } else this.#movements.add(record)
    }
    const entry = this.#fixed.end()
    if (entry !== undefined) observations.push(passwordOf(entry, batch))
    for (const { context, actions } of this.#movements.take(batch.context.device)) {
      observations.push({ kind: 'pointer', context, actions })
    }
    return { observations, strokes }
  }

  #key(stroke: Stroke, batch: BehaviorBatch, observations: Observation[]): void {
    const entry = this.#fixed.add(stroke)
    if (entry !== undefined) observations.push(passwordOf(entry, batch))
    const row = this.#free.add(stroke)
    if (row === undefined) return
    const context = freeTextContext(batch.context)
    observations.push({ kind: 'typing', context, kinds: FREE_TEXT_KINDS, row })
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
