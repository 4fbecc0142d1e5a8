/**
 * What a thread works out for a cluster (`place-thread.ts`): how often each holder takes part, or where shares should be and by which moves they get
 * there. Plain data in, plain data out. Of all keys the cost is one sum, so that a move is worth what all operations gain by it.
 *
 * @module
 */
import { hasPlacement, isPlacement } from '../../keys/custody/domain-rule.ts'
import { planMoves, type ShareMove } from '../../keys/custody/move-shares.ts'
import { placeShares } from '../../keys/custody/place-shares.ts'
import { solvePlacement, type WithProgram } from '../../keys/custody/placement-program.ts'
import {
  type CustodyNode,
  type KeyDemand,
  type Placement,
  type Routing,
  routeShares,
  totalRate,
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
  /**
   * No placement, with what its moves are to be worth, costs less: of the relaxed program. undefined: it is not known without a solver, or while
   * a key has no place within the rule of domains.
   */
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
  const found = await targetOfAll(job, moving, withProgram)
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

type Target = Pick<PlacementPlan, 'by' | 'boundMs'> & { readonly placement: Placement }

/** Where shares should be. Keys that have no place within the rule stay, and the others go by the room and CPU that these leave. */
async function targetOfAll(
  job: PlaceJob,
  moving: NonNullable<PlaceJob['moving']>,
  withProgram: WithProgram,
): Promise<Target> {
  const { nodes, demands, current } = job
  const domains = nodes.map(({ domain }) => domain)
  const keys = [...demands.keys()]
  const placeable = keys.filter((key) => hasPlacement(domains, demands[key] as KeyDemand))
  if (placeable.length === keys.length) return await target(job, moving, withProgram)
  const stuck = keys.filter((key) => !placeable.includes(key))
  const of = <T>(all: readonly T[], some: readonly number[]) => some.map((key) => all[key] as T)
  const others = {
    nodes: nodesLeft(nodes, of(demands, stuck), of(current, stuck)),
    demands: of(demands, placeable),
    current: of(current, placeable),
  }
  // What a move costs is of the mean over all operations.
  const rate = totalRate(others.demands)
  const moveMs = moving.moveMs * (rate > 0 ? totalRate(demands) / rate : 1)
  const found = await target(others, { ...moving, moveMs }, withProgram)
  const placement = [...current]
  for (const [i, key] of placeable.entries()) placement[key] = found.placement[i] ?? []
  return { by: found.by, boundMs: undefined, placement }
}

/** As those find them that come after keys which stay where they are. */
function nodesLeft(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  places: Placement,
): readonly CustodyNode[] {
  const { utilisation } = routeShares(nodes, demands, places)
  const held = places.flat()
  return nodes.map((node, i) => ({
    ...node,
    slots: Math.max(0, node.slots - held.filter((each) => each === i).length),
    cpuMsPerS: Math.max(1, node.cpuMsPerS * (1 - (utilisation[i] ?? 0))),
  }))
}

/** Where shares should be. Failing or missing, the solver is stood in for; where nothing can be placed, shares stay. */
async function target(
  { nodes, demands, current }: Omit<PlaceJob, 'moving'>,
  { moveMs, solveS }: NonNullable<PlaceJob['moving']>,
  withProgram: WithProgram,
): Promise<Target> {
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
