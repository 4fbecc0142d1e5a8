/**
 * The placement of shares as a linear program (LCU/1, section 2.3), in CPLEX's LP format, and its solution rounded to nodes. Relaxed:
 * a share may be in parts at several nodes, so its cost is below that of every placement, which says how good one is. What
 * solves it is `adapters/node/highs-solver.ts`.
 *
 * Variables: y holds a share, x takes part in an operation, u utilisation, q waiting.
 *
 * @module
 */
import { domainLimit } from './domain-rule.ts'
import { type Placed, placeByWeight } from './place-shares.ts'
import {
  type CustodyNode,
  cpuOf,
  type KeyDemand,
  type Placement,
  partCost,
  partMs,
  QUEUE_MS,
  totalRate,
  UTILISATION_MAX,
} from './route-shares.ts'

export interface Moving {
  readonly current: Placement
  /** What moving one share costs, against milliseconds of the mean operation. */
  readonly moveMs: number
}

/**
 * Between these utilisations waiting is taken for straight, from below: its tangents, 0.025 apart, are off by less than 2 % of it where it
 * bends most.
 */
const TANGENTS = Array.from({ length: 29 }, (_, i) => 0.2 + 0.025 * i)

export function writePlacementProgram(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  moving?: Moving,
): string {
  const total = totalRate(demands)
  const cost: string[] = []
  const rows: string[] = []
  const bounds: string[] = []
  const all = [...nodes.keys()]
  const domains = new Set(nodes.map(({ domain }) => domain))
  demands.forEach((demand, key) => {
    rows.push(`${all.map((node) => `y${key}_${node}`).join(' + ')} = ${demand.holders}`)
    for (const domain of domains) {
      const within = all.filter((node) => nodes[node]?.domain === domain)
      rows.push(`${within.map((node) => `y${key}_${node}`).join(' + ')} <= ${domainLimit(demand)}`)
    }
    for (const node of all) bounds.push(`0 <= y${key}_${node} <= 1`)
    demand.perS.forEach((rate, operation) => {
      rows.push(
        `${all.map((node) => `x${key}_${operation}_${node}`).join(' + ')} = ${demand.threshold}`,
      )
      for (const node of all) {
        const name = `x${key}_${operation}_${node}`
        rows.push(`${name} - y${key}_${node} <= 0`)
        cost.push(`${number(partCost(nodes, node, operation, rate, total))} ${name}`)
      }
    })
    for (const node of moving?.current[key] === undefined ? [] : all) {
      if (moving?.current[key]?.includes(node)) continue
      // No share was here: what is, has moved.
      cost.push(`${number(moving?.moveMs ?? 0)} y${key}_${node}`)
    }
  })
  for (const node of all) {
    rows.push(`${demands.map((_, key) => `y${key}_${node}`).join(' + ')} <= ${nodes[node]?.slots}`)
    const work = demands.flatMap(({ perS }, key) =>
      perS.map((rate, operation) => {
        const part = (rate * partMs(nodes, node, operation)) / cpuOf(nodes, node)
        return `${number(part)} x${key}_${operation}_${node}`
      }),
    )
    rows.push(`${work.join(' + ')} - u${node} = 0`)
    bounds.push(`0 <= u${node} <= ${UTILISATION_MAX}`)
    for (const at of TANGENTS) {
      const slope = (1 - at) ** -2
      rows.push(`q${node} - ${number(slope)} u${node} >= ${number(at / (1 - at) - slope * at)}`)
    }
    cost.push(`${number(QUEUE_MS / nodes.length)} q${node}`)
  }
  const named = rows.map((row, i) => `r${i}: ${row}`)
  return `Minimize\n cost: ${cost.join('\n + ')}\nSubject To\n${named.join('\n')}\nBounds\n${bounds.join('\n')}\nEnd\n`
}

/** Whole shares: of each key where most of it is. @param value of the program's variables, by name, in its solution */
export function roundPlacement(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  value: (name: string) => number,
): Placed {
  return placeByWeight(nodes, demands, (key, node) => value(`y${key}_${node}`))
}

/** More digits than the solver's tolerance of 10^-7 asks for. */
function number(value: number): string {
  return value.toPrecision(9)
}
