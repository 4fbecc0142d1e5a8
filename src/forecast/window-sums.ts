/**
 * The normal equations of "the next steps from the last lags", summed over every window of one series, for all steps at
 * once. Sums of several series add up to the regression over all of them, so that one pass over the series serves any
 * grouping; later windows are added to what there is, so that it serves any origin too.
 *
 * @module
 */
export interface WindowOptions {
  /** Values before the origin that the forecast sees. */
  readonly lags: number
  /** Values after it that are forecast. */
  readonly steps: number
  /** Windows whose origin is a multiple of it before the end of the series count in full ... */
  readonly season: number
  /** ... the others by this share. */
  readonly offPhaseWeight: number
}

/** Softens the weight of a window, 1 / (mean absolute target + this): on the logarithm, 5 %. From the prototype. */
const SOFTENING = 0.05

/** Rows of windows summed at a time: as many as a loop keeps in registers. */
const BLOCK = 8

export class WindowSums {
  /** Intercept and lags. */
  readonly columns: number
  /** Lower half, row by row. */
  readonly gram: Float64Array<ArrayBuffer>
  /** One row of `columns` for each step. */
  readonly moments: Float64Array<ArrayBuffer>
  readonly #values: Float64Array
  readonly #options: WindowOptions
  #next: number

  /** @param values finite, all of them */
  constructor(values: Float64Array, options: WindowOptions) {
    this.columns = options.lags + 1
    this.gram = new Float64Array(this.columns * this.columns)
    this.moments = new Float64Array(options.steps * this.columns)
    this.#values = values
    this.#options = options
    this.#next = options.lags
  }

  /** Adds the windows that end at or before that length of the history. */
  addUpTo(length: number): void {
    const { steps } = this.#options
    while (this.#next + steps <= length) {
      const rows: Float64Array[] = []
      const targets: Float64Array[] = []
      for (let i = 0; i < BLOCK; i++) {
        const { row, target } =
          this.#next + steps <= length ? this.#window(this.#next++) : this.#nothing()
        rows.push(row)
        targets.push(target)
      }
      addProducts(this.gram, rows, rows, true)
      addProducts(this.moments, targets, rows, false)
    }
  }

  /** What a forecast at that length of the history starts from. @returns null when it is shorter than the lags */
  inputAt(length: number): { readonly row: Float64Array; readonly level: number } | null {
    const { lags } = this.#options
    if (length < lags) return null
    const level = this.#levelAt(length)
    const row = new Float64Array(this.columns)
    row[0] = 1
    for (let i = 0; i < lags; i++) row[i + 1] = (this.#values[length - lags + i] ?? 0) - level
    return { row, level }
  }

  #levelAt(length: number): number {
    let sum = 0
    for (let i = 1; i <= this.#options.lags; i++) sum += this.#values[length - i] ?? 0
    return sum / this.#options.lags
  }

  #nothing() {
    return {
      row: new Float64Array(this.columns),
      target: new Float64Array(this.#options.steps),
    }
  }

  /** Row and targets less their level, both times the root of the weight. */
  #window(origin: number) {
    const { steps, season, offPhaseWeight } = this.#options
    const level = this.#levelAt(origin)
    const target = this.#values.slice(origin, origin + steps).map((value) => value - level)
    const size = target.reduce((sum, value) => sum + Math.abs(value), 0) / steps
    const inPhase = (this.#values.length - origin) % season === 0
    const weight = Math.sqrt((inPhase ? 1 : offPhaseWeight) / (size + SOFTENING))
    const row = this.inputAt(origin)?.row ?? new Float64Array(this.columns)
    return { row: row.map((x) => x * weight), target: target.map((y) => y * weight) }
  }
}

/** into[i][j] += sum over the block of left[i] right[j]; below the diagonal only when `half`. */
function addProducts(
  into: Float64Array,
  left: readonly Float64Array[],
  right: readonly Float64Array[],
  half: boolean,
): void {
  const none = new Float64Array()
  const [x0 = none, x1 = none, x2 = none, x3 = none] = right
  const [x4 = none, x5 = none, x6 = none, x7 = none] = right.slice(4)
  const columns = x0.length
  const rows = left[0]?.length ?? 0
  const a = new Float64Array(BLOCK)
  for (let i = 0; i < rows; i++) {
    for (let b = 0; b < BLOCK; b++) a[b] = left[b]?.[i] ?? 0
    const [a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0] = a
    const end = half ? i + 1 : columns
    for (let j = 0, at = i * columns; j < end; j++, at++) {
      into[at] =
        (into[at] ?? 0) +
        a0 * (x0[j] ?? 0) +
        a1 * (x1[j] ?? 0) +
        a2 * (x2[j] ?? 0) +
        a3 * (x3[j] ?? 0) +
        a4 * (x4[j] ?? 0) +
        a5 * (x5[j] ?? 0) +
        a6 * (x6[j] ?? 0) +
        a7 * (x7[j] ?? 0)
    }
  }
}
