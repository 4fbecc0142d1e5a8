/**
 * The embedded data plane of one worker: listeners, pools, connections, the sweep that enforces every
 * deadline. Settings are applied whole; what stays the same is not touched, no connection is dropped.
 *
 * @module
 */
// The global of this name is looked up at each call, with each request.
import { performance } from 'node:perf_hooks'
import type { Decision, ServerChoice } from '../../behavior/decision.ts'
import type { HandshakeOutcome } from '../../behavior/handshake/observation.ts'
import type { Clock } from '../../ground/clock.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { LogHistogram } from '../../math/log-histogram.ts'
import type {
  BehaviorMet,
  CachePurge,
  CacheSettings,
  ConnectionView,
  DataPlaneSettings,
  ListenerSettings,
  RouteSessionPolicy,
  RouteSettings,
  ServerChange,
  SessionTier,
} from '../../ports/data-plane.ts'
import type { SaidByServer } from '../../ports/said-load.ts'
import { hostName, matchRoute, type Route } from '../../routing/match-route.ts'
import { isPlainPath, plainPath } from '../../routing/plain-path.ts'
import { isHandoffPath } from '../../wire/handoff-notice.ts'
import type { Gatekeeper } from './admission.ts'
import { Affinity } from './affinity.ts'
import { BehaviorSessions } from './behavior-sessions.ts'
import { Certificates } from './certificates.ts'
import type { ClientConnection } from './client-connection.ts'
import { ClientKinds, type FittingRequest } from './client-kinds.ts'
import type { EdgeContext, ServedRoute } from './edge-context.ts'
import { Listener } from './listener.ts'
import { Meter } from './meter.ts'
import { ProofsOfWork } from './proof-of-work.ts'
import { RequestCaptures } from './request-captures.ts'
import { ResponseCache } from './response-cache.ts'
import { RigorousPool } from './rigorous-pool.ts'
import type { SessionTerms } from './session-check.ts'
import { NO_SESSIONS, type SessionGuard } from './session-guard.ts'
import type { PlacedSession, SessionMove } from './session-places.ts'
import { UpstreamPool, type UpstreamServer } from './upstream-pool.ts'

/** Deadlines are looked at this often: they are this much late at most. */
const SWEEP_MS = 250

export interface EdgeOptions {
  readonly worker: number
  readonly clock: Clock
  readonly random: Random
  readonly gatekeeper: Gatekeeper
  onDecision(decision: Decision): void
  /** What became of a handshake that was decided about; and of a check behind one. */
  onOutcome(outcome: HandshakeOutcome): void
  onEjected(pool: string, server: string): void
  /** A connection's first request went to this server, and why; from pools with `choose: fit`. */
  onServed(decision: string, choice: ServerChoice): void
  /** A session was served for the first time; of pools with `affinity.session`. */
  onSessionPlaced?(pool: string, session: PlacedSession, server: string): void
  /** It is sent elsewhere; returns what its requests wait for. @param waits its pool hands over state */
  onSessionMoved?(move: SessionMove, waits: boolean): Promise<void> | undefined
  /** Something was met of a session whose behavior is watched. */
  onBehavior?(met: BehaviorMet): void
  /** Whether requests are made by who holds their session's key; absent: no key is known here. */
  readonly sessions?: SessionGuard
}

/** What the control plane says about one server. */
export interface ServerOrder extends Omit<ServerChange, 'capacity'> {
  readonly pool: string
  readonly id: string
  /** By active health checks. */
  readonly up?: boolean
}

/** What one worker knows of one server. */
export interface ServerReport {
  readonly pool: string
  readonly id: string
  readonly ejected: boolean
  readonly inFlight: number
  readonly connections: number
  readonly requests: number
  readonly failures: number
  readonly latencyMs: number
  /** Times to first byte, ms, since start. */
  readonly latencyCounts: LogHistogram
  /** The newest that could be read. */
  readonly load?: SaidByServer
}

