/**
 * k-means clustering (Lloyd, 1982), begun as k-means++ says (Arthur, Vassilvitskii, 2007): centres are drawn far from one
 * another. The best of several runs.
 *
 * @module
 */
import type { Random } from '../ground/random.ts'

/** Runs from different starts, of which the tightest is kept: five, as is usual. */
const RUNS = 5
/** Rounds of one run; it ends long before, when nothing moves. */
const ROUNDS_MAX = 50

/**
 * @param points all of one length
 * @param clusters how many at most: fewer points than that make a cluster each
 * @returns for each point the number of its cluster, below `clusters`
 */
export function clusterPoints(
  points: readonly Float64Array[],
  clusters: number,
  random: Random,
): number[] {
  let best: Run = { labels: points.map(() => 0), cost: Number.POSITIVE_INFINITY }
  for (let i = 0; i < RUNS; i++) {
    const run = settle(points, drawCentres(points, clusters, random))
    if (run.cost < best.cost) best = run
  }
  return best.labels
}

interface Run {
  readonly labels: number[]
  /** Sum of squared distances to the centres. */
  readonly cost: number
}

function drawCentres(
  points: readonly Float64Array[],
  clusters: number,
  random: Random,
): Float64Array[] {
  const first = points[Math.floor(random.fraction() * points.length)]
  const centres = first === undefined ? [] : [first.slice()]
  while (centres.length < Math.min(clusters, points.length)) {
    const distances = points.map((point) => nearest(point, centres).distance)
    let left = random.fraction() * distances.reduce((sum, distance) => sum + distance, 0)
    const at = distances.findIndex((distance) => {
      left -= distance
      return left < 0
    })
    const chosen = points[at < 0 ? 0 : at]
    if (chosen !== undefined) centres.push(chosen.slice())
  }
  return centres
}

function settle(points: readonly Float64Array[], centres: Float64Array[]): Run {
  let labels: number[] = []
  let cost = 0
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const found = points.map((point) => nearest(point, centres))
    const moved = found.some(({ at }, i) => at !== labels[i])
    labels = found.map(({ at }) => at)
    cost = found.reduce((sum, { distance }) => sum + distance, 0)
    if (!moved) break
    for (const [k, centre] of centres.entries()) {
      const members = points.filter((_, i) => labels[i] === k)
      if (members.length > 0) centre.set(meanOf(members))
    }
  }
  return { labels, cost }
}

function nearest(point: Float64Array, centres: readonly Float64Array[]) {
  let at = 0
  let distance = Number.POSITIVE_INFINITY
  for (const [k, centre] of centres.entries()) {
    let sum = 0
    for (let j = 0; j < point.length; j++) sum += ((point[j] ?? 0) - (centre[j] ?? 0)) ** 2
    if (sum < distance) {
      distance = sum
      at = k
    }
  }
  return { at, distance }
}

function meanOf(points: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(points[0]?.length ?? 0)
  for (const point of points) {
    for (const [j, x] of point.entries()) mean[j] = (mean[j] ?? 0) + x / points.length
  }
  return mean
}
