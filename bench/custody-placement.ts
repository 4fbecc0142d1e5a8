/**
 * How good placements of shares are: twelve nodes in four domains, 200 keys of four operations, at six tenths of the CPU there
 * is; against the cost of the relaxed linear program, which no placement can be below. Drawn from a seed.
 *
 * @module
 */
import { withLinearProgram } from '../src/adapters/node/highs-solver.ts'
import { placeInThread } from '../src/apps/custody/place-in-thread.ts'
import {
  type Placed,
  placeByWeight,
  placeNewShares,
  placeShares,
} from '../src/keys/custody/place-shares.ts'
import { solvePlacement } from '../src/keys/custody/placement-program.ts'
import { type CustodyNode, type KeyDemand, routeShares } from '../src/keys/custody/route-shares.ts'
import { seededRandom } from '../test/fixtures/seeded-random.ts'

const SEED = 42
const NODES = 12
const NODES_PER_DOMAIN = 3
const KEYS = 200
/** CPU of one part in ms, by kind of node: sign, open, derive, make a key. */
const PART_MS = [
  [0.4, 0.2, 0.3, 1.2],
  [0.5, 0.3, 0.4, 1.5],
  [0.35, 0.2, 0.25, 1],
] as const
/** How often operations are asked for beside each other. */
const MIX = [1, 0.6, 0.3, 0.02] as const
const UTILISATION = 0.6
/** Room for a quarter more shares than there are. */
const SPARE = 1.25

/** Nodes and demands, the same every time. */
function placementCase(): {
  readonly nodes: readonly CustodyNode[]
  readonly demands: readonly KeyDemand[]
} {
  const random = seededRandom(SEED)
  const sharing = { holders: 5, threshold: 3 }
  const slots = Math.ceil((KEYS * sharing.holders * SPARE) / NODES)
  const nodes = Array.from({ length: NODES }, (_, node) => ({
    domain: `zone-${Math.floor(node / NODES_PER_DOMAIN)}`,
    rttMs: 0.2 + 3 * random.fraction(),
    cpuMsPerS: node % 3 === 1 ? 2000 : 4000,
    slots,
    partMs: PART_MS[node % 3] ?? [],
  }))
  // The busiest key is asked for fifty times as often as the last.
  const drawn = Array.from({ length: KEYS }, (_, key) =>
    MIX.map((part) => (part * (0.2 + random.fraction())) / (1 + key / 4)),
  )
  const cpu = nodes.reduce((sum, { cpuMsPerS }) => sum + cpuMsPerS, 0)
  const work = drawn.flat().reduce((sum, rate, i) => {
    const partMs = PART_MS.reduce((all, kind) => all + (kind[i % 4] ?? 0), 0) / PART_MS.length
    return sum + rate * partMs * sharing.threshold
  }, 0)
  const scale = (UTILISATION * cpu) / work
  const demands = drawn.map((rates) => ({ ...sharing, perS: rates.map((rate) => rate * scale) }))
  return { nodes, demands }
}

export async function benchPlacement() {
  const { nodes, demands } = placementCase()
  const timed = <T>(call: () => T): readonly [T, number] => {
    const before = performance.now()
    return [call(), performance.now() - before]
  }
  const placementOf = (placed: Placed) => {
    if (placed.kind === 'refused') throw new Error('keys were not placed')
    return placed.placement
  }
  const [placed, placeMs] = timed(() => placementOf(placeShares(nodes, demands)))
  const [routed, routeMs] = timed(() => routeShares(nodes, demands, placed))
  const unplaced = demands.map(() => undefined)
  const greedy = routeShares(nodes, demands, placementOf(placeNewShares(nodes, demands, unplaced)))
  const before = performance.now()
  const solved = await solvePlacement(nodes, demands, withLinearProgram, { isLate: () => false })
  const solveMs = performance.now() - before
  const rounded = placementOf(solved.placed)
  const [beforePlan, moving] = [performance.now(), { movesMax: 50, moveMs: 1e-4, solveS: 60 }]
  const { plan } = await placeInThread({ nodes, demands, current: placed, moving })
  const replanS = (performance.now() - beforePlan) / 1000
  if (plan?.by !== 'solver') throw new Error('the solver has failed')
  const best = routeShares(nodes, demands, rounded)
  const random = seededRandom(SEED + 1)
  const drawn = demands.map(() => nodes.map(() => random.fraction()))
  const byChance = placeByWeight(nodes, demands, (key, node) => drawn[key]?.[node] ?? 0)
  const anyhow = routeShares(nodes, demands, placementOf(byChance))
  const gap = (costMs: number) => costMs / solved.boundMs - 1
  return {
    placement_gap: gap(best.costMs),
    placement_no_solver_gap: gap(routed.costMs),
    placement_greedy_gap: gap(greedy.costMs),
    placement_random_gap: gap(anyhow.costMs),
    placement_no_solver_ms: placeMs,
    placement_route_ms: routeMs,
    placement_solve_ms: solveMs,
    // All of it, in a thread that starts for it: costs as they are, the program, moves, costs after them.
    replan_s: replanS,
    placement_utilisation: Math.max(...best.utilisation),
  }
}