export class Edge implements EdgeContext {
  readonly meter = new Meter()
  readonly gatekeeper: Gatekeeper
  readonly rigorous: RigorousPool
  readonly sessions: SessionGuard
  behavior: BehaviorSessions | undefined
  captures: RequestCaptures | undefined
  #userField: Uint8Array | undefined
  #options: EdgeOptions
  #settings: DataPlaneSettings | undefined
  /** Told before there were settings. */
  #tiersKnown: SessionTier[] = []
  #affinity: Affinity | undefined
  #certificates: Certificates | undefined
  #proofs: ProofsOfWork | undefined
  #proofsKey: Uint8Array | undefined
  #pools = new Map<string, UpstreamPool>()
  /** Out of the settings, with requests still being answered. */
  #gonePools: UpstreamPool[] = []
  #listeners: Listener[] = []
  readonly #connections = new Set<ClientConnection>()
  #routes: readonly NamedRoute[] = []
  /** The same, with paths in lower case. */
  #plainRoutes: readonly NamedRoute[] = []
  /** Some route looks at session keys. */
  #isGuarded = false
  #arePathsPlain = true
  /** Servers of some pool are told where sessions go. */
  #handsOff = false
  #single: ServedRoute | undefined
  #caches: readonly ResponseCache[] = []
  #sweeper: NodeJS.Timeout
  readonly #kinds = new ClientKinds((cluster) => this.#forgetKind(cluster))
  /** That were heard at the last sweep. */
  #revocations = 0
  draining = false
  lately = performance.now()
  readonly now = (): number => performance.now()
  readonly wallClock = (): number => this.#options.clock.now()

