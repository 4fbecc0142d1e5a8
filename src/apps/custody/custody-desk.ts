/**
 * Looks after a cluster while it is used: drills its shares (`drill-schedule.ts`), works out each minute how often each holder takes part in the work
 * with a key, and every quarter of an hour where shares should be; if so configured it moves them. Whoever uses keys goes on when all
 * of it fails: chances stay what they were.
 *
 * @module
 */
import type { SodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { toHex } from '../../ground/hex.ts'
import type { Random } from '../../ground/random.ts'
import type { ClusterConfig } from './cluster-config.ts'
import type { CustodyClient } from './custody-client.ts'
import { type DrillFinding, DrillSchedule } from './drill-schedule.ts'
import type { DemandSeries } from './key-demand.ts'
import type { KeyUse } from './key-use.ts'
import type { Changes } from './open-cluster.ts'
import { DEMANDED } from './operation-costs.ts'
import { placeInThread } from './place-in-thread.ts'
import type { PlacementPlan, PlaceResult } from './place-job.ts'
import { type MoveResult, type NamedMove, runMoves } from './run-moves.ts'
import {
  type Countable,
  countable,
  domainOf,
  type PlacedNode,
  type Survey,
  surveyCluster,
  surveyNodes,
} from './survey-cluster.ts'

export interface CustodyDeskOptions {
  readonly cluster: DeskCluster
  readonly use: KeyUse
  readonly now: () => number
  /** A share that is bad, or good again: each once. */
  onFinding(finding: DrillFinding): void
  /** One line: moves; what has failed. */
  tell(level: 'info' | 'warn', text: string): void
  /** {@link placeInThread} for all but tests. */
  readonly place?: typeof placeInThread
}

export interface DeskCluster {
  readonly config: Pick<ClusterConfig, 'drill' | 'placement'> & {
    readonly nodes: readonly PlacedNode[]
  }
  readonly client: CustodyClient
  readonly groups: SodiumGroups
  readonly random: Random
  /** undefined: shares are looked at, and not changed. */
  readonly changes: Pick<Changes, 'driver'> | undefined
}

/** As the desk sees the cluster. */
export interface DeskView {
  readonly survey: Survey | undefined
  /** Of CPU that nodes have, by id. */
  readonly load: ReadonlyMap<string, number>
  /** Until {@link DeskView.countedS}, seconds since 1970. */
  readonly demand: readonly DemandSeries[]
  readonly countedS: number | undefined
  readonly drilled: ReturnType<DrillSchedule['results']>
  readonly plan: PlannedMoves | undefined
}

export interface PlannedMoves
  extends Pick<PlacementPlan, 'by' | 'costMs' | 'boundMs' | 'isWorthIt'> {
  readonly at: number
  /** Of the mean operation, with shares where they were. */
  readonly beforeMs: number
  readonly moves: readonly NamedMove[]
  /** undefined: they were not made. */
  readonly results: readonly MoveResult[] | undefined
}

/** PROTOCOLS, section 2.3. */
const ROUTE_MS = 60_000
const PLAN_MINUTES = 15
/** Placed for what the coming hour needs: a move lasts. */
const AHEAD_MINUTES = 60
/** Shown of the past. */
const PAST_MINUTES = 180
const SOLVE_S = 60

export class CustodyDesk {
  readonly drills: DrillSchedule
  readonly #options: CustodyDeskOptions
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  /** Never reject. */
  #looking: Promise<void> = Promise.resolve()
  #nextLook: Promise<void> | undefined
  #minutes = 0
  #survey: Survey | undefined
  #load: ReadonlyMap<string, number> = new Map()
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
      onFinding: (finding) => {
        options.onFinding(finding)
        // A repair makes a new generation.
        void this.#lookAgain()
      },
      onError: (text) => tell('warn', `custody: drill: ${text}`),
    })
  }

  begin(): void {
    this.drills.begin()
    this.#timer = setInterval(() => {
      this.#options.use.endMinute()
      this.tick()
    }, ROUTE_MS)
    this.#timer.unref()
    this.tick()
  }

  /** Once a minute. One at a time: what takes longer skips a minute. */
  tick(): void {
    if (this.#running !== undefined) return
    const isPlanning = this.#minutes++ % PLAN_MINUTES === 0
    this.#running = this.#minute(isPlanning)
      .catch((error: Error) => this.#options.tell('warn', `custody: placement: ${error.message}`))
      .finally(() => {
        this.#running = undefined
      })
  }

  /** All keys now; resolves when what came of it is seen. Never rejects. */
  async drillNow(): Promise<void> {
    await this.drills.drillNow()
    await this.#lookAgain()
  }

  view(): DeskView {
    const { demand: counted } = this.#options.use
    const demand = counted.series(PAST_MINUTES, AHEAD_MINUTES)
    const { endedS: countedS } = counted
    const drilled = this.drills.results()
    const [survey, load, plan] = [this.#survey, this.#load, this.#plan]
    return { survey, load, demand, countedS, drilled, plan }
  }

  /** When what is under way is over: a move that has begun ends. What was counted is kept. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.drills.close()
    await this.#running
    await (this.#nextLook ?? this.#looking)
    this.#options.use.endMinute()
  }

  async #minute(isPlanning: boolean): Promise<void> {
    const { cluster, use, place = placeInThread } = this.#options
    const { config, client } = cluster
    const { mode, movesMax, moveMs } = config.placement
    const before = isPlanning ? undefined : this.#survey
    const survey =
      before === undefined
        ? await surveyCluster(config, client)
        : { ...before, nodes: await surveyNodes(config, client, before.keys) }
    this.#survey = survey
    if (isPlanning) use.writeExpected(AHEAD_MINUTES)
    if (mode === 'off') return
    // The first plan as soon as there is something to plan for.
    const isDue = isPlanning || this.#plan === undefined
    const expected = use.demand.expected(isDue ? AHEAD_MINUTES : 1)
    const used = [...expected.values()].some((perS) => perS.some((one) => one > 0))
    // Of keys that nobody uses no place is better than another.
    if (!used) return
    const nothing = NO_DEMAND
    const counted = countable(config, survey, (keyId) => expected.get(toHex(keyId)) ?? nothing)
    const moving = isDue ? { movesMax, moveMs, solveS: SOLVE_S } : undefined
    const { nodes, demands, current } = counted
    const result = await place({ nodes, demands, current, moving })
    use.routing.set(counted, result.routing)
    this.#load = new Map(counted.ids.map((id, i) => [id, result.utilisation[i] ?? 0]))
    if (result.plan !== undefined) await this.#follow(counted, result)
  }

  async #follow({ keys, ids }: Countable, { plan, costMs: beforeMs }: PlaceResult): Promise<void> {
    if (plan === undefined) return
    const { cluster, tell, now } = this.#options
    const { config, client, changes } = cluster
    const { by, costMs, boundMs, isWorthIt } = plan
    const moves = plan.moves.flatMap(({ key, from, to }): NamedMove[] => {
      const [keyId, a, b] = [keys[key]?.keyId, ids[from], ids[to]]
      return keyId && a !== undefined && b !== undefined ? [{ keyId, from: a, to: b }] : []
    })
    const worth = { by, beforeMs, costMs, boundMs, isWorthIt }
    this.#plan = { at: now(), ...worth, moves, results: undefined }
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
    await this.#lookAgain()
  }

  /** At all keys. Who asks while it is under way waits for one that begins later. */
  #lookAgain(): Promise<void> {
    this.#nextLook ??= this.#looking.then(async () => {
      this.#looking = this.#nextLook ?? this.#looking
      this.#nextLook = undefined
      const { cluster, tell } = this.#options
      try {
        this.#survey = await surveyCluster(cluster.config, cluster.client)
      } catch (error) {
        tell('warn', `custody: ${(error as Error).message}`)
      }
    })
    return this.#nextLook
  }
}

const NO_DEMAND: readonly number[] = DEMANDED.map(() => 0)
