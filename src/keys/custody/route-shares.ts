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
  rounds = ROUNDS,
): Routed {
  const total = totalRate(demands)
  const load = new Float64Array(nodes.length)
  const routing = demands.map(({ perS }) => perS.map(() => new Float64Array(nodes.length)))
  const blocks = demands.flatMap(({ perS, threshold }, key) => {
    const place = placement[key] ?? []
    return perS.map((rate, operation): Block => {
      const linear = place.map((node) => partCost(nodes, node, operation, rate, total))
      const work = place.map((node) => (rate * partMs(nodes, node, operation)) / cpuOf(nodes, node))
      return { place, threshold, linear, work, share: routing[key]?.[operation] as Float64Array }
    })
  })
  const waitMs = QUEUE_MS / nodes.length
  for (let round = 0; round < rounds; round++) {
    for (const block of blocks) moveTowardsCheapest(block, load, waitMs, round === 0)
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
  const idle = 1 - Math.min(utilisation, UTILISATION_MAX)
  return 1 / (idle * idle)
}

/** One operation of one key: what its parts cost and weigh, by holder. */
interface Block {
  readonly place: readonly number[]
  readonly threshold: number
  /** Round trip and CPU, as they count in the mean. */
  readonly linear: readonly number[]
  /** Of the CPU that the holder has, when it takes part each time. */
  readonly work: readonly number[]
  /** How often each node takes part: changed here. */
  readonly share: Float64Array
}

/** Part of the way to the holders that are cheapest now, as far as the cost falls: all of it while nothing is routed yet. */
function moveTowardsCheapest(
  { place, threshold, linear, work, share }: Block,
  load: Float64Array,
  waitMs: number,
  first: boolean,
): void {
  const price = place.map((node, i) => {
    return (linear[i] ?? 0) + waitMs * waitSlope(load[node] ?? 0) * (work[i] ?? 0)
  })
  const change = place.map((node) => -(share[node] ?? 0))
  for (const i of cheapest(price, threshold)) change[i] = (change[i] ?? 0) + 1
  const added = change.map((part, i) => part * (work[i] ?? 0))
  const slope = (step: number): number => {
    let sum = 0
    for (let i = 0; i < place.length; i++) {
      const steep = waitSlope((load[place[i] ?? 0] ?? 0) + step * (added[i] ?? 0))
      sum += (change[i] ?? 0) * (linear[i] ?? 0) + waitMs * steep * (added[i] ?? 0)
    }
    return sum
  }
  const step = first ? 1 : lastFalling(slope)
  for (const [i, node] of place.entries()) {
    share[node] = (share[node] ?? 0) + step * (change[i] ?? 0)
    load[node] = (load[node] ?? 0) + step * (added[i] ?? 0)
  }
}

/** Places of the `count` least, the first of equals. */
function cheapest(price: readonly number[], count: number): number[] {
  const least: number[] = []
  for (let i = 0; i < price.length; i++) {
    let rank = least.length
    while (rank > 0 && (price[least[rank - 1] ?? 0] ?? 0) > (price[i] ?? 0)) rank--
    if (rank === count) continue
    least.splice(rank, 0, i)
    if (least.length > count) least.pop()
  }
  return least
}

/** Where in 0 to 1 a rising slope passes zero. */
function lastFalling(slope: (step: number) => number): number {
  if (slope(0) >= 0) return 0
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
