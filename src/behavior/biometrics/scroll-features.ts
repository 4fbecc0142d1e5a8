/**
 * Scrolling -> actions: what was scrolled without a pause, as features of how far, how fast, how long, how often it turned, and how
 * long the person looked before. Units: CSS pixels, seconds; NaN is missing.
 *
 * How a wheel or a pad cuts a movement into notches is the device's, so speeds are over 100 ms at least: what the page tells
 * is already summed over that.
 *
 * @module
 */
import type { ScrollRecord } from '../../wire/behavior-batch.ts'

export const SCROLL_FEATURES = [
  ...['distance', 'direction', 'sideways', 'duration', 'speed mean', 'speed max', 'speed first'],
  ...['speed last', 'fastest at', 'turns', 'before'],
] as const

/** A hand that lifts its finger and pulls on takes some 0.2 s; who rests for so long reads. */
const PAUSE_MS = 500
/** What one record sums up (`behavior-batch.ts`). */
const RECORD_MS = 100
const MS_PER_S = 1000
/** After that the person was doing something else. */
const BEFORE_MAX_S = 60
/** A hundred seconds without a pause. */
const RECORDS_MAX = 1000

export class ScrollActions {
  #records: ScrollRecord[] = []
  /** When the action before ended. */
  #endedMs = Number.NaN

  /** The row of {@link SCROLL_FEATURES} of what this record shows to be over, if anything. */
  add(record: ScrollRecord): Float64Array | undefined {
    const last = this.#records.at(-1)
    const gapMs = last === undefined ? 0 : record.atMs - last.atMs - RECORD_MS
    const isOver = gapMs < -RECORD_MS || gapMs > PAUSE_MS || this.#records.length >= RECORDS_MAX
    const row = isOver ? this.#end() : undefined
    this.#records.push(record)
    return row
  }

  /** What follows does not follow on what was. */
  break(): void {
    this.#records = []
    this.#endedMs = Number.NaN
  }

  #end(): Float64Array | undefined {
    const records = this.#records
    this.#records = []
    const [first, last] = [records[0], records.at(-1)]
    if (first === undefined || last === undefined) return undefined
    const row = scrollFeatures(records, (first.atMs - this.#endedMs) / MS_PER_S)
    this.#endedMs = last.atMs + RECORD_MS
    return row
  }
}

function scrollFeatures(records: readonly ScrollRecord[], beforeS: number): Float64Array {
  const speeds = records.map(({ dx, dy }) => Math.hypot(dx, dy) / (RECORD_MS / MS_PER_S))
  const distance = records.reduce((sum, { dx, dy }) => sum + Math.hypot(dx, dy), 0)
  const [x, y] = records.reduce(([toX, toY], { dx, dy }) => [toX + dx, toY + dy], [0, 0])
  const [firstMs, lastMs] = [records[0]?.atMs ?? 0, records.at(-1)?.atMs ?? 0]
  const durationS = (lastMs - firstMs + RECORD_MS) / MS_PER_S
  const fastest = speeds.reduce((most, value) => Math.max(most, value), 0)
  const turns = records.filter(({ dy }, i) => dy * (records[i - 1]?.dy ?? 0) < 0).length
  const features = Float64Array.of(
    distance,
    y / distance,
    Math.abs(x) / distance,
    durationS,
    distance / durationS,
    fastest,
    speeds[0] ?? Number.NaN,
    speeds.at(-1) ?? Number.NaN,
    // One record has no first and no last.
    records.length > 1 ? speeds.indexOf(fastest) / (speeds.length - 1) : Number.NaN,
    turns / records.length,
    beforeS >= 0 && beforeS < BEFORE_MAX_S ? beforeS : Number.NaN,
  )
  return features.map((value) => Number(value.toPrecision(DIGITS)))
}

/** More is rounding of sums (`pointer-features.ts`). */
const DIGITS = 5
