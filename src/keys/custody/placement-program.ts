/**
 * The placement of shares as a linear program (LCU/1, section 2.3). Relaxed: a share may be in parts at several nodes, so its cost is below
 * that of every placement, which says how good one is.
 *
 * It is solved by columns (Dantzig and Wolfe 1960). As it stands, it has a row for each key, operation and node, ten thousand where the
 * nodes' CPU and room, two rows a node, are all that keys share. So its variables here are whole choices, "these nodes hold the key,
 * these of them do its operations", of which a solver mixes the ones it knows; at the prices that come of it for CPU and room, each key
 * names the choice that would be cheapest; and so on until no choice is cheaper than what is paid. Prices say at any time what
 * no placement can be below (Lagrange), so it can be stopped at any time.
 *
 * @module
 */
import { cheapestHolders, cheapestParts, type HolderPrices } from './cheapest-holders.ts'
import { isPlacement } from './domain-rule.ts'
import { type Placed, placeByRouting, placeByWeight, routeEverywhere } from './place-shares.ts'
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

/** A variable between 0 and `upper`, and where it stands. */
export interface Column {
  readonly cost: number
  readonly upper: number
  readonly rows: readonly number[]
  readonly values: readonly number[]
}

/** A program of least cost that grows: rows are there from the start, columns are added. */
export interface GrowingProgram {
  add(columns: readonly Column[]): void
  /** @throws when there is no solution */
  solve(): {
    readonly cost: number
    /** Of the columns, as they were added. */
    readonly values: Float64Array
    /** What cost rises by, a unit of each row's bound. */
    readonly prices: Float64Array
  }
}

export interface Row {
  readonly lower: number
  readonly upper: number
}

/** The solver: gives a program with these rows, and takes it back. */
export type WithProgram = <Result>(
  rows: readonly Row[],
  work: (program: GrowingProgram) => Result,
) => Promise<Result>

export interface Moving {
  readonly current: Placement
  /** What moving one share costs, against milliseconds of the mean operation. */
  readonly moveMs: number
}

export interface SolvedPlacement {
  /** Whole shares: of each key where most of it is. */
  readonly placed: Placed
  /** Of the relaxed program; moves are in it. */
  readonly costMs: number
  /** No placement costs less, its moves counted. */
  readonly boundMs: number
}

/** Cost above the bound, relative, that is not worth another round: a tenth of what rounding costs. */
const GAP = 1e-4
/** While a round brings cost down by more than this, relative, choices that are good will do: exact ones take ten times as long. */
const SLOW = 1e-3
const QUICK_LOOKS = 60
/** Of routing, to begin with: its prices are near enough. */
const START_ROUNDS = 20
/** Twelve nodes and 200 keys take 12 rounds (2026-11-22). */
const ROUNDS_MAX = 100
/**
 * Between these utilisations waiting is taken for straight, from below: its tangents, 0.025 apart, are off by less than 2 % of it where it
 * bends most.
 */
const TANGENTS = Array.from({ length: 29 }, (_, i) => 0.2 + 0.025 * i)
/** What is not allowed costs more than anything that is: a key without a place, CPU that is not there. */
const FORBIDDEN_MS = 1e6

/**
 * @param isLate asked before each key; what is known then is the answer
 * @throws Error `no_placement`: there is not enough room or CPU, or a key cannot be placed
 */
export async function solvePlacement(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  withProgram: WithProgram,
  { moving, isLate }: { readonly moving?: Moving; readonly isLate: () => boolean },
): Promise<SolvedPlacement> {
  const master = new Master(nodes, demands, moving)
  return await withProgram(master.rows, (program) => {
    program.add(master.fixedColumns)
    const { routing, utilisation } = routeEverywhere(nodes, demands, START_ROUNDS)
    const first = placeByRouting(nodes, demands, routing)
    const known = [moving?.current, first.kind === 'placed' ? first.placement : undefined]
    let prices = master.pricesAt(utilisation)
    for (const placement of known) {
      if (placement !== undefined) program.add(master.columnsOf(placement, prices))
    }
    // Nothing costs less than nothing.
    let boundMs = 0
    let solution = program.solve()
    let isExact = false
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const { columns, floor } = master.cheapest(prices, isExact ? undefined : QUICK_LOOKS, isLate)
      boundMs = Math.max(boundMs, floor)
      const before = solution.cost
      program.add(columns)
      solution = program.solve()
      const isBest = isExact && columns.length === 0
      if (isBest || solution.cost - boundMs <= GAP * solution.cost || isLate()) break
      // Guessed prices, those of the first round, say nothing of what comes.
      isExact ||= round > 0 && before - solution.cost <= SLOW * solution.cost
      prices = master.pricesIn(solution.prices)
    }
    const weight = master.weightIn(solution.values)
    const placed = placeByWeight(nodes, demands, (key, node) => weight[key]?.[node] ?? 0)
    return { placed, costMs: solution.cost, boundMs }
  })
}

