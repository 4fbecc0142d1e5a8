/**
 * The nodes that should hold the shares of one key at given prices: exact, by branch and bound over the nodes, the most promising first. Each
 * operation is done by the `threshold` holders that are cheapest for it, so a holder is worth something to an operation only
 * where it is among these.
 *
 * @module
 */
import { domainLimit, type Sharing } from './domain-rule.ts'

export interface HolderPrices {
  /** Of a share at each node. */
  readonly share: readonly number[]
  /** Of each node's part in each operation. */
  readonly part: readonly (readonly number[])[]
}

export interface HolderChoice {
  /** By index, ascending; none when the rule of domains allows none. */
  readonly holders: readonly number[]
  readonly cost: number
  /** No choice costs less. Below {@link cost} only when there were too many to look at. */
  readonly floor: number
}

/** Twelve nodes take 200 to 1500 looks (2026-11-22); a hundred must not take minutes. */
const LOOKS_MAX = 50_000
/** Relative to what it costs: better by less is not better. */
const TOLERANCE = 1e-9

/** @param domains of each node @param looksMax of fewer what comes is a good choice, and seldom the cheapest */
export function cheapestHolders(
  domains: readonly string[],
  sharing: Sharing,
  prices: HolderPrices,
  looksMax = LOOKS_MAX,
): HolderChoice {
  const search = newSearch(domains, sharing, prices, looksMax)
  const floor = costAtLeast(search, 0)
  descend(search, 0, 0, floor)
  const isComplete = search.looks < looksMax
  const holders = search.best.sort((a, b) => a - b)
  return { holders, cost: search.bestCost, floor: isComplete ? search.bestCost : floor }
}

/** Participants in each operation: the holders whose parts cost least, by index. */
export function cheapestParts(
  { threshold }: Sharing,
  { part }: HolderPrices,
  holders: readonly number[],
): readonly (readonly number[])[] {
  return part.map((price) =>
    [...holders].sort((a, b) => (price[a] ?? 0) - (price[b] ?? 0)).slice(0, threshold),
  )
}

interface Search {
  readonly sharing: Sharing
  readonly prices: HolderPrices
  /** Nodes, the most promising first. */
  readonly order: readonly number[]
  /** By the price of a share, the cheapest first. */
  readonly byShare: readonly number[]
  /** Of each operation the nodes, the cheapest first. */
  readonly ranked: readonly (readonly number[])[]
  readonly domainOf: readonly number[]
  readonly limit: number
  readonly held: Uint8Array
  /** Decided against, by node. */
  readonly isOut: Uint8Array
  readonly isChosen: Uint8Array
  readonly chosen: number[]
  readonly looksMax: number
  looks: number
  best: number[]
  bestCost: number
}

function newSearch(
  domains: readonly string[],
  sharing: Sharing,
  prices: HolderPrices,
  looksMax: number,
): Search {
  const nodes = [...domains.keys()]
  const by = (price: readonly number[]) => (a: number, b: number) =>
    (price[a] ?? 0) - (price[b] ?? 0)
  const takesPart = sharing.threshold / sharing.holders
  const promise = nodes.map((node) =>
    prices.part.reduce(
      (sum, price) => sum + takesPart * (price[node] ?? 0),
      prices.share[node] ?? 0,
    ),
  )
  const names = [...new Set(domains)]
  return {
    ...{
      sharing,
      prices,
      chosen: [],
      looksMax,
      looks: 0,
      best: [],
      bestCost: Number.POSITIVE_INFINITY,
    },
    order: [...nodes].sort(by(promise)),
    byShare: [...nodes].sort(by(prices.share)),
    ranked: prices.part.map((price) => [...nodes].sort(by(price))),
    domainOf: domains.map((domain) => names.indexOf(domain)),
    limit: domainLimit(sharing),
    held: new Uint8Array(names.length),
    isOut: new Uint8Array(nodes.length),
    isChosen: new Uint8Array(nodes.length),
  }
}

/** Nodes before `at` in the order are decided, their shares cost `shares`; nothing below costs less than `floor`. */
function descend(search: Search, at: number, shares: number, floor: number): void {
  const { sharing, order, chosen, held, domainOf, isOut, limit } = search
  search.looks++
  const missing = sharing.holders - chosen.length
  if (missing === 0) {
    // Of those that are left none becomes a holder: what was a bound is what it costs.
    for (const node of order.slice(at)) isOut[node] = 1
    const cost = partsAtLeast(search) + shares
    for (const node of order.slice(at)) isOut[node] = 0
    if (cost < search.bestCost) {
      search.bestCost = cost
      search.best = [...chosen]
    }
    return
  }
  if (order.length - at < missing || search.looks >= search.looksMax) return
  if (floor >= search.bestCost * (1 - TOLERANCE)) return
  const node = order[at] ?? 0
  const domain = domainOf[node] ?? 0
  if ((held[domain] ?? 0) < limit) {
    chosen.push(node)
    search.isChosen[node] = 1
    held[domain] = (held[domain] ?? 0) + 1
    descend(search, at + 1, shares + (search.prices.share[node] ?? 0), floor)
    held[domain] = (held[domain] ?? 0) - 1
    search.isChosen[node] = 0
    chosen.pop()
  }
  isOut[node] = 1
  descend(search, at + 1, shares, costAtLeast(search, shares))
  isOut[node] = 0
}

/** Though all nodes that are not decided became holders, and the cheapest of them were paid for. */
function costAtLeast(search: Search, shares: number): number {
  const { sharing, chosen, isOut, isChosen, prices, byShare } = search
  let sum = shares + partsAtLeast(search)
  let missing = sharing.holders - chosen.length
  for (let rank = 0; rank < byShare.length && missing > 0; rank++) {
    const node = byShare[rank] ?? 0
    if (isOut[node] === 1 || isChosen[node] === 1) continue
    sum += prices.share[node] ?? 0
    missing--
  }
  return sum
}

function partsAtLeast({ prices, ranked, sharing, isOut }: Search): number {
  let sum = 0
  for (let operation = 0; operation < ranked.length; operation++) {
    const price = prices.part[operation] ?? []
    const nodes = ranked[operation] ?? []
    let left = sharing.threshold
    for (let rank = 0; rank < nodes.length && left > 0; rank++) {
      const node = nodes[rank] ?? 0
      if (isOut[node] === 1) continue
      sum += price[node] ?? 0
      left--
    }
  }
  return sum
}
