/**
 * Gradient boosting of shallow trees (Friedman, 2001, with second-order leaves: Chen and Guestrin, 2016), on values cut
 * into quantile bins: for a yes or no, whose answer is the logarithm of the odds, or for a number with least absolute error.
 *
 * What is missing (NaN) is no evidence: a row stops at the first question it cannot answer, and the value of that node
 * stands. Trees are plain arrays of numbers. Chance is passed in; the same draws give the same trees.
 *
 * @module
 */
import { absoluteLoss, type Loss, logisticLoss } from './boosting-loss.ts'

export interface BoostOptions {
  readonly trees: number
  /** Questions in a row, 1 to 8. */
  readonly depth: number
  /** Share of each tree's answer that is taken. */
  readonly rate: number
  /** Weight of rows below which no node is split further. */
  readonly leafWeightMin: number
  /** Added to the second derivatives of a leaf: shrinks small leaves. */
  readonly lambda: number
  /** Share of the rows that a tree looks at. */
  readonly rowShare: number
  /** Share of the columns that a tree looks at; absent: all. */
  readonly columnShare?: number
}

/** Trees as heaps: the children of node i are 2i + 1 (value below the bound) and 2i + 2. */
export interface BoostedTrees {
  readonly depth: number
  /** The answer before any question. */
  readonly base: number
  /** Column asked at each node, tree after tree; -1 at a leaf. */
  readonly columns: Int16Array
  readonly bounds: Float32Array
  /** What the tree adds for a row that ends at the node. */
  readonly values: Float32Array
}

/**
 * @param rows rows of equal length; NaN is missing
 * @param wanted 1 or 0 for each row
 * @param weights of each row, positive
 * @param fraction draws numbers in [0, 1)
 * @throws {RangeError} when there are no rows, or lists of other lengths
 */
export function fitBoostedTrees(
  rows: readonly Float64Array[],
  wanted: Uint8Array,
  weights: Float64Array,
  options: BoostOptions,
  fraction: () => number,
): BoostedTrees {
  return boost(rows, logisticLoss(wanted, weights), [wanted, weights], options, fraction)
}

/**
 * For least absolute error, by reweighting (Schlossmacher, 1973): the answer is near the median of what is like a row.
 *
 * @param rows rows of equal length; NaN is missing
 * @param targets a number for each row
 * @param weights of each row, positive
 * @param errorMin errors below this weigh the same: absolute error is rounded there
 * @param fraction draws numbers in [0, 1)
 * @throws {RangeError} when there are no rows, or lists of other lengths
 */
export function fitBoostedMedians(
  rows: readonly Float64Array[],
  targets: Float64Array,
  weights: Float64Array,
  errorMin: number,
  options: BoostOptions,
  fraction: () => number,
): BoostedTrees {
  const loss = absoluteLoss(targets, weights, errorMin)
  return boost(rows, loss, [targets, weights], options, fraction)
}

function boost(
  rows: readonly Float64Array[],
  loss: Loss,
  lists: readonly { readonly length: number }[],
  options: BoostOptions,
  fraction: () => number,
): BoostedTrees {
  const width = rows[0]?.length ?? 0
  if (width === 0 || lists.some(({ length }) => length !== rows.length)) {
    throw new RangeError(
      'Cannot fit trees: rows, what is wanted and weights must be as many, and not none',
    )
  }
  const edges = Array.from({ length: width }, (_, column) => binEdges(rows, column))
  const task: Task = {
    bins: binRows(rows, edges),
    edges,
    looked: new Uint8Array(width).fill(1),
    loss,
    answers: new Float64Array(rows.length).fill(loss.base),
    gradient: new Float64Array(rows.length),
    hessian: new Float64Array(rows.length),
    drawn: new Int32Array(rows.length),
    aside: new Int32Array(rows.length),
    sums: new Float64Array(2 * (BINS + 1)),
  }
  const nodes = 2 ** (options.depth + 1) - 1
  const trees: BoostedTrees = {
    depth: options.depth,
    base: loss.base,
    columns: new Int16Array(nodes * options.trees).fill(-1),
    bounds: new Float32Array(nodes * options.trees),
    values: new Float32Array(nodes * options.trees),
  }
  for (let tree = 0; tree < options.trees; tree++) {
    growTree(trees, tree * nodes, task, options, fraction)
  }
  return trees
}

