/**
 * Looks at each pool with `scaling` every few seconds, asks `planCapacity` how many servers there should be, shows it, and with
 * `forecast.mode: act` does something about it: tells a webhook, and has processes started and stopped. Nothing here is in the way of a request.
 *
 * What is measured are the requests that came: those that ended, and those that are under way more than before.
 *
 * @module
 */
import { join } from 'node:path'
import type { AuditLog } from '../../adapters/node/audit-log.ts'
import type { Log } from '../../adapters/node/json-log.ts'
import { endLeftovers } from '../../adapters/node/owned-process.ts'
import type { Webhook } from '../../adapters/node/webhook.ts'
import type { ForecastView } from '../../flows/explain-forecast.ts'
import { isProven } from '../../flows/explain-forecast.ts'
import {
  type CapacityPlan,
  openWishes,
  planCapacity,
  type Wishes,
} from '../../flows/plan-capacity.ts'
import type { Clock } from '../../ground/clock.ts'
import type { DataPlane, UpstreamView } from '../../ports/data-plane.ts'
import type { Config } from './config/schema.ts'
import { PoolProcesses, type ProcessView } from './pool-processes.ts'

export interface ScalingView {
  readonly pool: string
  /** When it was looked at last. */
  readonly at: number
  /** `observe`: nothing is done about it. */
  readonly mode: 'observe' | 'act'
  readonly by: 'forecast' | 'measured'
  readonly min: number
  readonly max: number
  readonly up: number
  readonly starting: number
  readonly wanted: number
  readonly reason: CapacityPlan['reason']
  readonly explained: string
  /** Requests per second that came lately, and that one server carries at the utilisation wanted; null is unknown. */
  readonly measured: number | null
  readonly perServer: number | null
  readonly processes: readonly ProcessView[]
  /** The newest first. */
  readonly actions: readonly ScalingAction[]
  /** Since Limen was started: each time that one of the two changed, the oldest first. */
  readonly counts: readonly ServerCount[]
}

/** From this moment on. */
export interface ServerCount {
  readonly at: number
  readonly wanted: number
  readonly up: number
}

export interface ScalingAction {
  readonly at: number
  readonly did: string
  /** '' for the pool. */
  readonly server: string
  readonly why: string
}

/** A server that runs as a process here, in a pool. */
export interface StartedServer {
  readonly id: string
  readonly port: number
}

export interface PoolsScaled {
  views(): readonly ScalingView[]
  /** Servers that run as processes here, by pool. */
  started(pool: string): readonly StartedServer[]
  /** Looks first now. `changed` tells the data plane which servers there are. */
  begin(changed: () => Promise<void>): void
  close(): Promise<void>
}

export interface ScalePoolsOptions {
  readonly config: Config
  readonly plane: Pick<DataPlane, 'upstreams' | 'workers' | 'changeServer'>
  readonly clock: Clock
  readonly log: Log
  readonly audit: Pick<AuditLog, 'append'>
  readonly environment: NodeJS.ProcessEnv
  /** undefined while forecasts are off. */
  readonly forecasts: () => readonly ForecastView[]
  readonly stepS: number
  /** A webhook of a pool, where it has one. */
  readonly openWebhook: (pool: string, onEnd: WebhookEnd) => Webhook | undefined
}

export type WebhookEnd = (taken: boolean, attempts: number, why: string) => void

/** As often as Kubernetes' HorizontalPodAutoscaler, or each step of the forecast if that is shorter. */
const LOOK_MS = 15_000
/** Requests are counted over so long: what a metrics server gives the autoscaler. */
const MEASURED_MS = 15_000
const ACTIONS_MAX = 100
/** Changes of the number of servers that are remembered: a day of one in three minutes. */
const COUNTS_MAX = 500
/** A forecast is of now while it is no older than so many steps. */
const FRESH_STEPS = 2

export function scalePools(options: ScalePoolsOptions): PoolsScaled {
  const scaling = new Scaling(options)
  return {
    views: () => scaling.views(),
    started: (pool) => scaling.started(pool),
    begin: (changed) => scaling.begin(changed),
    close: () => scaling.close(),
  }
}

class Scaling {
  readonly #options: ScalePoolsOptions
  readonly #pools: readonly PoolScaling[]
  readonly #lookMs: number
  #timer: NodeJS.Timeout | undefined
  #changed: () => Promise<void> = async () => {}
  /** The data plane does not know yet which servers there are. */
  #isUntold = false

  constructor(options: ScalePoolsOptions) {
    this.#options = options
    this.#lookMs = Math.min(LOOK_MS, options.stepS * 1000)
    this.#pools = options.config.pools.flatMap((pool) => {
      const { scaling } = pool
      if (scaling === undefined) return []
      return [new PoolScaling(options, { ...pool, scaling }, () => this.#tell())]
    })
  }

  views(): readonly ScalingView[] {
    return this.#pools.map((pool) => pool.view())
  }

