/**
 * Which holders of a key take part in an operation, how often: `threshold` of them each time, so that answers come soon and no node is
 * overrun (LCU/1, section 2.3). The mean cost is convex, and is brought down one key and operation at a time (Frank-Wolfe by
 * blocks: Lacoste-Julien et al. 2013), without a solver. Which ones take part this time: `draw-holders.ts`.
 *
 * @module
 */

export interface CustodyNode {
  readonly domain: string
  readonly rttMs: number
  /** Milliseconds of CPU it has per second: 1000 per core. */
  readonly cpuMsPerS: number
  /** Shares it has room for. */
  readonly slots: number
  /** CPU of one holder's part, by operation. */
  readonly partMs: readonly number[]
}

export interface KeyDemand {
  readonly holders: number
  readonly threshold: number
  /** Forecast, by operation. */
  readonly perS: readonly number[]
}

/** Of each key the nodes that hold its shares, by index, ascending. */
export type Placement = readonly (readonly number[])[]

/** Of each key, of each operation, how often each node takes part, 0 to 1; their sum is the threshold. */
export type Routing = readonly (readonly Float64Array[])[]

export interface Routed {
  readonly routing: Routing
  /** Of each node, of the CPU it has. Above {@link UTILISATION_MAX} there is too little of it. */
  readonly utilisation: Float64Array
  /** What an operation costs in the mean: round trips and CPU of its parts, and waiting. */
  readonly costMs: number
}

/** Section 2.3. */
export const UTILISATION_MAX = 0.9
/** What a node's queue of one costs, against milliseconds of the mean operation: the weight w of section 2.3, as measured with its prototype. */
export const QUEUE_MS = 0.5
/** After thirty rounds over all keys twelve nodes and 200 keys cost 4 x 10^-5 more than after 300 (2026-11-21). */
const ROUNDS = 30

export function routeShares(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  placement: Placement,
): Routed {
  const total = totalRate(demands)
  const load = new Float64Array(nodes.length)
  const routing = demands.map(({ perS }) => perS.map(() => new Float64Array(nodes.length)))
  for (let round = 0; round < ROUNDS; round++) {
    demands.forEach(({ perS, threshold }, key) => {
      perS.forEach((rate, operation) => {
        const share = routing[key]?.[operation] as Float64Array
        const cost = (node: number) =>
          partCost(nodes, node, operation, rate, total) +
          (waitPrice(nodes, node, load) * rate * partMs(nodes, node, operation)) / nodes.length
        const best = [...(placement[key] ?? [])]
          .sort((a, b) => cost(a) - cost(b))
          .slice(0, threshold)
        moveTowards(nodes, load, share, best, { rate, operation, total, first: round === 0 })
      })
    })
  }
  return { routing, utilisation: load, costMs: costOf(nodes, demands, routing, load) }
}

/** Operations per second, of all. */
export function totalRate(demands: readonly KeyDemand[]): number {
  return demands.reduce((sum, { perS }) => sum + perS.reduce((a, b) => a + b, 0), 0)
}

/** One part's round trip and CPU, as it counts in the mean. */
export function partCost(
  nodes: readonly CustodyNode[],
  node: number,
  operation: number,
  rate: number,
  total: number,
): number {
  if (total === 0) return nodes[node]?.rttMs ?? 0
  return (rate / total) * ((nodes[node]?.rttMs ?? 0) + partMs(nodes, node, operation))
}

/** What a millisecond of CPU per second more costs at a node, times the number of nodes. */
export function waitPrice(nodes: readonly CustodyNode[], node: number, load: Float64Array): number {
  return (QUEUE_MS * waitSlope(load[node] ?? 0)) / cpuOf(nodes, node)
}

export function partMs(nodes: readonly CustodyNode[], node: number, operation: number): number {
  return nodes[node]?.partMs[operation] ?? 0
}

export function cpuOf(nodes: readonly CustodyNode[], node: number): number {
  return nodes[node]?.cpuMsPerS ?? 1
}

/** Waiting, rho / (1 - rho), of one queue; beyond the utmost utilisation a straight line, as steep as it is there. */
function wait(utilisation: number): number {
  const within = Math.min(utilisation, UTILISATION_MAX)
  return within / (1 - within) + (utilisation - within) * waitSlope(within)
}

function waitSlope(utilisation: number): number {
  return (1 - Math.min(utilisation, UTILISATION_MAX)) ** -2
}

interface Block {
  readonly rate: number
  readonly operation: number
  readonly total: number
  /** Nothing is routed yet. */
  readonly first: boolean
}

/** Part of the way to these nodes alone: as far as the cost falls. */
function moveTowards(
  nodes: readonly CustodyNode[],
  load: Float64Array,
  share: Float64Array,
  best: readonly number[],
  { rate, operation, total, first }: Block,
): void {
  const change = nodes.map((_, node) => (best.includes(node) ? 1 : 0) - (share[node] ?? 0))
  const added = change.map(
    (part, node) => (part * rate * partMs(nodes, node, operation)) / cpuOf(nodes, node),
  )
  const slope = (step: number) =>
    change.reduce((sum, part, node) => {
      const price = waitSlope((load[node] ?? 0) + step * (added[node] ?? 0))
      const waiting = (QUEUE_MS / nodes.length) * price * (added[node] ?? 0)
      return sum + part * partCost(nodes, node, operation, rate, total) + waiting
    }, 0)
  const step = first ? 1 : lastFalling(slope)
  for (const node of nodes.keys()) {
    share[node] = (share[node] ?? 0) + step * (change[node] ?? 0)
    load[node] = (load[node] ?? 0) + step * (added[node] ?? 0)
  }
}

/** Where in 0 to 1 a rising slope passes zero. */
function lastFalling(slope: (step: number) => number): number {
  if (slope(1) <= 0) return 1
  let [low, high] = [0, 1]
  // 2^-20 of a step is below what is worth moving.
  for (let i = 0; i < 20; i++) {
    const middle = (low + high) / 2
    if (slope(middle) <= 0) low = middle
    else high = middle
  }
  return low
}

function costOf(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  routing: Routing,
  load: Float64Array,
): number {
  const total = totalRate(demands)
  let sum = 0
  demands.forEach(({ perS }, key) => {
    perS.forEach((rate, operation) => {
      const share = routing[key]?.[operation] ?? []
      for (const [node, part] of share.entries()) {
        sum += part * partCost(nodes, node, operation, rate, total)
      }
    })
  })
  return sum + load.reduce((all, each) => all + wait(each), 0) * (QUEUE_MS / nodes.length)
}
