/**
 * The last values of a series, in the order they came in, and how unlike them a new one is: in the same hour of other days,
 * and in the shape of its last {@link SHAPE} values. Both are distances to the k-th nearest neighbour.
 *
 * @module
 */
import { keepSmallest } from '../../math/keep-smallest.ts'

export interface Past {
  /** The newest last. Places not yet filled hold the first value. */
  readonly values: Float64Array
  /** When they were, milliseconds since the epoch. */
  readonly times: Float64Array
  /** By lag: squared distance of the newest shape to the one that many values before. */
  readonly shapes: Float64Array
  count: number
}

/** A week of five-minute values. In NAB 4096 score 0.7 points more at twice the cost, 1024 two points less. */
export const PAST = 2048
/** Two hours of five-minute values. In NAB 24 to 48 are level, 18 scores two points less. */
export const SHAPE = 24
/** Neighbours: the 5th nearest shape, the 3rd nearest value. The 3rd to 9th nearest shape and the 3rd to 5th nearest value are level, nearer ones worse. */
const SHAPE_NEIGHBOUR = 5
const VALUE_NEIGHBOUR = 3
/** The same hour: up to an hour sooner or later. Two hours are level, half an hour is three points worse. */
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

export function startPast(): Past {
  return {
    values: new Float64Array(PAST),
    times: new Float64Array(PAST),
    shapes: new Float64Array(PAST),
    count: 0,
  }
}

/** Distance to the 3rd nearest value in the same hour of other days; undefined while there are not three. */
export function hourDistance(past: Past, value: number, at: number): number | undefined {
  const nearest = new Float64Array(VALUE_NEIGHBOUR).fill(Number.POSITIVE_INFINITY)
  let farthest = Number.POSITIVE_INFINITY
  for (let i = PAST - Math.min(past.count, PAST); i < PAST; i++) {
    const distance = Math.abs(value - (past.values[i] ?? 0))
    if (distance < farthest && isSameHour(past.times[i] ?? 0, at))
      farthest = keepSmallest(nearest, distance)
  }
  return farthest < Number.POSITIVE_INFINITY ? farthest : undefined
}

/** The same hour of another day, before or after: nothing here needs a clock that only goes forward. */
function isSameHour(time: number, at: number): boolean {
  const gap = Math.abs(at - time)
  if (gap < DAY_MS / 2) return false
  // Ten times as fast as %.
  const rest = gap - DAY_MS * Math.floor(gap / DAY_MS)
  return rest <= HOUR_MS || rest >= DAY_MS - HOUR_MS
}

/**
 * Takes in the next value. A squared distance slides: what enters is added, what leaves is taken away, so a step costs one
 * pass over the past and not {@link SHAPE} of them.
 */
export function remember(past: Past, value: number, at: number): void {
  const { values, times, shapes } = past
  if (past.count === 0) values.fill(value)
  const leaving = values[PAST - SHAPE] ?? 0
  values.copyWithin(0, 1)
  values[PAST - 1] = value
  times.copyWithin(0, 1)
  times[PAST - 1] = at
  past.count++
  for (let lag = 1; lag < PAST - SHAPE; lag++) {
    const entered = value - (values[PAST - 1 - lag] ?? 0)
    const left = leaving - (values[PAST - 1 - SHAPE - lag] ?? 0)
    shapes[lag] = Math.max(0, (shapes[lag] ?? 0) + entered * entered - left * left)
  }
  // One sum after the other is taken anew, so that what rounding did to it does not stay.
  const lag = 1 + (past.count % (PAST - SHAPE - 1))
  shapes[lag] = shapeDistanceSquared(values, lag)
}

function shapeDistanceSquared(values: Float64Array, lag: number): number {
  let sum = 0
  for (let i = PAST - SHAPE; i < PAST; i++) {
    const distance = (values[i] ?? 0) - (values[i - lag] ?? 0)
    sum += distance * distance
  }
  return sum
}

/** Distance of the newest shape to the 5th nearest that does not overlap it; undefined while there are not five. */
export function shapeDistance({ shapes, count }: Past): number | undefined {
  const lags = Math.min(count - SHAPE, PAST - SHAPE - 1)
  if (lags < SHAPE + SHAPE_NEIGHBOUR) return undefined
  const nearest = new Float64Array(SHAPE_NEIGHBOUR).fill(Number.POSITIVE_INFINITY)
  let farthest = Number.POSITIVE_INFINITY
  for (let lag = SHAPE; lag <= lags; lag++) {
    const squared = shapes[lag] ?? 0
    if (squared < farthest) farthest = keepSmallest(nearest, squared)
  }
  return Math.sqrt(farthest)
}