  started(name: string): readonly StartedServer[] {
    return this.#pools.find((pool) => pool.name === name)?.started() ?? []
  }

  begin(changed: () => Promise<void>): void {
    if (this.#pools.length === 0) return
    this.#changed = changed
    const look = (): void => {
      if (this.#isUntold) void this.#tell()
      for (const pool of this.#pools) pool.look()
    }
    look()
    this.#timer = setInterval(look, this.#lookMs)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#pools.map((pool) => pool.close()))
  }

  async #tell(): Promise<void> {
    this.#isUntold = false
    try {
      await this.#changed()
    } catch (error) {
      this.#isUntold = true
      this.#options.log.error({ err: error }, 'Servers that came or went are not known yet')
    }
  }
}

type Pool = Config['pools'][number]

interface Seen {
  readonly atMs: number
  readonly byServer: ReadonlyMap<string, UpstreamView>
}

class PoolScaling {
  readonly name: string
  readonly #options: ScalePoolsOptions
  readonly #scaling: NonNullable<Pool['scaling']>
  readonly #listed: number
  readonly #places: number
  readonly #wishes: Wishes = openWishes()
  readonly #processes: PoolProcesses | undefined
  readonly #webhook: Webhook | undefined
  #seen: Seen | undefined
  /** Requests that came, over the last {@link MEASURED_MS}. */
  #came: { readonly fromMs: number; readonly requests: number }[] = []
  #learned: number | undefined
  #view: ScalingView
  #actions: readonly ScalingAction[] = []
  #counts: readonly ServerCount[] = []

  constructor(
    options: ScalePoolsOptions,
    pool: Pool & { readonly scaling: NonNullable<Pool['scaling']> },
    changed: () => Promise<void>,
  ) {
    const { name, servers, scaling } = pool
    this.name = name
    this.#options = options
    this.#scaling = scaling
    this.#listed = servers.filter(({ weight }) => weight > 0).length
    this.#places = servers[0]?.connectionsMax ?? 0
    const { mode } = options.config.forecast
    if (mode === 'act') {
      this.#processes = this.#openProcesses(changed)
      this.#webhook = options.openWebhook(name, (taken, attempts, why) =>
        this.#told(taken, attempts, why),
      )
    }
    const { by, min, max } = scaling
    this.#view = {
      ...{ pool: name, at: options.clock.now(), mode, by, min, max, up: 0, starting: 0 },
      ...{ wanted: this.#listed, reason: 'enough', explained: 'Not looked at yet' },
      ...{ measured: null, perServer: null, processes: [], actions: [], counts: [] },
    }
  }

  started(): readonly StartedServer[] {
    return this.#processes?.served() ?? []
  }

  view(): ScalingView {
    return {
      ...this.#view,
      processes: this.#processes?.views() ?? [],
      actions: this.#actions,
      counts: this.#counts,
    }
  }

  look(): void {
    const { plane, clock, stepS } = this.#options
    const now = clock.now()
    const upstreams = plane.upstreams().filter(({ pool }) => pool === this.name)
    const measured = this.#measure(upstreams, now)
    const there = this.#processes?.counts() ?? { ready: 0, coming: 0 }
    const up =
      this.#processes === undefined
        ? upstreams.filter(({ state, weight }) => state === 'up' && weight > 0).length
        : this.#listed + there.ready
    const perServer = this.#perServer()
    const question = {
      ...{ ahead: this.#ahead(now), stepS, measured, perServer, up, starting: there.coming },
      busy: this.#busyShare(upstreams),
    }
    const plan = planCapacity(this.#wishes, question, this.#scaling, now / 1000)
    const before = this.#view
    this.#view = {
      ...{ ...before, ...plan, at: now, up, starting: there.coming },
      measured: Number.isNaN(measured) ? null : measured,
      perServer: perServer ?? null,
    }
    this.#follow(before, plan)
    this.#count(now)
  }

  async close(): Promise<void> {
    this.#webhook?.close()
    await this.#processes?.close()
  }

  #openProcesses(changed: () => Promise<void>): PoolProcesses | undefined {
    const { config, clock, plane, log, environment } = this.#options
    const { processes, max, startUpS } = this.#scaling
    if (processes === undefined) return undefined
    const owner = join(config.data, this.name)
    const left = endLeftovers(owner)
    if (left.length > 0) log.warn({ pool: this.name, pids: left }, 'Ended what was left behind')
    return new PoolProcesses({
      ...{ ...processes, startUpS, owner, changed },
      cwd: processes.cwd ?? '.',
      max: max - this.#listed,
      env: { ...withoutOurs(environment), ...processes.env },
      drainMs: config.timeouts.drainMs,
      now: () => clock.now(),
      drain: (id, draining) => void plane.changeServer(this.name, id, { draining }),
      inFlight: (id) =>
        plane.upstreams().find((one) => one.pool === this.name && one.id === id)?.inFlight ?? 0,
      act: (did, server, why) => this.#act(`process.${did}`, server, why),
    })
  }

  /** Counts to here, and gives requests per second over the last {@link MEASURED_MS}. */
  #measure(upstreams: readonly UpstreamView[], now: number): number {
    const before = this.#seen
    this.#seen = { atMs: now, byServer: new Map(upstreams.map((one) => [one.id, one])) }
    const isCounted = this.#options.plane.workers().some(({ state }) => state === 'serving')
    if (before === undefined || !isCounted) return Number.NaN
    let requests = 0
    for (const { id, requests: ended, inFlight } of upstreams) {
      const then = before.byServer.get(id)
      // A counter that fell was begun anew.
      const isSame = then !== undefined && then.requests <= ended
      requests += isSame ? ended - then.requests + inFlight - then.inFlight : ended + inFlight
    }
    this.#came.push({ fromMs: before.atMs, requests: Math.max(0, requests) })
    this.#came = this.#came.filter(({ fromMs }) => now - fromMs <= MEASURED_MS)
    const first = this.#came[0]?.fromMs ?? before.atMs
    const sum = this.#came.reduce((total, one) => total + one.requests, 0)
    return now > first ? sum / ((now - first) / 1000) : Number.NaN
  }

