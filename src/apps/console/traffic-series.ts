/**
 * The last minutes of traffic, one point a second, and the columns a chart draws from them.
 * Pure: the page feeds it, the chart reads it.
 *
 * @module
 */
import type { TrafficPoint } from './api/views.ts'

/** Ten minutes: as much as the server keeps. */
export const POINTS_MAX = 600
/** Points further apart than this are not joined by a line: the stream was cut. */
export const GAP_MS = 3500
const MINUTE_MS = 60_000

/** One line of a chart: seconds since the epoch, and a value or `null` where there is none. */
export type Column = (number | null)[]

/** The newest points in order of time; one that is not newer than the last is dropped. */
export function appendPoint(
  points: readonly TrafficPoint[],
  point: TrafficPoint,
  max = POINTS_MAX,
): readonly TrafficPoint[] {
  const last = points.at(-1)
  if (last !== undefined && point.at <= last.at) return points
  return [...points.slice(Math.max(0, points.length + 1 - max)), point]
}

/** History as the API gave it, in order of time whatever it was, with what is already known after it. */
export function joinHistory(
  history: readonly TrafficPoint[],
  known: readonly TrafficPoint[],
  max = POINTS_MAX,
): readonly TrafficPoint[] {
  const byTime = new Map<number, TrafficPoint>()
  for (const point of [...history, ...known]) byTime.set(point.at, point)
  return [...byTime.values()].sort((one, other) => one.at - other.at).slice(-max)
}

/** The points of the last `spanMs` before the newest. */
export function lastPoints(
  points: readonly TrafficPoint[],
  spanMs: number,
): readonly TrafficPoint[] {
  const last = points.at(-1)
  return last === undefined ? [] : points.filter((point) => point.at > last.at - spanMs)
}

/** The time column in seconds, then one column per `pick`; a gap becomes a `null` in each line. */
export function columnsOf(
  points: readonly TrafficPoint[],
  picks: readonly ((point: TrafficPoint) => number | null)[],
): [number[], ...Column[]] {
  const times: number[] = []
  const lines: Column[] = picks.map(() => [])
  let previous: number | undefined
  for (const point of points) {
    if (previous !== undefined && point.at - previous > GAP_MS) {
      times.push((previous + 1000) / 1000)
      for (const line of lines) line.push(null)
    }
    times.push(point.at / 1000)
    for (const [index, pick] of picks.entries()) lines[index]?.push(pick(point))
    previous = point.at
  }
  return [times, ...lines]
}

/** Of each point, by its time: the sum of `pick` over the minute that ends with it. */
export function lastMinuteOf(
  points: readonly TrafficPoint[],
  pick: (point: TrafficPoint) => number,
): ReadonlyMap<number, number> {
  const sums = new Map<number, number>()
  let [sum, first] = [0, 0]
  for (const point of points) {
    sum += pick(point)
    for (let old = points[first]; old && old.at <= point.at - MINUTE_MS; old = points[++first]) {
      sum -= pick(old)
    }
    sums.set(point.at, sum)
  }
  return sums
}

/** Upper end of an axis for values up to `max`, never below `least`; half of it is a round number too. */
export function niceCeiling(max: number, least: number): number {
  const target = Math.max(max, least)
  const power = 10 ** Math.floor(Math.log10(target))
  const step = [1, 2, 4, 6, 8, 10].find((factor) => factor * power >= target) ?? 10
  return step * power
}

/** Answers per second, all classes. */
export function responsesOf(point: TrafficPoint): number {
  return point.responses.reduce<number>((sum, count) => sum + (count ?? 0), 0)
}

/** Latency of a second without a single answer is not zero but unknown. */
export function latencyOf(point: TrafficPoint, value: number): number | null {
  return responsesOf(point) > 0 && value > 0 ? value : null
}