/** The answer for one row: the log odds of a yes, or a number. */
export function boostedAnswer(trees: BoostedTrees, row: Float64Array): number {
  const { columns, bounds, values } = trees
  const nodes = 2 ** (trees.depth + 1) - 1
  let sum = trees.base
  for (let root = 0; root < columns.length; root += nodes) {
    let node = 0
    for (;;) {
      const column = columns[root + node] as number
      if (column < 0) break
      const value = row[column] as number
      const bound = bounds[root + node] as number
      if (value < bound) node = 2 * node + 1
      else if (value >= bound) node = 2 * node + 2
      else break
    }
    sum += values[root + node] as number
  }
  return sum
}

/** Fits a byte, with one value left for what is missing. More bins gained nothing on mouse actions. */
const BINS = 32
const MISSING = BINS
/** Rows that the quantiles are taken from. */
const QUANTILE_ROWS_MAX = 4096

interface Task {
  /** Column after column: each is gone through by itself. */
  readonly bins: Uint8Array
  readonly edges: readonly Float64Array[]
  /** 1 for each column that the tree looks at. */
  readonly looked: Uint8Array
  readonly loss: Loss
  readonly answers: Float64Array
  readonly gradient: Float64Array
  readonly hessian: Float64Array
  /** Rows that the tree looks at, those of a node together. */
  readonly drawn: Int32Array
  /** Room to part them. */
  readonly aside: Int32Array
  /** Of both derivatives, for each bin of one column of one node. */
  readonly sums: Float64Array
}

/** Bounds between bins: distinct quantiles, ascending, as exact as trees hold them. */
function binEdges(rows: readonly Float64Array[], column: number): Float64Array {
  const step = Math.max(1, Math.floor(rows.length / QUANTILE_ROWS_MAX))
  const values: number[] = []
  for (let i = 0; i < rows.length; i += step) {
    const value = rows[i]?.[column] ?? Number.NaN
    if (!Number.isNaN(value)) values.push(value)
  }
  values.sort((a, b) => a - b)
  const edges = new Set<number>()
  for (let k = 1; k < BINS; k++) {
    const edge = values[Math.floor((k * values.length) / BINS)]
    // The least value is no bound: nothing lies below it.
    if (edge !== undefined && edge > (values[0] ?? edge)) edges.add(Math.fround(edge))
  }
  return Float64Array.from(edges)
}

function binRows(rows: readonly Float64Array[], edges: readonly Float64Array[]): Uint8Array {
  const width = edges.length
  const bins = new Uint8Array(rows.length * width)
  for (const [i, row] of rows.entries()) {
    for (let column = 0; column < width; column++) {
      bins[column * rows.length + i] = binOf(row[column] ?? Number.NaN, edges[column])
    }
  }
  return bins
}

function binOf(value: number, edges: Float64Array | undefined): number {
  if (Number.isNaN(value) || edges === undefined) return MISSING
  let low = 0
  let high = edges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (value >= (edges[middle] as number)) low = middle + 1
    else high = middle
  }
  return low
}

function growTree(
  trees: BoostedTrees,
  root: number,
  task: Task,
  options: BoostOptions,
  fraction: () => number,
): void {
  const { loss, answers, gradient, hessian, drawn, looked } = task
  const { rowShare, columnShare = 1 } = options
  loss.derive(answers, gradient, hessian)
  if (columnShare < 1) for (const c of looked.keys()) looked[c] = fraction() < columnShare ? 1 : 0
  let count = 0
  for (let i = 0; i < answers.length; i++) {
    if (fraction() < rowShare) drawn[count++] = i
  }
  growNode(trees, { root, at: 0, from: 0, to: count, depth: options.depth }, task, options)
  addTree(trees, root, task)
}

/** A node, and the rows of `drawn` that came to it. */
interface Grown {
  readonly root: number
  readonly at: number
  readonly from: number
  readonly to: number
  /** Questions that may follow. */
  readonly depth: number
}