  constructor(options: EdgeOptions) {
    this.#options = options
    this.gatekeeper = options.gatekeeper
    this.sessions = options.sessions ?? NO_SESSIONS
    this.rigorous = new RigorousPool({
      now: this.now,
      settings: () => this.settings.admission.rigorous,
      later: setImmediate,
    })
    this.#sweeper = setInterval(() => {
      // Timers come before reads in a turn: where the process stood still, what has come meanwhile is read first.
      this.lately = this.now()
      setImmediate(() => this.#sweep())
    }, SWEEP_MS)
  }

  onOutcome(outcome: HandshakeOutcome): void {
    this.#options.onOutcome(outcome)
  }

  get settings(): DataPlaneSettings {
    if (this.#settings === undefined) throw new TypeError('Cannot serve before apply()')
    return this.#settings
  }

  get affinity(): Affinity {
    return this.#affinity as Affinity
  }

  get proofs(): ProofsOfWork {
    return this.#proofs as ProofsOfWork
  }

  get certificates(): Certificates {
    return this.#certificates as Certificates
  }

  /** Starts or reloads, one at a time. On failure nothing has changed. @throws LimenError */
  async apply(settings: DataPlaneSettings): Promise<void> {
    if (this.draining) {
      const message = 'Cannot take settings: the worker drains'
      throw new LimenError('draining', message, { side: 'limen', retry: false })
    }
    const certificates = new Certificates(settings.certificates, settings.ticketKeys)
    const affinity = new Affinity(settings.affinityKey, (length) =>
      this.#options.random.bytes(length),
    )
    const before = new Map(
      this.#listeners.map((listener) => [addressOf(listener.settings), listener]),
    )
    const opened: Listener[] = []
    const previous = this.#settings
    this.#settings = settings
    try {
      for (const wanted of settings.listeners) {
        if (before.has(addressOf(wanted))) continue
        const listener = new Listener(wanted, {
          edge: this,
          connections: this.#connections,
          onDecision: (connection) => this.#decided(connection),
        })
        opened.push(listener)
        // Requests cannot come before pools are there: both are set in the same turn below.
        if (previous === undefined) this.#install(settings, certificates, affinity)
        await listener.listen()
      }
    } catch (error) {
      for (const listener of opened) listener.close()
      if (previous !== undefined) this.#settings = previous
      throw error
    }
    this.#install(settings, certificates, affinity)
    const kept = settings.listeners.flatMap((wanted) => {
      const listener = before.get(addressOf(wanted))
      if (listener === undefined) return []
      before.delete(addressOf(wanted))
      listener.reload(wanted)
      return [listener]
    })
    for (const gone of before.values()) gone.close()
    this.#listeners = [...kept, ...opened]
  }

  route(authority: string, target: () => string): ServedRoute | undefined {
    if (this.#single !== undefined) return this.#single
    const host = hostName(authority)
    const path = target()
    // Servers believe what is said there to be the edge's word.
    if (this.#handsOff && isHandoffPath(plainPath(path))) return undefined
    const found = matchRoute(this.#routes, host, path)?.served
    if (!this.#isGuarded || (this.#arePathsPlain && isPlainPath(path))) return found
    // The server behind may read it as a path of another route: no way around what that one asks for.
    const other = matchRoute(this.#plainRoutes, host, plainPath(path))?.served
    return other?.session === found?.session ? found : undefined
  }

  fitting(connection: ClientConnection, pool: UpstreamPool, isWebSocket: boolean): FittingRequest {
    const first = connection.cluster === undefined
    connection.cluster ??= this.#kinds.clusterOf(connection.decision)
    const client = this.#kinds.clientOf(connection.cluster, isWebSocket)
    const { decision } = connection
    const explain = (server: string, reasons: readonly string[]): void => {
      const choice = { pool: pool.settings.name, server, reasons }
      if (decision !== undefined) this.#options.onServed(decision.id, choice)
    }
    return { client, kinds: this.#kinds, explain: first ? explain : undefined }
  }

  /** Carries out what the control plane knows about servers. */
  order(orders: readonly ServerOrder[]): void {
    for (const order of orders) {
      const pool = this.#pools.get(order.pool)
      const server = pool?.servers.find(({ settings }) => settings.id === order.id)
      if (pool === undefined || server === undefined) continue
      // Active checks found it well again: what live requests met before is over.
      if (order.up === true && !server.up) server.outlier.ejectedUntil = 0
      if (order.up !== undefined) server.up = order.up
      if (order.draining !== undefined) server.draining = order.draining
      if (order.weight !== undefined && order.weight !== server.weight) {
        server.weight = order.weight
        pool.reweigh()
      }
      pool.refresh(server)
    }
  }

  /** Tiers of sessions by their behavior; before the first settings those that are known from the start. */
  tellTiers(tiers: readonly SessionTier[]): void {
    if (this.#settings === undefined) this.#tiersKnown.push(...tiers)
    else this.behavior?.hear(tiers)
  }

  /** Requests that were captured since it was asked last; undefined: none. */
  takeCaptured(): (BehaviorMet & { readonly kind: 'captured' }) | undefined {
    const taken = this.captures?.take()
    if (taken === undefined || (taken.requests.length === 0 && taken.dropped === 0))
      return undefined
    return { kind: 'captured', ...taken }
  }

  purgeCaches(purge: CachePurge): void {
    for (const cache of this.#caches) cache.purge(purge)
  }

  /** Where sessions are, as others have seen it. */
  placeSessions(
    places: readonly { readonly pool: string; readonly session: string; readonly server: string }[],
  ): void {
    for (const { pool, session, server } of places) {
      this.#pools.get(pool)?.places.learn(session, server)
    }
  }

  /** Stops accepting, lets exchanges finish for at most `graceMs`, then closes. */
  async drain(graceMs: number): Promise<void> {
    this.draining = true
    for (const listener of this.#listeners) listener.close()
    this.#listeners = []
    for (const connection of this.#connections) connection.speaker.drain()
    const until = this.now() + graceMs
    while (this.#connections.size > 0 && this.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    this.close()
  }

  close(): void {
    clearInterval(this.#sweeper)
    for (const listener of this.#listeners) listener.close()
    for (const connection of this.#connections) connection.channel.destroy()
    for (const pool of this.#pools.values()) pool.close()
  }

  connections(limit: number): ConnectionView[] {
    const views: ConnectionView[] = []
    const newestFirst = [...this.#connections].slice(-limit).reverse()
    for (const connection of newestFirst) views.push(connection.view(this.#options.worker))
    return views
  }

  servers(): ServerReport[] {
    const now = this.now()
    return [...this.#pools.values()].flatMap((pool) =>
      pool.servers.map((server) => ({
        pool: pool.settings.name,
        id: server.settings.id,
        ejected: server.outlier.ejectedUntil > now,
        inFlight: server.inFlight,
        connections: server.all.size,
        requests: server.requests,
        failures: server.failures,
        latencyMs: server.pace.meanMs,
        latencyCounts: server.latencyCounts,
        ...saidBy(server, now, this.wallClock()),
      })),
    )
  }

  #install(settings: DataPlaneSettings, certificates: Certificates, affinity: Affinity): void {
    this.#certificates = certificates
    this.#affinity = affinity
    // Which challenges are spent outlives a reload, as long as the key does.
    const key = settings.affinityKey
    if (this.#proofsKey === undefined || Buffer.compare(this.#proofsKey, key) !== 0) {
      const { random } = this.#options
      this.#proofs = new ProofsOfWork({ key, random, wallClock: this.wallClock })
      this.#proofsKey = key
    }
    this.#watch(settings)
    this.behavior?.hear(this.#tiersKnown.splice(0))
    const gone = new Map(this.#pools)
    const pools = new Map<string, UpstreamPool>()
    for (const wanted of settings.pools) {
      const pool = gone.get(wanted.name)
      gone.delete(wanted.name)
      pool?.reload(wanted)
      pools.set(wanted.name, pool ?? this.#pool(wanted))
    }
    for (const pool of gone.values()) {
      pool.close()
      this.#gonePools.push(pool)
    }
    this.#pools = pools
    const terms = new Map<string, SessionTerms>()
    // Empty after a reload: what is kept was asked of servers that may be others now.
    this.#routes = settings.routes.map((route) => ({
      ...route,
      served: served(route, pools, terms, (wanted) => this.#cache(wanted)),
    }))
    this.#caches = this.#routes.flatMap(({ served: { cache } = {} }) => cache ?? [])
    this.#plainRoutes = this.#routes.map((route) => ({ ...route, path: plainPath(route.path) }))
    this.#isGuarded = terms.size > 0
    this.#arePathsPlain = settings.routes.every(({ path }) => path === plainPath(path))
    const [only] = this.#routes
    const isSingle = this.#routes.length === 1 && only?.host === '' && only.path === '/'
    this.#handsOff = settings.pools.some(({ affinity }) => affinity?.session === true)
    this.#single = isSingle && !this.#handsOff ? only.served : undefined
  }

  #watch({ behavior, affinityKey }: DataPlaneSettings): void {
    this.#userField = behavior && Buffer.from(behavior.userField)
    const capture = behavior?.capture
    if (capture === undefined) this.captures = undefined
    else if (this.captures === undefined) {
      this.captures = new RequestCaptures(capture, this.wallClock)
    } else this.captures.limits = capture
    if (behavior === undefined) {
      this.behavior = undefined
      return
    }
    this.behavior?.reload(behavior, affinityKey)
    const edge = this
    this.behavior ??= new BehaviorSessions(behavior, affinityKey, {
      get proofs() {
        return edge.proofs
      },
      now: this.now,
      onUser: (session, value) => this.#options.onBehavior?.({ kind: 'user', session, value }),
      onAnchored: (session, anchors) =>
        this.#options.onBehavior?.({ kind: 'anchored', session, anchors }),
      onPassed: (session) => this.#options.onBehavior?.({ kind: 'passed', session }),
    })
  }

  #cache(settings: CacheSettings): ResponseCache {
    return new ResponseCache(settings, {
      now: this.now,
      later: queueMicrotask,
      // As much is held for a slow reader of any other response.
      bodyBytesMax: this.settings.limits.responseBufferBytes,
      onResult: (result) => this.meter.cacheAsked(result),
    })
  }

  #pool(settings: DataPlaneSettings['pools'][number]): UpstreamPool {
    const edge = this
    return new UpstreamPool(settings, {
      now: this.now,
      lately: () => this.lately,
      fraction: () => this.#options.random.fraction(),
      get timeouts() {
        return edge.settings.timeouts
      },
      get userField() {
        return edge.#userField
      },
      onEjected: (pool, server) => this.#options.onEjected(pool.settings.name, server.settings.id),
      onPlaced: (pool, session, server) =>
        this.#options.onSessionPlaced?.(pool.settings.name, session, server),
      onMoved: (pool, move) => {
        const left = move.left === undefined ? pool : this.#pools.get(move.left)
        const waits = [pool, left].every((each) => each?.settings.handoff?.state === true)
        return this.#options.onSessionMoved?.({ ...move, pool: pool.settings.name }, waits)
      },
    })
  }

  #decided({ decision }: ClientConnection): void {
    if (decision === undefined) return
    this.meter.decided(decision)
    this.#options.onDecision(decision)
  }

  #forgetKind(cluster: number): void {
    for (const pool of this.#pools.values()) {
      for (const server of pool.servers) server.fit.forget(cluster)
    }
  }

  #sweep(): void {
    const now = this.now()
    this.lately = now
    for (const { speaker } of this.#connections) if (speaker.deadline < now) speaker.expire(now)
    const { revocations } = this.sessions
    if (revocations !== this.#revocations) {
      this.#revocations = revocations
      for (const { speaker } of this.#connections) speaker.recheck?.()
    }
    for (const pool of this.#pools.values()) pool.sweep(now)
    for (const cache of this.#caches) cache.sweep(now)
    for (const pool of this.#gonePools) pool.sweep(now)
    this.#gonePools = this.#gonePools.filter(({ busy }) => busy)
  }
}

/** As the settings have it when they say no more than whether keys are asked for. */
const SESSION_DEFAULTS: RouteSessionPolicy = {
  ...{ replay: 'edge', bodyDigest: true, sealBodies: false, bearer: false },
}

interface NamedRoute extends Route {
  readonly served: ServedRoute | undefined
}

/** @param known terms by what they say: routes of the same terms have the same object */
function served(
  route: RouteSettings,
  pools: ReadonlyMap<string, UpstreamPool>,
  known: Map<string, SessionTerms>,
  open: (cache: CacheSettings) => ResponseCache,
): ServedRoute | undefined {
  const { pool: name, tierPools: tiers, sessionKey = 'off', session = SESSION_DEFAULTS } = route
  const pool = pools.get(name)
  if (pool === undefined) return undefined
  const tier2 = pools.get(tiers?.tier2 ?? name) ?? pool
  const tier3 = tiers?.tier3 === undefined ? tier2 : (pools.get(tiers.tier3) ?? tier2)
  const tierPools = tiers === undefined ? undefined : ([tier2, tier3] as const)
  if (sessionKey === 'off') {
    return { pool, tierPools, session: undefined, cache: route.cache && open(route.cache) }
  }
  const { replay, bodyDigest, sealBodies, bearer, rotation } = session
  const isRequired = sessionKey === 'required'
  const terms = { replay, bodyDigest, sealBodies, bearer, rotation, isRequired }
  const key = JSON.stringify(terms)
  const same = known.get(key) ?? terms
  known.set(key, same)
  return { pool, tierPools, session: same, cache: undefined }
}

function saidBy(
  { said }: UpstreamServer,
  now: number,
  wallNow: number,
): { readonly load?: SaidByServer } {
  const load = said.load()
  return load === undefined
    ? {}
    : { load: { ...load, at: Math.round(wallNow - (now - said.loadAt)) } }
}

/** Two listeners are the same when clients cannot tell them apart; the rest may change live. */
function addressOf({ host, port, tls, proxyProtocol }: ListenerSettings): string {
  return `${host} ${port} ${tls} ${proxyProtocol}`
}
