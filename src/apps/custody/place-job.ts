/**
 * What a thread works out for a cluster (`place-thread.ts`): how often each holder takes part, or where shares should be and by which moves they get
 * there. Plain data in, plain data out. Of all keys the cost is one sum, so that a move is worth what all operations gain by it.
 *
 * @module
 */
import { isPlacement } from '../../keys/custody/domain-rule.ts'
import { planMoves, type ShareMove } from '../../keys/custody/move-shares.ts'
import { placeShares } from '../../keys/custody/place-shares.ts'
import { solvePlacement, type WithProgram } from '../../keys/custody/placement-program.ts'
import {
  type CustodyNode,
  type KeyDemand,
  type Placement,
  type Routing,
  routeShares,
} from '../../keys/custody/route-shares.ts'

export interface PlaceJob {
  readonly nodes: readonly CustodyNode[]
  readonly demands: readonly KeyDemand[]
  readonly current: Placement
  /** undefined: shares stay, chances alone are wanted. */
  readonly moving:
    | { readonly movesMax: number; readonly moveMs: number; readonly solveS: number }
    | undefined
}

export interface PlaceResult {
  /** Of shares where they are. */
  readonly routing: Routing
  readonly utilisation: Float64Array
  readonly costMs: number
  readonly plan: PlacementPlan | undefined
}

export interface PlacementPlan {
  /** Who has worked it out: without a solver it is a little worse. */
  readonly by: 'solver' | 'greedy'
  readonly moves: readonly ShareMove[]
  /** What comes of the moves. */
  readonly costMs: number
  /** No placement, with what its moves are to be worth, costs less: of the relaxed program. undefined: without a solver it is not known. */
  readonly boundMs: number | undefined
  /** False: they gain less than they cost, and are not made. */
  readonly isWorthIt: boolean
  /** Keys that break the rule of domains where they are, by index. */
  readonly unsafe: readonly number[]
}

export async function placeJob(job: PlaceJob, withProgram: WithProgram): Promise<PlaceResult> {
  const { nodes, demands, current, moving } = job
  const now = routeShares(nodes, demands, current)
  const { routing, utilisation, costMs } = now
  if (moving === undefined) return { routing, utilisation, costMs, plan: undefined }
  const domains = nodes.map(({ domain }) => domain)
  const unsafe = [...demands.keys()].filter((key) => {
    return !isPlacement(domains, demands[key] as KeyDemand, current[key] ?? [])
  })
  const found = await target(job, moving, withProgram)
  const order = [...demands.keys()].sort((a, b) => rateOf(demands[b]) - rateOf(demands[a]))
  const { movesMax, moveMs } = moving
  const { moves, placement } = planMoves(nodes, demands, current, found.placement, {
    ...{ order, movesMax },
  })
  const after = routeShares(nodes, demands, placement).costMs
  const isWorthIt = moves.length > 0 && costMs - after > moveMs * moves.length
  const { by, boundMs } = found
  const plan = { by, moves, costMs: after, boundMs, isWorthIt, unsafe }
  return { routing, utilisation, costMs, plan }
}

/** Where shares should be. Failing or missing, the solver is stood in for; where nothing can be placed, shares stay. */
async function target(
  { nodes, demands, current }: PlaceJob,
  { moveMs, solveS }: NonNullable<PlaceJob['moving']>,
  withProgram: WithProgram,
): Promise<Pick<PlacementPlan, 'by' | 'boundMs'> & { readonly placement: Placement }> {
  try {
    const untilMs = performance.now() + 1000 * solveS
    const { placed, boundMs } = await solvePlacement(nodes, demands, withProgram, {
      moving: { current, moveMs },
      isLate: () => performance.now() > untilMs,
    })
    if (placed.kind === 'placed') return { by: 'solver', boundMs, placement: placed.placement }
  } catch {
    // Whatever is wrong with it: there is another way.
  }
  const placed = placeShares(nodes, demands)
  const placement = placed.kind === 'placed' ? placed.placement : current
  return { by: 'greedy', boundMs: undefined, placement }
}

function rateOf(demand: KeyDemand | undefined): number {
  return (demand?.perS ?? []).reduce((sum, rate) => sum + rate, 0)
}
