/**
 * Linear programs by HiGHS (Huangfu and Hall 2018), compiled to WebAssembly: the simplex method goes on where it was when columns are added.
 * What rows and columns mean is the caller's: `keys/custody/placement-program.ts`. It keeps one core busy and returns when it
 * is done: to be called in a worker.
 *
 * @module
 */
import highsModule, { type Highs, type Model } from 'highs'
import { LimenError } from '../../ground/limen-error.ts'
import type { Column, GrowingProgram, Row } from '../../keys/custody/placement-program.ts'

/** Its types say CommonJS, what is loaded is a module with a default export. */
const load = highsModule as unknown as () => Promise<Highs>
/** HiGHS's kOptimal. */
const OPTIMAL = 7
/** Its kSimplexStrategyPrimal: what was best stays allowed when columns are added. The dual method takes three times as long then. */
const PRIMAL = 4

/** @throws LimenError `no_solution` from `solve()`: there is none */
export async function withLinearProgram<Result>(
  rows: readonly Row[],
  work: (program: GrowingProgram) => Result,
): Promise<Result> {
  const highs = await load()
  const empty = { format: 'csc', numRows: rows.length, numCols: 0 } as const
  const model = highs.createModel({
    ...{ numRows: rows.length, numCols: 0, colCost: [], colLower: [], colUpper: [] },
    rowLower: rows.map(({ lower }) => lower),
    rowUpper: rows.map(({ upper }) => upper),
    matrix: { ...empty, starts: [0], indices: [], values: [] },
  })
  try {
    model.options.set('output_flag', false)
    model.options.set('simplex_strategy', PRIMAL)
    return work({
      add: (columns) => addColumns(model, rows.length, columns),
      solve: () => solve(model),
    })
  } finally {
    model.dispose()
  }
}

function addColumns(model: Model, numRows: number, columns: readonly Column[]): void {
  if (columns.length === 0) return
  const starts = [0]
  for (const { rows } of columns) starts.push((starts.at(-1) ?? 0) + rows.length)
  model.addCols({
    cost: Float64Array.from(columns, ({ cost }) => cost),
    lower: new Float64Array(columns.length),
    upper: Float64Array.from(columns, ({ upper }) => upper),
    matrix: {
      ...({ format: 'csc', numRows, numCols: columns.length } as const),
      starts: Int32Array.from(starts),
      indices: Int32Array.from(columns.flatMap(({ rows }) => rows)),
      values: Float64Array.from(columns.flatMap(({ values }) => values)),
    },
  })
}

function solve(model: Model): ReturnType<GrowingProgram['solve']> {
  model.run()
  if (model.getModelStatus() !== OPTIMAL) {
    const details = { side: 'operator', retry: false } as const
    throw new LimenError('no_solution', 'The program cannot be solved', details)
  }
  const { colValue, rowDual } = model.getSolution()
  return { cost: model.getObjectiveValue(), values: colValue, prices: rowDual }
}
