/**
 * Free text -> observations for a typing profile: of each window of {@link WINDOW_STROKES} letters and spaces the quartiles
 * of how long keys are held, and of how they follow one another, by the classes of both. Which letters they are is not
 * known, so a window must be long enough that they even out.
 *
 * What is missing stays missing: a pause, a paste, another field begins anew and makes no pair.
 *
 * @module
 */
import type { BehaviorContext } from '../../wire/behavior-batch.ts'
import type { TimingKind } from '../biometrics/typing-profile.ts'
import type { Stroke } from './stroke.ts'

/** Letters and spaces of one observation: some seven words. */
export const WINDOW_STROKES = 40

interface Column {
  readonly kind: TimingKind
  /** Class of the key, or of both: `letter space` is a space behind a letter. */
  readonly of: string
  readonly share: number
}

/** Pairs that every text has. The middle half of the commonest, the median of the others. */
const COLUMNS: readonly Column[] = [
  ...quartiles('hold', 'letter'),
  { kind: 'hold', of: 'space', share: 0.5 },
  ...(['press-press', 'release-press'] as const).flatMap((kind): Column[] => [
    ...quartiles(kind, 'letter letter'),
    { kind, of: 'letter space', share: 0.5 },
    { kind, of: 'space letter', share: 0.5 },
  ]),
]

/** As `openProfile` wants them. */
export const FREE_TEXT_KINDS: readonly TimingKind[] = COLUMNS.map(({ kind }) => kind)

function quartiles(kind: TimingKind, of: string): Column[] {
  return [0.25, 0.5, 0.75].map((share) => ({ kind, of, share }))
}

/** What profiles of free text are kept under. */
export function freeTextContext({ device, keyboard }: BehaviorContext): string {
  return `${FREE_TEXT} ${device} ${keyboard}`
}

export function isFreeText(context: string): boolean {
  return context.startsWith(`${FREE_TEXT} `)
}

const FREE_TEXT = 'text'

/** Who rests so long between two keys thinks of something else. */
const PAUSE_S = 2
/** Fewer have no quantile. */
const CELL_MIN = 4

export class FreeText {
  #last: Stroke | undefined
  #count = 0
  #cells = new Map<string, number[]>()

  /** A row of {@link FREE_TEXT_KINDS}, seconds, NaN is missing, when this stroke completes a window. */
  add(stroke: Stroke): Float64Array | undefined {
    const { keyClass, holdS, atS, field } = stroke
    const last = this.#last
    const isText = keyClass === 'letter' || keyClass === 'space'
    this.#last = isText ? stroke : undefined
    if (!isText) return undefined
    this.#note(`hold ${keyClass}`, holdS)
    const gapS = last === undefined ? Number.NaN : atS - last.atS
    if (last !== undefined && last.field === field && gapS >= 0 && gapS <= PAUSE_S) {
      const pair = `${last.keyClass} ${keyClass}`
      this.#note(`press-press ${pair}`, gapS)
      this.#note(`release-press ${pair}`, gapS - last.holdS)
    }
    if (++this.#count < WINDOW_STROKES) return undefined
    const row = Float64Array.from(COLUMNS, ({ kind, of, share }) =>
      quantile(this.#cells.get(`${kind} ${of}`) ?? [], share),
    )
    this.#count = 0
    this.#cells = new Map()
    return row
  }

  /** What follows does not follow on what was. */
  break(): void {
    this.#last = undefined
  }

  #note(cell: string, valueS: number): void {
    if (!Number.isFinite(valueS)) return
    const values = this.#cells.get(cell)
    if (values === undefined) this.#cells.set(cell, [valueS])
    else values.push(valueS)
  }
}

/** Between the two nearest linearly; NaN of too few. Sorts them. */
function quantile(values: number[], share: number): number {
  if (values.length < CELL_MIN) return Number.NaN
  values.sort((a, b) => a - b)
  const rank = share * (values.length - 1)
  const low = values[Math.floor(rank)] ?? Number.NaN
  return low + (rank - Math.floor(rank)) * ((values[Math.ceil(rank)] ?? low) - low)
}
