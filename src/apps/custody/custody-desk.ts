/**
 * Looks after a cluster while it is used: drills its shares (`drill-schedule.ts`), works out each minute how often each holder takes part in the work
 * with a key, and every quarter of an hour where shares should be; if so configured it moves them. Whoever uses keys goes on when all
 * of it fails: chances stay what they were.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'
import { writeDemand } from './demand-file.ts'
import { DrillSchedule } from './drill-schedule.ts'
import type { KeyDemand } from './key-demand.ts'
import type { OpenCluster } from './open-cluster.ts'
import { DEMANDED } from './operation-costs.ts'
import { placeInThread } from './place-in-thread.ts'
import type { PlacementPlan, PlaceResult } from './place-job.ts'
import type { RoutingTable } from './routing-table.ts'
import { type MoveResult, type NamedMove, runMoves } from './run-moves.ts'
import {
  type Countable,
  countable,
  domainOf,
  type Survey,
  surveyCluster,
} from './survey-cluster.ts'

export interface CustodyDeskOptions {
  readonly cluster: OpenCluster
  readonly demand: KeyDemand
  readonly routing: RoutingTable
  /** Where what is expected of keys is kept for `limen custody plan`; undefined: nowhere. */
  readonly demandFile?: string
  readonly now: () => number
  /** One line: a share that is bad, or good again; moves; what has failed. */
  tell(level: 'info' | 'warn', text: string): void
  /** {@link placeInThread} for all but tests. */
  readonly place?: typeof placeInThread
}

/** As the desk sees the cluster. */
export interface DeskView {
  readonly survey: Survey | undefined
  /** Of CPU that nodes have, by id. */
  readonly load: ReadonlyMap<string, number>
  readonly costMs: number | undefined
  readonly expected: ReadonlyMap<string, readonly number[]>
  readonly drilled: ReturnType<DrillSchedule['results']>
  readonly plan: PlannedMoves | undefined
}

export interface PlannedMoves extends Pick<PlacementPlan, 'by' | 'costMs' | 'isWorthIt'> {
  readonly at: number
  readonly moves: readonly NamedMove[]
  /** undefined: they were not made. */
  readonly results: readonly MoveResult[] | undefined
}

/** PROTOCOLS, section 2.3. */
const ROUTE_MS = 60_000
const PLAN_MINUTES = 15
/** Placed for what the coming hour needs: a move lasts. */
const AHEAD_MINUTES = 60
const SOLVE_S = 60

export class CustodyDesk {
  readonly drills: DrillSchedule
  readonly #options: CustodyDeskOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #minutes = 0
  #survey: Survey | undefined
  #load: ReadonlyMap<string, number> = new Map()
  #costMs: number | undefined
  #plan: PlannedMoves | undefined

  constructor(options: CustodyDeskOptions) {
    this.#options = options
    const { cluster, tell, now } = options
    const { client, groups, random, config, changes } = cluster
    const isRepairing = config.drill.repair
    this.drills = new DrillSchedule({
      ...{ links: client.links, manifests: client.manifests, groups, random, now },
      everyMs: 1000 * config.drill.everyS,
      driver: isRepairing ? changes?.driver : undefined,
      onFinding: ({ keyId, node, fault }) =>
        fault === undefined
          ? tell('info', `custody: the share of key ${keyId} at ${node} is good again`)
          : tell('warn', `custody: the share of key ${keyId} at ${node} is bad: ${fault}`),
      onError: (text) => tell('warn', `custody: drill: ${text}`),
    })
  }

  begin(): void {
    this.drills.begin()
    this.#timer = setInterval(() => this.tick(), ROUTE_MS)
    this.#timer.unref()
    this.tick()
  }

  /** A minute is over. One at a time: what takes longer skips a minute. */
  tick(): void {
    this.#options.demand.endMinute(Math.floor(this.#options.now() / 1000))
    if (this.#running !== undefined) return
    const isPlanning = this.#minutes++ % PLAN_MINUTES === 0
    this.#running = this.#minute(isPlanning)
      .catch((error: Error) => this.#options.tell('warn', `custody: placement: ${error.message}`))
      .finally(() => {
        this.#running = undefined
      })
  }

  view(): DeskView {
    const expected = this.#options.demand.expected(AHEAD_MINUTES)
    const drilled = this.drills.results()
    const [survey, load, costMs, plan] = [this.#survey, this.#load, this.#costMs, this.#plan]
    return { survey, load, costMs, expected, drilled, plan }
  }

  /** When what is under way is over: a move that has begun ends. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.drills.close()
    await this.#running
  }

  async #minute(isPlanning: boolean): Promise<void> {
    const { cluster, demand, routing, demandFile, place = placeInThread } = this.#options
    const { config, client } = cluster
    const { mode, movesMax, moveMs } = config.placement
    if (mode === 'off') return
    if (isPlanning || this.#survey === undefined) {
      this.#survey = await surveyCluster(config, client)
      if (demandFile !== undefined) writeDemand(demandFile, demand.expected(AHEAD_MINUTES))
    }
    const expected = demand.expected(isPlanning ? AHEAD_MINUTES : 1)
    // Of keys that nobody uses no place is better than another.
    if (expected.size === 0) return
    const nothing = NO_DEMAND
    const counted = countable(
      config,
      this.#survey,
      (keyId) => expected.get(toHex(keyId)) ?? nothing,
    )
    const moving = isPlanning ? { movesMax, moveMs, solveS: SOLVE_S } : undefined
    const { nodes, demands, current } = counted
    const result = await place({ nodes, demands, current, moving })
    routing.set(counted, result.routing)
    this.#load = new Map(counted.ids.map((id, i) => [id, result.utilisation[i] ?? 0]))
    this.#costMs = result.costMs
    if (result.plan !== undefined) await this.#follow(counted, result)
  }

  async #follow({ keys, ids }: Countable, { plan }: PlaceResult): Promise<void> {
    if (plan === undefined) return
    const { cluster, tell, now } = this.#options
    const { config, client, changes } = cluster
    const { by, costMs, isWorthIt } = plan
    const moves = plan.moves.flatMap(({ key, from, to }): NamedMove[] => {
      const [keyId, a, b] = [keys[key]?.keyId, ids[from], ids[to]]
      return keyId && a !== undefined && b !== undefined ? [{ keyId, from: a, to: b }] : []
    })
    this.#plan = { at: now(), by, costMs, isWorthIt, moves, results: undefined }
    if (config.placement.mode !== 'act' || !isWorthIt || changes === undefined) return
    const { links, manifests } = client
    const domains = new Map(config.nodes.map((node) => [node.id, domainOf(node)]))
    const results = await runMoves(
      { links, manifests, driver: changes.driver, domainOf: (id) => domains.get(id) ?? id },
      moves,
    )
    this.#plan = { ...this.#plan, results }
    for (const { keyId, from, to, outcome, why = '' } of results) {
      const level = outcome === 'moved' ? 'info' : 'warn'
      tell(level, `custody: share of key ${toHex(keyId)} from ${from} to ${to}: ${outcome} ${why}`)
    }
    this.#survey = undefined
  }
}

const NO_DEMAND: readonly number[] = DEMANDED.map(() => 0)