/** What CPU and room cost, by node: of all the CPU it has, and of one share. */
interface NodePrices {
  readonly cpu: readonly number[]
  readonly room: readonly number[]
}

/** Rows: one choice a key, room of each node, CPU of each node. Columns: how busy nodes are, what is forbidden, choices. */
class Master {
  readonly rows: readonly Row[]
  readonly fixedColumns: readonly Column[]
  readonly #nodes: readonly CustodyNode[]
  readonly #demands: readonly KeyDemand[]
  readonly #domains: readonly string[]
  readonly #moving: Moving | undefined
  readonly #segments: readonly Segment[]
  /** Of each key and operation, by node. */
  readonly #partMs: readonly (readonly (readonly number[])[])[]
  readonly #partCpu: readonly (readonly (readonly number[])[])[]
  readonly #choices: { readonly key: number; readonly holders: readonly number[] }[] = []
  readonly #known = new Set<string>()

  constructor(
    nodes: readonly CustodyNode[],
    demands: readonly KeyDemand[],
    moving: Moving | undefined,
  ) {
    this.#nodes = nodes
    this.#demands = demands
    this.#moving = moving
    this.#domains = nodes.map(({ domain }) => domain)
    this.#segments = waitingSegments(QUEUE_MS / nodes.length)
    const total = totalRate(demands)
    this.#partMs = demands.map(({ perS }) =>
      perS.map((rate, operation) =>
        nodes.map((_, node) => partCost(nodes, node, operation, rate, total)),
      ),
    )
    this.#partCpu = demands.map(({ perS }) =>
      perS.map((rate, operation) =>
        nodes.map((_, node) => (rate * partMs(nodes, node, operation)) / cpuOf(nodes, node)),
      ),
    )
    this.rows = [
      ...demands.map(() => ({ lower: 1, upper: 1 })),
      ...nodes.map(({ slots }) => ({ lower: 0, upper: slots })),
      ...nodes.map(() => ({ lower: 0, upper: 0 })),
    ]
    this.fixedColumns = [
      ...demands.map((_, key) => {
        return { cost: FORBIDDEN_MS, upper: 1, rows: [key], values: [1] }
      }),
      ...nodes.flatMap((_, node) => {
        const busy = { rows: [this.#cpuRow(node)], values: [-1] }
        const too = { cost: FORBIDDEN_MS, upper: Number.POSITIVE_INFINITY, ...busy }
        return [
          ...this.#segments.map(({ width, slope }) => ({ cost: slope, upper: width, ...busy })),
          too,
        ]
      }),
    ]
  }

  #roomRow(node: number): number {
    return this.#demands.length + node
  }

  #cpuRow(node: number): number {
    return this.#demands.length + this.#nodes.length + node
  }

  /** While nothing is known but how busy nodes would be if all held everything: there is room. */
  pricesAt(utilisation: Float64Array): NodePrices {
    const slopeAt = (busy: number) => this.#segments.find(({ to }) => to >= busy)?.slope ?? 0
    return { cpu: Array.from(utilisation, slopeAt), room: this.#nodes.map(() => 0) }
  }

  /** A row's price has the sign of its bound: room is a bound from above, CPU is used up with a minus. */
  pricesIn(prices: Float64Array): NodePrices {
    const price = (row: number) => Math.max(0, -(prices[row] ?? 0))
    return {
      cpu: this.#nodes.map((_, node) => price(this.#cpuRow(node))),
      room: this.#nodes.map((_, node) => price(this.#roomRow(node))),
    }
  }

  /** Choices that are new, and what nothing can be below at these prices. */
  cheapest(
    prices: NodePrices,
    looksMax: number | undefined,
    isLate: () => boolean,
  ): { readonly columns: readonly Column[]; readonly floor: number } {
    const columns: Column[] = []
    let floor = 0
    for (const [key, demand] of this.#demands.entries()) {
      const at = this.#holderPrices(key, prices)
      const choice = cheapestHolders(this.#domains, demand, at, isLate() ? 1 : looksMax)
      floor += choice.floor
      const column = this.#columnOf(key, choice.holders, at)
      if (column !== undefined) columns.push(column)
    }
    for (const [node, { slots }] of this.#nodes.entries()) {
      const cpu = prices.cpu[node] ?? 0
      floor -= slots * (prices.room[node] ?? 0)
      for (const { width, slope } of this.#segments) floor += width * Math.min(0, slope - cpu)
    }
    return { columns, floor }
  }

  /** Of keys that are placed within the rule. */
  columnsOf(placement: Placement, prices: NodePrices): readonly Column[] {
    return this.#demands.flatMap((demand, key) => {
      const holders = placement[key] ?? []
      if (!isPlacement(this.#domains, demand, holders)) return []
      return this.#columnOf(key, holders, this.#holderPrices(key, prices)) ?? []
    })
  }

  /** @throws Error `no_placement` */
  weightIn(values: Float64Array): readonly Float64Array[] {
    const segments = this.#segments.length
    for (const [i, { cost }] of this.fixedColumns.entries()) {
      if (cost === FORBIDDEN_MS && (values[i] ?? 0) > 1e-6) {
        throw new Error('no_placement: there is not enough room, CPU, or domains')
      }
    }
    const first = this.#demands.length + this.#nodes.length * (segments + 1)
    const weight = this.#demands.map(() => new Float64Array(this.#nodes.length))
    for (const [i, { key, holders }] of this.#choices.entries()) {
      const own = weight[key] as Float64Array
      for (const node of holders) own[node] = (own[node] ?? 0) + (values[first + i] ?? 0)
    }
    return weight
  }

  #holderPrices(key: number, { cpu, room }: NodePrices): HolderPrices {
    const current = this.#moving?.current[key]
    const share = room.map((price, node) => {
      // No share was here: what is, has moved.
      const moved = current === undefined || current.includes(node) ? 0 : this.#moving?.moveMs
      return price + (moved ?? 0)
    })
    const part = (this.#partMs[key] ?? []).map((costs, operation) =>
      costs.map((ms, node) => {
        return ms + (cpu[node] ?? 0) * (this.#partCpu[key]?.[operation]?.[node] ?? 0)
      }),
    )
    return { share, part }
  }

  /** undefined: it is known, or there is none. */
  #columnOf(key: number, holders: readonly number[], prices: HolderPrices): Column | undefined {
    if (holders.length === 0) return undefined
    const parts = cheapestParts(this.#demands[key] as KeyDemand, prices, holders)
    const name = JSON.stringify([key, holders, parts.map((nodes) => nodes.toSorted())])
    if (this.#known.has(name)) return undefined
    this.#known.add(name)
    this.#choices.push({ key, holders })
    const current = this.#moving?.current[key]
    const moved = current === undefined ? [] : holders.filter((node) => !current.includes(node))
    let cost = moved.length * (this.#moving?.moveMs ?? 0)
    const cpu = new Map<number, number>()
    for (const [operation, nodes] of parts.entries()) {
      for (const node of nodes) {
        cost += this.#partMs[key]?.[operation]?.[node] ?? 0
        const more = this.#partCpu[key]?.[operation]?.[node] ?? 0
        cpu.set(node, (cpu.get(node) ?? 0) + more)
      }
    }
    const busy = [...cpu].filter(([, work]) => work > 0)
    return {
      ...{ cost, upper: Number.POSITIVE_INFINITY },
      rows: [
        key,
        ...holders.map((node) => this.#roomRow(node)),
        ...busy.map(([node]) => this.#cpuRow(node)),
      ],
      values: [1, ...holders.map(() => 1), ...busy.map(([, work]) => work)],
    }
  }
}

/** A stretch of utilisation over which waiting rises straight. */
interface Segment {
  readonly to: number
  readonly width: number
  readonly slope: number
}

/** Waiting, rho / (1 - rho), under its tangents: from nothing to the utmost utilisation. */
function waitingSegments(waitMs: number): readonly Segment[] {
  const tangents = TANGENTS.map((at) => {
    const slope = (1 - at) ** -2
    return { slope, start: at / (1 - at) - slope * at }
  })
  const lines = [{ slope: 0, start: 0 }, ...tangents]
  let from = 0
  return lines.map(({ slope, start }, i) => {
    const next = lines[i + 1]
    const to = next === undefined ? UTILISATION_MAX : (start - next.start) / (next.slope - slope)
    const width = to - from
    from = to
    return { to, width, slope: waitMs * slope }
  })
}
