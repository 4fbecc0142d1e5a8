/**
 * One contact of a finger or a pen as features: how fast, how hard, how large, how long, how straight, with how many fingers (after
 * Frank, Biedert, Ma, Martinovic, Song, 2013, "Touchalytics"). Where on the screen is not known. Units: CSS pixels,
 * seconds, radians; NaN is missing.
 *
 * @module
 */
import { CONTACT_STEP_MS, type ContactRecord } from '../../wire/behavior-batch.ts'

export const CONTACT_FEATURES = [
  ...['duration', 'before', 'size', 'pressure', 'fingers', 'length', 'distance', 'straightness'],
  ...['direction x', 'direction y', 'speed mean', 'speed max', 'speed first', 'speed last'],
  ...['fastest at', 'rest', 'widest off'],
] as const

/** After that the person was doing something else. */
const BEFORE_MAX_S = 5
/** Shorter is a tap: it has no direction. A finger is some ten pixels wide. */
const SWIPE_MIN = 10
/** Values of the wire for what the device does not tell. */
const UNTOLD = 0
const MS_PER_S = 1000
const STEP_S = CONTACT_STEP_MS / MS_PER_S

/** @param endedMs when the contact before ended; NaN where there was none */
export function contactFeatures(contact: ContactRecord, endedMs: number): Float64Array {
  const { atMs, size, pressure, fingers, steps, restMs } = contact
  const lengths = steps.map(({ dx, dy }) => Math.hypot(dx, dy))
  const length = lengths.reduce((sum, value) => sum + value, 0)
  const [x, y] = steps.reduce(([toX, toY], { dx, dy }) => [toX + dx, toY + dy], [0, 0])
  const distance = Math.hypot(x, y)
  const isSwipe = distance >= SWIPE_MIN
  const ofSwipe = (value: number | undefined) => (isSwipe ? (value ?? Number.NaN) : Number.NaN)
  const fastest = lengths.reduce((most, value) => Math.max(most, value), 0)
  const beforeS = (atMs - endedMs) / MS_PER_S
  const features = Float64Array.of(
    contactEndMs(contact) / MS_PER_S - atMs / MS_PER_S,
    // Two fingers at once overlap: that is no pause.
    beforeS >= 0 && beforeS < BEFORE_MAX_S ? beforeS : Number.NaN,
    size === UNTOLD ? Number.NaN : size,
    pressure === UNTOLD ? Number.NaN : pressure,
    fingers,
    ...[ofSwipe(length), ofSwipe(distance), ofSwipe(distance / length)],
    ...[ofSwipe(x / distance), ofSwipe(y / distance)],
    ofSwipe(length / steps.length / STEP_S),
    ofSwipe(fastest / STEP_S),
    ofSwipe((lengths[0] ?? Number.NaN) / STEP_S),
    ofSwipe((lengths.at(-1) ?? Number.NaN) / STEP_S),
    ofSwipe(lengths.indexOf(fastest) / lengths.length),
    ofSwipe(restMs / MS_PER_S),
    ofSwipe(widestOff(contact, x, y, distance)),
  )
  return features.map((value) => Number(value.toPrecision(DIGITS)))
}

/** More is rounding of sums (`pointer-features.ts`). */
const DIGITS = 5

/** When it left the surface, milliseconds of the page. */
export function contactEndMs({ atMs, steps, restMs }: ContactRecord): number {
  return atMs + steps.length * CONTACT_STEP_MS + restMs
}

/** From the straight line between its ends, over their distance: by the cross product. */
function widestOff({ steps }: ContactRecord, x: number, y: number, distance: number): number {
  let [atX, atY, widest] = [0, 0, 0]
  for (const { dx, dy } of steps) {
    atX += dx
    atY += dy
    widest = Math.max(widest, Math.abs(atX * y - atY * x))
  }
  return widest / distance / distance
}