  /** What is expected from now on; nothing where nobody is to go by it. */
  #ahead(now: number): readonly number[] {
    if (this.#scaling.by === 'measured') return []
    const view = this.#forecast()
    if (view === undefined || !isProven(view.summary)) return []
    const past = (now - view.summary.at) / (view.summary.stepS * 1000)
    if (past > FRESH_STEPS) return []
    return view.curve.high.slice(Math.max(0, Math.floor(past)))
  }

  #forecast(): ForecastView | undefined {
    return this.#options.forecasts().find(({ summary }) => summary.pool === this.name)
  }

  #perServer(): number | undefined {
    const { capacityPerServer, utilisation } = this.#scaling
    this.#learned = this.#forecast()?.perServer ?? this.#learned
    const whole = capacityPerServer ?? this.#learned
    return whole === undefined ? undefined : whole * utilisation
  }

  /** Requests under way as a share of the connections there may be; servers of a list have as many as the first. */
  #busyShare(upstreams: readonly UpstreamView[]): number {
    const workers = this.#options.plane.workers().length
    const up = upstreams.filter(({ state }) => state === 'up')
    const places = up.length * this.#places * workers
    return places === 0 ? Number.NaN : up.reduce((sum, one) => sum + one.inFlight, 0) / places
  }

  #follow(before: ScalingView, { wanted, reason, explained }: CapacityPlan): void {
    const { log } = this.#options
    if (reason === 'at-maximum' && before.reason !== 'at-maximum') {
      log.warn({ pool: this.name, explained }, 'A pool is at its maximum')
    }
    const isChanged = wanted !== before.wanted
    if (
      isChanged &&
      !this.#act('pool.scale', '', explained, { from: before.wanted, wanted, reason })
    ) {
      // To be tried again.
      this.#view = { ...this.#view, wanted: before.wanted }
      return
    }
    this.#processes?.scaleTo(Math.max(0, wanted - this.#listed), explained)
    if (isChanged) {
      const { pool, up, starting, at } = this.#view
      this.#webhook?.send({
        type: 'limen.pool.scale',
        timestamp: new Date(at).toISOString(),
        data: { pool, wanted, from: before.wanted, up, starting, reason, explained },
      })
    }
  }

  /** Written into the audit log before it happens, where anything does; false when that fails. */
  #act(did: string, server: string, why: string, more: object = {}): boolean {
    const { log, audit, clock, config } = this.#options
    const subject = server === '' ? this.name : `${this.name}/${server}`
    try {
      if (config.forecast.mode === 'act') {
        audit.append({ who: 'scaling', action: did, subject, detail: { why, ...more } })
      }
    } catch (error) {
      log.error({ err: error, subject, did }, 'Not done: it cannot be audited')
      return false
    }
    log.info({ subject, did, why, ...more }, 'Scaling')
    this.#note({ at: clock.now(), did, server, why })
    return true
  }

  #count(at: number): void {
    const { wanted, up } = this.#view
    const last = this.#counts.at(-1)
    if (last?.wanted === wanted && last.up === up) return
    this.#counts = [...this.#counts, { at, wanted, up }].slice(-COUNTS_MAX)
  }

  #told(taken: boolean, attempts: number, why: string): void {
    const fields = { pool: this.name, attempts, why }
    if (taken) this.#options.log.debug(fields, 'A webhook was told')
    else this.#options.log.warn(fields, 'A webhook was not told')
    const text = taken ? `taken at attempt ${attempts}` : `not taken: ${why}`
    this.#note({ at: this.#options.clock.now(), did: 'webhook', server: '', why: text })
  }

  #note(action: ScalingAction): void {
    this.#actions = [action, ...this.#actions].slice(0, ACTIONS_MAX)
  }
}

/** What is for Limen is for Limen: some of it is secret. */
function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !name.startsWith('LIMEN_')),
  )
}