function growNode(trees: BoostedTrees, node: Grown, task: Task, options: BoostOptions): void {
  const { root, at, from, to, depth } = node
  const { gradient, hessian, drawn } = task
  let [g, h] = [0, 0]
  for (let k = from; k < to; k++) {
    const row = drawn[k] as number
    g += gradient[row] as number
    h += hessian[row] as number
  }
  trees.values[root + at] = (-options.rate * g) / (h + options.lambda)
  // Either side would be too light.
  if (depth === 0 || h < 2 * options.leafWeightMin) return
  const split = bestSplit(task, from, to, options)
  if (split === undefined) return
  const { column, edge } = split
  trees.columns[root + at] = column
  trees.bounds[root + at] = task.edges[column]?.[edge] ?? 0
  const [middle, end] = part(task, from, to, split)
  const child = { root, depth: depth - 1 }
  growNode(trees, { ...child, at: 2 * at + 1, from, to: middle }, task, options)
  growNode(trees, { ...child, at: 2 * at + 2, from: middle, to: end }, task, options)
}

interface Split {
  readonly column: number
  readonly edge: number
}

/** The question that lowers the loss most among the rows that can answer it; undefined when none does. */
function bestSplit(task: Task, from: number, to: number, options: BoostOptions): Split | undefined {
  const { lambda, leafWeightMin } = options
  const { sums, edges, looked } = task
  let best: Split | undefined
  let gainMax = GAIN_MIN
  for (let column = 0; column < edges.length; column++) {
    if (looked[column] === 0) continue
    sumBins(task, column, from, to)
    let [g, h] = [0, 0]
    for (let bin = 0; bin < BINS; bin++) {
      g += sums[2 * bin] as number
      h += sums[2 * bin + 1] as number
    }
    const whole = (g * g) / (h + lambda)
    let [left, leftWeight] = [0, 0]
    for (let edge = 0; edge < (edges[column]?.length ?? 0); edge++) {
      left += sums[2 * edge] as number
      leftWeight += sums[2 * edge + 1] as number
      const rightWeight = h - leftWeight
      if (leftWeight < leafWeightMin || rightWeight < leafWeightMin) continue
      const parts = (left * left) / (leftWeight + lambda) + (g - left) ** 2 / (rightWeight + lambda)
      if (parts - whole > gainMax) {
        gainMax = parts - whole
        best = { column, edge }
      }
    }
  }
  return best
}

/** Less is rounding. */
const GAIN_MIN = 1e-9

/** Both derivatives for each bin of a column, and behind them for what is missing. */
function sumBins(task: Task, column: number, from: number, to: number): void {
  const { sums, gradient, hessian, drawn, answers, bins } = task
  const first = column * answers.length
  sums.fill(0)
  for (let k = from; k < to; k++) {
    const row = drawn[k] as number
    const at = 2 * (bins[first + row] as number)
    sums[at] = (sums[at] as number) + (gradient[row] as number)
    sums[at + 1] = (sums[at + 1] as number) + (hessian[row] as number)
  }
}

/**
 * Rows below the bound in front of the others, each in their order; what cannot answer drops out.
 *
 * @returns where the others begin and end
 */
function part(task: Task, from: number, to: number, { column, edge }: Split): [number, number] {
  const { drawn, aside, bins, answers } = task
  const first = column * answers.length
  let middle = from
  let others = 0
  for (let k = from; k < to; k++) {
    const row = drawn[k] as number
    const bin = bins[first + row] as number
    if (bin <= edge) drawn[middle++] = row
    else if (bin !== MISSING) aside[others++] = row
  }
  drawn.set(aside.subarray(0, others), middle)
  return [middle, middle + others]
}

/** Adds the tree's answers to all rows, also those it did not look at. */
function addTree(trees: BoostedTrees, root: number, { answers, bins, edges }: Task): void {
  const edgeAt = new Int16Array(2 ** trees.depth)
  for (let at = 0; at < edgeAt.length; at++) {
    const column = trees.columns[root + at] as number
    if (column >= 0) edgeAt[at] = edges[column]?.indexOf(trees.bounds[root + at] as number) ?? 0
  }
  for (let i = 0; i < answers.length; i++) {
    let at = 0
    for (;;) {
      const column = trees.columns[root + at] as number
      if (column < 0) break
      const bin = bins[column * answers.length + i] as number
      if (bin === MISSING) break
      at = 2 * at + (bin <= (edgeAt[at] as number) ? 1 : 2)
    }
    answers[i] = (answers[i] as number) + (trees.values[root + at] as number)
  }
}
