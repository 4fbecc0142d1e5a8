/**
 * Gradient boosting of shallow trees for a yes or no (Friedman, 2001, with second-order leaves: Chen and Guestrin,
 * 2016), on values cut into quantile bins. The result is the logarithm of the odds.
 *
 * What is missing (NaN) is no evidence: a row stops at the first question it cannot answer, and the value of that node
 * stands. Trees are plain arrays of numbers. Chance is passed in; the same draws give the same trees.
 *
 * @module
 */

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
}

/** Trees as heaps: the children of node i are 2i + 1 (value below the bound) and 2i + 2. */
export interface BoostedTrees {
  readonly depth: number
  /** Log odds before any question. */
  readonly base: number
  /** Column asked at each node, tree after tree; -1 at a leaf. */
  readonly columns: Int16Array
  readonly bounds: Float64Array
  /** What the tree adds for a row that ends at the node. */
  readonly values: Float64Array
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
  const width = rows[0]?.length ?? 0
  if (width === 0 || wanted.length !== rows.length || weights.length !== rows.length) {
    throw new RangeError('Cannot fit trees: rows, wanted and weights must be as many, and not none')
  }
  const edges = Array.from({ length: width }, (_, column) => binEdges(rows, column))
  const task: Task = {
    bins: binRows(rows, edges),
    edges,
    width,
    wanted,
    weights,
    logOdds: new Float64Array(rows.length),
    gradient: new Float64Array(rows.length),
    hessian: new Float64Array(rows.length),
    node: new Int32Array(rows.length),
  }
  const base = baseOf(wanted, weights)
  task.logOdds.fill(base)
  const nodes = 2 ** (options.depth + 1) - 1
  const trees: BoostedTrees = {
    depth: options.depth,
    base,
    columns: new Int16Array(nodes * options.trees).fill(-1),
    bounds: new Float64Array(nodes * options.trees),
    values: new Float64Array(nodes * options.trees),
  }
  for (let tree = 0; tree < options.trees; tree++) {
    growTree(trees, tree * nodes, task, options, fraction)
  }
  return trees
}

/** Log odds of a yes for one row. */
export function boostedLogOdds(trees: BoostedTrees, row: Float64Array): number {
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
const MISSING = 255
/** Rows that the quantiles are taken from. */
const QUANTILE_ROWS_MAX = 4096

interface Task {
  readonly bins: Uint8Array
  readonly edges: readonly Float64Array[]
  readonly width: number
  readonly wanted: Uint8Array
  readonly weights: Float64Array
  readonly logOdds: Float64Array
  readonly gradient: Float64Array
  readonly hessian: Float64Array
  /** Where in the tree each row is; -1 when it is not looked at. */
  readonly node: Int32Array
}

function baseOf(wanted: Uint8Array, weights: Float64Array): number {
  let yes = 0
  let all = 0
  for (let i = 0; i < wanted.length; i++) {
    all += weights[i] as number
    if (wanted[i] === 1) yes += weights[i] as number
  }
  const share = Math.min(1 - 1e-6, Math.max(1e-6, yes / all))
  return Math.log(share / (1 - share))
}

/** Bounds between bins: distinct quantiles, ascending. */
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
    if (edge !== undefined && edge > (values[0] ?? edge)) edges.add(edge)
  }
  return Float64Array.from(edges)
}

