/**
 * Which nodes hold the shares of which keys (LCU/1, section 2.3), without a solver: all keys at once by where they would be used if every
 * node held a share of each ({@link placeShares}), or new keys among old ones, each at the nodes that cost least as loaded as they
 * are ({@link placeNewShares}). With a solver: `placement-program.ts`.
 *
 * @module
 */
import { domainLimit } from './domain-rule.ts'
import {
  type CustodyNode,
  cpuOf,
  type KeyDemand,
  type Placement,
  partCost,
  partMs,
  type Routed,
  type Routing,
  routeShares,
  totalRate,
  waitPrice,
} from './route-shares.ts'

export type Placed =
  | { readonly kind: 'placed'; readonly placement: Placement }
  /** A key, by index, for whose shares the domains are too few, or the room too little. */
  | { readonly kind: 'refused'; readonly key: number; readonly code: 'domains' | 'slots' }

/** All keys: about 1 % above the least cost that there could be (`docs/decisions/0019-custody-arithmetic.md`). */
export function placeShares(nodes: readonly CustodyNode[], demands: readonly KeyDemand[]): Placed {
  const { routing } = routeEverywhere(nodes, demands)
  return placeByRouting(nodes, demands, routing)
}

/** As if every node held a share of each key. */
export function routeEverywhere(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  rounds?: number,
): Routed {
  const everywhere = [...nodes.keys()]
  return routeShares(
    nodes,
    demands,
    demands.map(() => everywhere),
    rounds,
  )
}

/** Where keys are used most. */
export function placeByRouting(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  routing: Routing,
): Placed {
  return placeByWeight(nodes, demands, (key, node) =>
    (routing[key] ?? []).reduce(
      (sum, share, operation) => sum + (demands[key]?.perS[operation] ?? 0) * (share[node] ?? 0),
      0,
    ),
  )
}

/**
 * Each key, the busiest first, where it weighs most, within the domain rule and the room there is. The less there is, the sooner
 * a key finds none that another could have left.
 */
export function placeByWeight(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  weight: (key: number, node: number) => number,
): Placed {
  const free = nodes.map(({ slots }) => slots)
  const placement: (readonly number[])[] = demands.map(() => [])
  for (const key of busiestFirst(demands)) {
    const cost = nodes.map((_, node) => -weight(key, node))
    const place = choosePlace(nodes, demands[key] as KeyDemand, cost, free)
    if (typeof place === 'string') return { kind: 'refused', key, code: place }
    for (const node of place) free[node] = (free[node] ?? 0) - 1
    placement[key] = place.sort((a, b) => a - b)
  }
  return { kind: 'placed', placement }
}

/** @param placed of the keys that have a place, which they keep; undefined for the others */
export function placeNewShares(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  placed: readonly (readonly number[] | undefined)[],
): Placed {
  const total = totalRate(demands)
  const old = demands.map((_, key) => placed[key] ?? [])
  const load = routeShares(nodes, demands, old).utilisation
  const free = nodes.map(({ slots }) => slots)
  for (const place of old) for (const node of place) free[node] = (free[node] ?? 0) - 1
  const placement = [...old]
  for (const key of busiestFirst(demands).filter((each) => placed[each] === undefined)) {
    const demand = demands[key] as KeyDemand
    const work = (node: number) =>
      demand.perS.reduce((sum, rate, operation) => sum + rate * partMs(nodes, node, operation), 0)
    const cost = nodes.map((_, node) => {
      const waiting = (waitPrice(nodes, node, load) * work(node)) / nodes.length
      return demand.perS.reduce(
        (sum, rate, operation) => sum + partCost(nodes, node, operation, rate, total),
        waiting,
      )
    })
    const place = choosePlace(nodes, demand, cost, free)
    if (typeof place === 'string') return { kind: 'refused', key, code: place }
    for (const node of place) free[node] = (free[node] ?? 0) - 1
    // The cheapest take part, and come first.
    for (const node of place.slice(0, demand.threshold)) {
      load[node] = (load[node] ?? 0) + work(node) / cpuOf(nodes, node)
    }
    placement[key] = place.sort((a, b) => a - b)
  }
  return { kind: 'placed', placement }
}

function busiestFirst(demands: readonly KeyDemand[]): number[] {
  const rates = demands.map(({ perS }) => perS.reduce((a, b) => a + b, 0))
  return [...demands.keys()].sort((a, b) => (rates[b] ?? 0) - (rates[a] ?? 0))
}

/**
 * The nodes that cost least, within the domain rule and the room there is, the cheapest first. Choices within domains are a
 * matroid: taking the cheapest that is allowed, again and again, is best.
 *
 * @param cost by node
 * @param free room for shares, by node
 */
function choosePlace(
  nodes: readonly CustodyNode[],
  demand: KeyDemand,
  cost: readonly number[],
  free: readonly number[],
): number[] | 'domains' | 'slots' {
  const limit = domainLimit(demand)
  const choose = (room: (node: number) => boolean): number[] => {
    const held = new Map<string, number>()
    const place: number[] = []
    for (const node of [...nodes.keys()].sort((a, b) => (cost[a] ?? 0) - (cost[b] ?? 0))) {
      const { domain } = nodes[node] as CustodyNode
      const count = held.get(domain) ?? 0
      if (place.length === demand.holders || count >= limit || !room(node)) continue
      held.set(domain, count + 1)
      place.push(node)
    }
    return place
  }
  const place = choose((node) => (free[node] ?? 0) > 0)
  if (place.length === demand.holders) return place
  return choose(() => true).length === demand.holders ? 'slots' : 'domains'
}
