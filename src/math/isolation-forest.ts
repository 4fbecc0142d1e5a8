/**
 * Isolation forest: Liu, Ting, Zhou, "Isolation Forest", ICDM 2008. What is different is separated from the rest
 * by few random cuts. Plain JSON data: a forest can be trained in another thread and stored.
 *
 * @module
 */
import type { Random } from '../ground/random.ts'

export interface IsolationForestOptions {
  /** Trees; path lengths settle well before 100 (section 4.1 of the paper). */
  readonly trees: number
  /** Points drawn for each tree (section 4.1: 256 is enough for a wide range of data). */
  readonly sampleSize: number
}

export const ISOLATION_FOREST_DEFAULTS: IsolationForestOptions = { trees: 100, sampleSize: 256 }

/**
 * A tree as one list of numbers, four per node: feature (-1 in a leaf), value to compare with (in a leaf: points
 * that ended there), index of the child for smaller values, index of the other.
 */
export type IsolationTree = readonly number[]

export interface IsolationForest {
  readonly dimensions: number
  readonly sampleSize: number
  readonly trees: readonly IsolationTree[]
}

const NODE = 4
const LEAF = -1

/** Trains a forest. Samples must all be of one length, finite, and at least two. */
export function trainIsolationForest(
  samples: readonly (readonly number[])[],
  options: IsolationForestOptions,
  random: Random,
): IsolationForest {
  const dimensions = samples[0]?.length ?? 0
  if (samples.length < 2 || dimensions === 0) throw new RangeError('needs at least two samples')
  if (samples.some((sample) => sample.length !== dimensions || !sample.every(Number.isFinite))) {
    throw new RangeError('samples must be of one length and finite')
  }
  const sampleSize = Math.min(options.sampleSize, samples.length)
  const depthMax = Math.ceil(Math.log2(Math.max(2, sampleSize)))
  const trees = Array.from({ length: options.trees }, () => {
    const tree: number[] = []
    grow(tree, draw(samples, sampleSize, random), depthMax, random)
    return tree
  })
  return { dimensions, sampleSize, trees }
}

/** Draws `count` of them without replacement (a partial Fisher-Yates shuffle). */
function draw<T>(from: readonly T[], count: number, random: Random): T[] {
  const pool = [...from]
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random.fraction() * (pool.length - i))
    const kept = pool[i] as T
    pool[i] = pool[j] as T
    pool[j] = kept
  }
  return pool.slice(0, count)
}

function grow(
  tree: number[],
  points: readonly (readonly number[])[],
  depthLeft: number,
  random: Random,
): number {
  const at = tree.length
  tree.push(LEAF, points.length, 0, 0)
  if (depthLeft === 0 || points.length < 2) return at
  const spread = spreadFeatures(points)
  const feature = spread[Math.floor(random.fraction() * spread.length)]
  if (feature === undefined) return at
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const point of points) {
    const value = point[feature] ?? 0
    if (value < low) low = value
    if (value > high) high = value
  }
  // In (low, high]: so both sides hold at least one point.
  const cut = high - random.fraction() * (high - low)
  tree[at] = feature
  tree[at + 1] = cut
  tree[at + 2] = grow(
    tree,
    points.filter((point) => (point[feature] ?? 0) < cut),
    depthLeft - 1,
    random,
  )
  tree[at + 3] = grow(
    tree,
    points.filter((point) => (point[feature] ?? 0) >= cut),
    depthLeft - 1,
    random,
  )
  return at
}

/** Features in which the points differ: the others cannot be cut. */
function spreadFeatures(points: readonly (readonly number[])[]): number[] {
  const first = points[0] ?? []
  return first.flatMap((value, feature) =>
    points.some((point) => point[feature] !== value) ? [feature] : [],
  )
}

/** Is this a forest? For what comes out of storage: its trees may still be anything, and are walked as such. */
export function isIsolationForest(value: unknown): value is IsolationForest {
  if (typeof value !== 'object' || value === null) return false
  const { dimensions, sampleSize, trees } = value as Partial<Record<keyof IsolationForest, unknown>>
  return (
    Object.keys(value).length === 3 &&
    Number.isSafeInteger(dimensions) &&
    Number.isSafeInteger(sampleSize) &&
    Array.isArray(trees) &&
    trees.every((tree) => Array.isArray(tree) && tree.every(Number.isFinite))
  )
}

/** The anomaly score of the paper, in (0, 1): 0.5 is ordinary, near 1 is separated at once. */
export function isolationScore(forest: IsolationForest, point: readonly number[]): number {
  let sum = 0
  for (const tree of forest.trees) sum += pathLength(tree, point)
  const mean = sum / Math.max(1, forest.trees.length)
  return 2 ** (-mean / Math.max(1, averagePath(forest.sampleSize)))
}

function pathLength(tree: IsolationTree, point: readonly number[]): number {
  let at = 0
  for (let depth = 0; ; depth++) {
    const feature = tree[at] ?? LEAF
    const value = tree[at + 1] ?? 0
    if (feature === LEAF) return depth + averagePath(value)
    at = (point[feature] ?? 0) < value ? (tree[at + 2] ?? 0) : (tree[at + 3] ?? 0)
    // A tree that came out of a file may be anything: never walk in circles.
    if (depth * NODE > tree.length) return depth
  }
}

const EULER = 0.5772156649015329

/** Mean path of an unsuccessful search in a binary search tree of n points: c(n) of the paper. */
export function averagePath(n: number): number {
  if (n <= 1) return 0
  if (n === 2) return 1
  return 2 * (Math.log(n - 1) + EULER) - (2 * (n - 1)) / n
}