function binRows(rows: readonly Float64Array[], edges: readonly Float64Array[]): Uint8Array {
  const width = edges.length
  const bins = new Uint8Array(rows.length * width)
  for (const [i, row] of rows.entries()) {
    for (let column = 0; column < width; column++) {
      bins[i * width + column] = binOf(row[column] ?? Number.NaN, edges[column])
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
  derive(task, options.rowShare, fraction)
  for (let level = 0; level <= options.depth; level++) {
    const first = 2 ** level - 1
    const totals = sumNodes(task, first)
    for (let node = first; node <= 2 * first; node++) {
      const gradient = totals[2 * (node - first)] as number
      const hessian = totals[2 * (node - first) + 1] as number
      trees.values[root + node] = (-options.rate * gradient) / (hessian + options.lambda)
    }
    if (level === options.depth) break
    splitLevel(trees, root, first, task, options)
  }
  addTree(trees, root, task)
}

/** First and second derivatives of the logarithmic loss; draws the rows to look at. */
function derive(task: Task, rowShare: number, fraction: () => number): void {
  const { logOdds, gradient, hessian, node, wanted, weights } = task
  for (let i = 0; i < node.length; i++) {
    const chance = 1 / (1 + Math.exp(-(logOdds[i] as number)))
    const weight = weights[i] as number
    gradient[i] = weight * (chance - (wanted[i] as number))
    hessian[i] = weight * Math.max(chance * (1 - chance), HESSIAN_MIN)
    node[i] = fraction() < rowShare ? 0 : -1
  }
}

/** Rounding must not make a sure row weigh nothing. */
const HESSIAN_MIN = 1e-9

/** Sums of both derivatives for each node of the level that begins at `first`. */
function sumNodes({ node, gradient, hessian }: Task, first: number): Float64Array {
  const totals = new Float64Array(2 * (first + 1))
  for (let i = 0; i < node.length; i++) {
    const at = 2 * ((node[i] as number) - first)
    if (at < 0) continue
    totals[at] = (totals[at] as number) + (gradient[i] as number)
    totals[at + 1] = (totals[at + 1] as number) + (hessian[i] as number)
  }
  return totals
}

function splitLevel(
  trees: BoostedTrees,
  root: number,
  first: number,
  task: Task,
  options: BoostOptions,
): void {
  const stride = task.width * BINS * 2
  const sums = sumBins(task, first, stride)
  for (let node = first; node <= 2 * first; node++) {
    const at = (node - first) * stride
    const best = bestSplit(sums.subarray(at, at + stride), task, options)
    if (best === undefined) continue
    trees.columns[root + node] = best.column
    trees.bounds[root + node] = task.edges[best.column]?.[best.edge] ?? 0
  }
  descend(trees, root, first, task)
}

function sumBins(task: Task, first: number, stride: number): Float64Array {
  const { node, gradient, hessian, bins, width } = task
  const sums = new Float64Array((first + 1) * stride)
  for (let i = 0; i < node.length; i++) {
    const offset = ((node[i] as number) - first) * stride
    if (offset < 0) continue
    const g = gradient[i] as number
    const h = hessian[i] as number
    for (let column = 0; column < width; column++) {
      const bin = bins[i * width + column] as number
      if (bin === MISSING) continue
      const at = offset + (column * BINS + bin) * 2
      sums[at] = (sums[at] as number) + g
      sums[at + 1] = (sums[at + 1] as number) + h
    }
  }
  return sums
}

interface Split {
  readonly column: number
  readonly edge: number
}

/** The question that lowers the loss most among the rows that can answer it; undefined when none does. */
function bestSplit(
  sums: Float64Array,
  { edges, width }: Task,
  { lambda, leafWeightMin }: BoostOptions,
): Split | undefined {
  let best: Split | undefined
  let gainMax = GAIN_MIN
  for (let column = 0; column < width; column++) {
    const from = column * BINS * 2
    let [g, h] = [0, 0]
    for (let bin = 0; bin < BINS; bin++) {
      g += sums[from + 2 * bin] as number
      h += sums[from + 2 * bin + 1] as number
    }
    const whole = (g * g) / (h + lambda)
    let [left, leftWeight] = [0, 0]
    for (let edge = 0; edge < (edges[column]?.length ?? 0); edge++) {
      left += sums[from + 2 * edge] as number
      leftWeight += sums[from + 2 * edge + 1] as number
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

/** Sends the rows of a level to its children; what is missing stays behind, where no later level looks. */
function descend(trees: BoostedTrees, root: number, first: number, task: Task): void {
  const { node, bins, edges, width } = task
  const edgeAt = new Map<number, number>()
  for (let at = first; at <= 2 * first; at++) {
    const column = trees.columns[root + at] as number
    const bound = trees.bounds[root + at] as number
    if (column >= 0) edgeAt.set(at, edges[column]?.indexOf(bound) ?? 0)
  }
  for (let i = 0; i < node.length; i++) {
    const at = node[i] as number
    const edge = edgeAt.get(at)
    if (edge === undefined) continue
    const bin = bins[i * width + (trees.columns[root + at] as number)] as number
    if (bin !== MISSING) node[i] = 2 * at + (bin <= edge ? 1 : 2)
  }
}

/** Adds the tree's answers to all rows, also those it did not look at. */
function addTree(trees: BoostedTrees, root: number, { logOdds, bins, edges, width }: Task): void {
  const edgeAt = new Int16Array(2 ** trees.depth)
  for (let at = 0; at < edgeAt.length; at++) {
    const column = trees.columns[root + at] as number
    if (column >= 0) edgeAt[at] = edges[column]?.indexOf(trees.bounds[root + at] as number) ?? 0
  }
  for (let i = 0; i < logOdds.length; i++) {
    let at = 0
    for (;;) {
      const column = trees.columns[root + at] as number
      if (column < 0) break
      const bin = bins[i * width + column] as number
      if (bin === MISSING) break
      at = 2 * at + (bin <= (edgeAt[at] as number) ? 1 : 2)
    }
    logOdds[i] = (logOdds[i] as number) + (trees.values[root + at] as number)
  }
}
