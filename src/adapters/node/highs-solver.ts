/**
 * Linear programs by HiGHS (Huangfu and Hall 2018), compiled to WebAssembly. Meaning is the caller's: `keys/custody/placement-program.ts`.
 * A solution takes seconds of one core and returns when it is there: to be called in a worker.
 *
 * @module
 */
import highsModule, { type Highs } from 'highs'
import { LimenError } from '../../ground/limen-error.ts'

/** Its types say CommonJS, what is loaded is a module with a default export. */
const load = highsModule as unknown as () => Promise<Highs>

export interface Solution {
  readonly cost: number
  /** Of a variable, by name. */
  readonly value: (name: string) => number
}

/**
 * @param program in CPLEX's LP format
 * @param limitS seconds it may take
 * @throws LimenError `no_solution`: there is none, or not in this time
 */
export async function solveLinearProgram(program: string, limitS: number): Promise<Solution> {
  const highs = await load()
  const { Status, ObjectiveValue, Columns } = highs.solve(program, {
    solver: 'ipm',
    time_limit: limitS,
    output_flag: false,
  })
  if (Status !== 'Optimal') {
    const details = { side: 'operator', retry: false } as const
    throw new LimenError('no_solution', `Cannot solve the program: ${Status}`, details)
  }
  return {
    cost: ObjectiveValue,
    value: (name) => {
      const column = Columns[name]
      return column !== undefined && 'Primal' in column ? column.Primal : 0
    },
  }
}
