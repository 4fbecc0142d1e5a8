/**
 * From one placement to another, one share at a time, each step within the domain rule before, during and after it (`domain-rule.ts`):
 * wherever it stops, any one domain may die and none has the key. A step is a reshare to all holders but one and another
 * (`docs/wire/custody.md`).
 *
 * @module
 */
import { mayMove } from './domain-rule.ts'
import type { CustodyNode, KeyDemand, Placement } from './route-shares.ts'

/** One holder of a key, by index, gives way to another node. */
export interface ShareMove {
  readonly key: number
  readonly from: number
  readonly to: number
}

export interface MovePlan {
  /** In this order. */
  readonly moves: readonly ShareMove[]
  /** What comes of them. */
  readonly placement: Placement
  /** Keys that stay where they are for now: too many moves, or no way of allowed steps. */
  readonly left: readonly number[]
}

/**
 * @param order of the keys, by index, those that gain most first: the limit may leave the others where they are
 * @param movesMax of shares in all; a key moves wholly or not at all
 */
export function planMoves(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  current: Placement,
  target: Placement,
  { order, movesMax }: { readonly order: readonly number[]; readonly movesMax: number },
): MovePlan {
  const free = nodes.map(({ slots }) => slots)
  for (const place of current) for (const node of place) free[node] = (free[node] ?? 0) - 1
  const placement: (readonly number[])[] = [...current]
  const moves: ShareMove[] = []
  const left: number[] = []
  for (const key of order) {
    const demand = demands[key] as KeyDemand
    const from = current[key] ?? []
    const way = wayOf(nodes, demand, from, target[key] ?? from, free)
    if (way === undefined || moves.length + way.length > movesMax) {
      left.push(key)
      continue
    }
    for (const { from: node, to } of way) {
      moves.push({ key, from: node, to })
      free[node] = (free[node] ?? 0) + 1
      free[to] = (free[to] ?? 0) - 1
    }
    placement[key] = apply(from, way)
  }
  return { moves, placement, left }
}

type Step = Pick<ShareMove, 'from' | 'to'>

/** Steps of one key, undefined when there are none that are allowed. */
function wayOf(
  nodes: readonly CustodyNode[],
  demand: KeyDemand,
  from: readonly number[],
  target: readonly number[],
  free: readonly number[],
): Step[] | undefined {
  const domains = nodes.map(({ domain }) => domain)
  const way: Step[] = []
  let place = from
  const isAllowed = (step: Step) => {
    // What this key gave up on its way is free again.
    const room = (free[step.to] ?? 0) + (from.includes(step.to) ? 1 : 0)
    return room > 0 && mayMove(domains, demand, place, apply(place, [step]))
  }
  // Each share moves at most twice: aside, and to where it belongs.
  while (way.length < 2 * demand.holders) {
    const leaving = place.filter((node) => !target.includes(node))
    if (leaving.length === 0) return way
    const coming = target.filter((node) => !place.includes(node))
    const others = [...nodes.keys()].filter(
      (node) => !place.includes(node) && !target.includes(node),
    )
    const step = [...pairs(leaving, coming), ...pairs(leaving, others)].find(isAllowed)
    if (step === undefined) return undefined
    way.push(step)
    place = apply(place, [step])
  }
  return place.every((node) => target.includes(node)) ? way : undefined
}

function pairs(from: readonly number[], to: readonly number[]): Step[] {
  return from.flatMap((one) => to.map((other) => ({ from: one, to: other })))
}

function apply(place: readonly number[], steps: readonly Step[]): number[] {
  let nodes = [...place]
  for (const { from, to } of steps) nodes = [...nodes.filter((node) => node !== from), to]
  return nodes.sort((a, b) => a - b)
}
