/**
 * A password -> an observation for a typing profile: all its keys in order, as Killourhy and Maxion (2009) have them: each
 * one's hold, and from each to the next press-press and release-press. Of a password not even the classes of its keys are
 * told; that it is always the same is all that is needed.
 *
 * @module
 */
import type { TimingKind } from '../biometrics/typing-profile.ts'
import type { Stroke } from './stroke.ts'

/** What is typed into one field from its first key to its last. */
export interface FixedEntry {
  readonly field: number
  readonly keys: number
  /** A row of {@link fixedKinds}, seconds, NaN is missing. */
  readonly row: Float64Array
}

/** Columns of an entry of so many keys. */
export function fixedKinds(keys: number): TimingKind[] {
  const kinds: TimingKind[] = ['hold']
  for (let i = 1; i < keys; i++) kinds.push('press-press', 'release-press', 'hold')
  return kinds
}

/** Fewer have no rhythm; more are a text. */
export const FIXED_KEYS_MIN = 5
export const FIXED_KEYS_MAX = 64
/** Who rests so long has begun anew, or gone. */
const PAUSE_S = 5

export class FixedText {
  #strokes: Stroke[] = []

  /** An entry, when this stroke shows that the one before was its last. */
  add(stroke: Stroke): FixedEntry | undefined {
    const last = this.#strokes.at(-1)
    const isHidden = stroke.keyClass === 'hidden'
    const goesOn =
      isHidden &&
      last !== undefined &&
      last.field === stroke.field &&
      stroke.atS >= last.atS &&
      stroke.atS - last.atS <= PAUSE_S
    const entry = goesOn ? undefined : this.end()
    if (isHidden && this.#strokes.length <= FIXED_KEYS_MAX) this.#strokes.push(stroke)
    return entry
  }

  /** Nothing more comes: the entry there is, if it is one. */
  end(): FixedEntry | undefined {
    const strokes = this.#strokes
    this.#strokes = []
    const [first] = strokes
    if (first === undefined) return undefined
    if (strokes.length < FIXED_KEYS_MIN || strokes.length > FIXED_KEYS_MAX) return undefined
    const row: number[] = []
    let last: Stroke | undefined
    for (const stroke of strokes) {
      if (last !== undefined) {
        const gapS = stroke.atS - last.atS
        row.push(gapS, gapS - last.holdS)
      }
      row.push(stroke.holdS)
      last = stroke
    }
    return { field: first.field, keys: strokes.length, row: Float64Array.from(row) }
  }

  /** Some of it is missing: none of it counts. */
  break(): void {
    this.#strokes = []
  }
}
