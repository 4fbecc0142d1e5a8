/**
 * A pool of upstream servers as one worker sees it: their connections, loads and states. It chooses a
 * server (`routing/`), keeps connections for reuse, makes requests wait when all are taken.
 *
 * @module
 */
import { countIn, logHistogram } from '../../math/log-histogram.ts'
import type { PoolSettings, ServerSettings, ServerState } from '../../ports/data-plane.ts'
import { type BalancedServer, Balancer, NO_KEY } from '../../routing/balancer.ts'
import { ServerPace } from '../../routing/choose-by-latency.ts'
import { NO_SERVER } from '../../routing/choose-server.ts'
import { failed, noOutlier, type OutlierState, succeeded } from '../../routing/outlier.ts'
import { RequestKinds, requestKind } from '../../routing/request-kinds.ts'
import {
  explainChoice,
  type FittingServer,
  type Moment,
  rankServers,
  ServerFit,
} from '../../routing/server-fit.ts'
import type { KeyPlacer } from './affinity.ts'
import type { FittingRequest } from './client-kinds.ts'
import { SaidLoad } from './said-load.ts'
import {
  type PlacedSession,
  type PlaceLeft,
  type SessionMove,
  SessionPlaces,
} from './session-places.ts'
import { UpstreamConnection } from './upstream-connection.ts'

export interface PoolTimeouts {
  readonly connectMs: number
  readonly firstByteMs: number
  readonly upstreamIdleMs: number
  readonly queueMs: number
}

/** Requests that may wait for a connection, per pool and worker; more are answered 503 at once. */
const QUEUE_MAX = 1024

const NOTHING_SPECIAL = { fresh: false, isError: false }

/** A client that has read nothing for this long may lose its upstream connection to one that waits. */
const STALL_MS = 1_000

/** One server, with what this worker knows of it. */
export class UpstreamServer implements FittingServer, BalancedServer {
  settings: ServerSettings
  weight: number
  inFlight = 0
  usable = true
  readonly idle: UpstreamConnection[] = []
  readonly all = new Set<UpstreamConnection>()
  /** As told by the control plane: active checks and operators. */
  up = true
  draining = false
  readonly outlier: OutlierState = noOutlier()
  readonly fit = new ServerFit()
  readonly pace = new ServerPace()
  readonly said = new SaidLoad()
  /** Times to first byte, ms, since start. */
  readonly latencyCounts = logHistogram()
  requests = 0
  failures = 0

  constructor(settings: ServerSettings) {
    this.settings = settings
    this.weight = settings.weight
  }

  get id(): string {
    return this.settings.id
  }

  get labels(): readonly string[] {
    return this.settings.labels
  }

  state(now: number): ServerState {
    if (this.draining) return 'draining'
    if (!this.up) return 'down'
    return this.outlier.ejectedUntil > now ? 'ejected' : 'up'
  }
}

/** Somebody who waits for a connection. */
export interface Waiter {
  /** A server not to be given again (it just failed this request). */
  readonly except: UpstreamServer | undefined
  /** 32-bit hash of what keeps a client on its server, or NO_KEY. */
  readonly stickyKey: number
  /** Whose requests stay on one server, where the pool keeps sessions together. */
  readonly session: PlacedSession | undefined
  /** Where that session was, if it comes from another pool; until somebody is told. */
  left: PlaceLeft | undefined
  /** Whom it is for; undefined unless the pool chooses by what suits the client. */
  readonly fit: FittingRequest | undefined
  /** Octets to send first on a fresh connection (PROXY protocol); such a connection is not shared. */
  preface(server: UpstreamServer): Uint8Array | undefined
  take(connection: UpstreamConnection, server: UpstreamServer): void
  /** No server, or none in time. */
  giveUp(reason: 'no-server' | 'queue-full' | 'queue-timeout'): void
}

export interface PoolHost {
  now(): number
  /** As it was at the last sweep. */
  lately(): number
  fraction(): number
  readonly timeouts: PoolTimeouts
  /** Name of the field that says who the user is, in lower case; absent: none is looked for. */
  readonly userField?: Uint8Array | undefined
  onEjected(pool: UpstreamPool, server: UpstreamServer): void
  onPlaced(pool: UpstreamPool, session: PlacedSession, server: string): void
  onMoved(pool: UpstreamPool, move: Omit<SessionMove, 'pool'>): Promise<void> | undefined
}

export class UpstreamPool implements KeyPlacer {
  settings: PoolSettings
  servers: UpstreamServer[]
  /** Where sessions are, for pools that keep them together. */
  readonly places: SessionPlaces
  #host: PoolHost
  readonly #balancer: Balancer
  /** Since the start. */
  #answers = 0
  readonly #kinds = new RequestKinds()
  /** Gone from the settings, but still answering: their deadlines hold until the last answer is out. */
  #retired: UpstreamServer[] = []
  #queue: { waiter: Waiter; deadline: number }[] = []

  constructor(settings: PoolSettings, host: PoolHost) {
    this.settings = settings
    this.#host = host
    this.places = new SessionPlaces({
      onPlaced: (session, server) => host.onPlaced(this, session, server),
      onMoved: (move) => host.onMoved(this, move),
    })
    this.servers = settings.servers.map((server) => new UpstreamServer(server))
    this.#balancer = new Balancer(this.servers, settings, () => host.fraction())
    for (const { fit } of this.servers) fit.resize(this.servers.length)
  }

  /** Takes new settings; servers that stay (same id and address) keep their connections and state. */
  reload(settings: PoolSettings): void {
    const before = new Map(this.servers.map((server) => [addressOf(server.settings), server]))
    this.servers = settings.servers.map((wanted) => {
      const kept = before.get(addressOf(wanted))
      if (kept === undefined) {
        const added = new UpstreamServer(wanted)
        added.pace.upSince = this.#host.now()
        return added
      }
      before.delete(addressOf(wanted))
      if (kept.weight === kept.settings.weight) kept.weight = wanted.weight
      kept.settings = wanted
      return kept
    })
    for (const gone of before.values()) this.#retire(gone)
    this.settings = settings
    this.reweigh()
  }

  /** Rebuilds what depends on weights. */
  reweigh(): void {
    this.#balancer.reweigh(this.servers, this.settings)
    for (const { fit } of this.servers) fit.resize(this.servers.length)
  }

  /** A server's state changed: whether it may be chosen, and what becomes of its idle connections. */
  refresh(server: UpstreamServer): void {
    const now = this.#host.now()
    const was = server.usable
    server.usable = server.state(now) === 'up'
    if (server.usable && !was) server.pace.upSince = now
    if (!server.up || server.draining) this.#closeIdle(server)
    if (server.usable) this.#serveQueue()
  }

  stays(key: number): boolean {
    const balancer = this.#balancer
    const home = balancer.home(key, NO_SERVER)
    // Others are spread by the ring itself.
    return home === NO_SERVER || balancer.goesByRing || balancer.stays(home, this.#host.lately())
  }

  choose(): (key: number) => boolean {
    const balancer = this.#balancer
    if (balancer.goesByRing) return () => true
    const chosen = balancer.choose(NO_KEY, NO_SERVER, this.#host.lately())
    return (key) => balancer.home(key, NO_SERVER) === chosen
  }

  /** A session goes to another pool from now on: where it was here, if anywhere. */
  leave(session: string): PlaceLeft | undefined {
    const server = this.places.leave(session)
    if (server === undefined) return undefined
    return { pool: this.settings.name, server, lives: this.#whyNot(server, undefined).lives }
  }

  /** What times of answers to this request are compared with; with one server there is nobody to compare. */
  kindOf(request: Uint8Array): number {
    return this.servers.length > 1 ? requestKind(request) : 0
  }

  /** Finds a connection for `waiter`, now or later. */
  request(waiter: Waiter): void {
    this.#balancer.count()
    const server = this.#choose(waiter)
    if (server === undefined) {
      waiter.giveUp('no-server')
      return
    }
    if (waiter.session !== undefined) {
      const { session, left } = waiter
      waiter.left = undefined
      const why = (from: string) => this.#whyNot(from, waiter.except)
      const moving = this.places.place(session, server.id, why, left)
      if (moving !== undefined) {
        // Its state is there now: to choose anew would move it twice.
        void moving.then(() =>
          server.usable ? this.#connect(waiter, server) : this.request(waiter),
        )
        return
      }
    }
    this.#connect(waiter, server)
  }

  #connect(waiter: Waiter, server: UpstreamServer): void {
    const reused = this.#reuse(server, waiter)
    if (reused !== undefined) {
      server.inFlight++
      waiter.take(reused, server)
      return
    }
    if (server.all.size < server.settings.connectionsMax) {
      server.inFlight++
      waiter.take(this.#open(server, waiter.preface(server)), server)
      return
    }
    if (this.#queue.length >= QUEUE_MAX) waiter.giveUp('queue-full')
    else {
      this.#queue.push({ waiter, deadline: this.#host.now() + this.#host.timeouts.queueMs })
      this.#evictStalled(server)
    }
  }

  /**
   * All connections are taken: the one whose client has not read for longest makes room. Responses that
   * fit `responseBufferBytes` never get here, so this cuts off only large ones that nobody reads.
   */
  #evictStalled(server: UpstreamServer): void {
    let longest: UpstreamConnection | undefined
    for (const connection of server.all) {
      if (connection.pausedAt < (longest?.pausedAt ?? Number.POSITIVE_INFINITY))
        longest = connection
    }
    if (longest !== undefined && this.#host.lately() - longest.pausedAt >= STALL_MS) longest.evict()
  }

  /** An exchange is over on `connection`. */
  release(connection: UpstreamConnection, server: UpstreamServer, reusable: boolean): void {
    server.inFlight--
    if (reusable && !connection.socket.destroyed && server.up && !server.draining) {
      server.idle.push(connection)
    } else if (!connection.socket.destroyed) connection.destroy()
    if (this.#queue.length > 0) this.#serveQueue()
  }

  /**
   * A live request told that the server is well.
   *
   * @param latencyMs to its first octet; undefined when the time says nothing about the server
   * @param kind of the request, see {@link kindOf}
   * @param fit for whom, where the pool chooses by that
   * @param how `fresh`: a connection was made first, so the time says little about the server
   */
  succeeded(
    server: UpstreamServer,
    latencyMs: number | undefined,
    kind: number,
    fit?: FittingRequest,
    how: { readonly fresh: boolean; readonly isError: boolean } = NOTHING_SPECIAL,
  ): void {
    // Who fails at once is not fast.
    const counts = latencyMs !== undefined && !how.isError
    const comparable = counts ? this.#kinds.compare(kind, latencyMs) : undefined
    if (fit !== undefined) {
      const reuses = server.settings.proxyProtocol === 'off'
      const counted = how.fresh && reuses ? undefined : comparable
      const outcome = how.isError ? 'error' : 'good'
      server.fit.learn(fit.client.cluster, outcome, counted, this.#moment())
      this.#answers++
    }
    server.requests++
    if (how.isError) server.pace.failed()
    else if (comparable !== undefined)
      server.pace.learn(comparable, server.inFlight - server.pace.tunnels)
    if (counts) countIn(server.latencyCounts, latencyMs)
    succeeded(server.outlier)
  }

  /** A live request failed on the server's side. */
  failed(server: UpstreamServer, fit?: FittingRequest): void {
    const now = this.#host.now()
    if (fit !== undefined)
      server.fit.learn(fit.client.cluster, 'incident', undefined, this.#moment())
    server.requests++
    server.failures++
    server.pace.failed()
    const ejected = this.servers.filter((each) => each.state(now) !== 'up').length
    if (
      failed(server.outlier, this.settings.outlier, { ejected, servers: this.servers.length }, now)
    ) {
      this.refresh(server)
      this.#closeIdle(server)
      this.#host.onEjected(this, server)
    }
  }

  /** Periodic: deadlines of connections and of the queue, ends of ejections. */
  sweep(now: number): void {
    for (const server of this.servers) {
      if (!server.usable && server.state(now) === 'up') this.refresh(server)
      expireOverdue(server, now)
      if (this.#queue.length > 0) this.#evictStalled(server)
    }
    for (const server of this.#retired) expireOverdue(server, now)
    this.#retired = this.#retired.filter(({ all }) => all.size > 0)
    while (this.#queue.length > 0 && (this.#queue[0]?.deadline ?? 0) < now) {
      this.#queue.shift()?.waiter.giveUp('queue-timeout')
    }
  }

  /** Something is still being answered over one of its connections. */
  get busy(): boolean {
    return this.#retired.length > 0
  }

  /** Takes no more requests; what is being answered goes on, under {@link sweep}. */
  close(): void {
    for (const server of this.servers) this.#retire(server)
    this.servers = []
    for (const { waiter } of this.#queue.splice(0)) waiter.giveUp('no-server')
  }

  #choose(waiter: Waiter): UpstreamServer | undefined {
    const { servers } = this
    if (servers.length === 1) return servers[0]?.usable ? servers[0] : undefined
    const except = waiter.except === undefined ? NO_SERVER : servers.indexOf(waiter.except)
    let index = this.#pick(waiter, except)
    // Better the one that just failed than none.
    if (index === NO_SERVER && except !== NO_SERVER) index = this.#pick(waiter, NO_SERVER)
    return servers[index]
  }

  /** Why a session does not stay where it was. */
  #whyNot(from: string, except: UpstreamServer | undefined): Pick<SessionMove, 'reason' | 'lives'> {
    const old = this.servers.find(({ id }) => id === from)
    if (old === undefined) return { reason: 'drain', lives: false }
    const isEjected = old.outlier.ejectedUntil > this.#host.now()
    const lives = old.up && !isEjected && old !== except
    if (old.draining || old.weight === 0) return { reason: 'drain', lives }
    return { reason: lives ? 'load' : 'fail', lives }
  }

  #pick(waiter: Waiter, except: number): number {
    const { session, stickyKey, fit } = waiter
    const balancer = this.#balancer
    if (session !== undefined) {
      const place = this.places.at(session.id)
      const from = this.servers.findIndex(({ id }) => id === place)
      return balancer.keep(from, stickyKey, except, this.#host.lately())
    }
    // Who has a cookie was asked before whether it stays.
    if (stickyKey !== NO_KEY) return balancer.home(stickyKey, except)
    if (fit !== undefined) return this.#pickFitting(fit, except)
    return balancer.choose(NO_KEY, except, this.#host.lately())
  }

  #moment(): Moment {
    return { answers: this.#answers, ms: this.#host.now() }
  }

  #pickFitting({ client, explain }: FittingRequest, except: number): number {
    const fraction = () => this.#host.fraction()
    const ranked = rankServers(this.servers, client, fraction, except, this.#moment())
    const best = ranked[0]?.index ?? NO_SERVER
    explain?.(this.servers[best]?.id ?? '', explainChoice(this.servers, ranked, client))
    return best
  }

  #reuse(server: UpstreamServer, waiter: Waiter): UpstreamConnection | undefined {
    if (server.settings.proxyProtocol !== 'off') return undefined
    if (waiter.except === server) return undefined
    for (;;) {
      const connection = server.idle.pop()
      if (connection === undefined || !connection.socket.destroyed) return connection
    }
  }

  #open(server: UpstreamServer, preface: Uint8Array | undefined): UpstreamConnection {
    const { timeouts } = this.#host
    const connection = new UpstreamConnection({
      host: server.settings.host,
      port: server.settings.port,
      connectMs: timeouts.connectMs,
      firstByteMs: timeouts.firstByteMs,
      idleMs: timeouts.upstreamIdleMs,
      preface,
      readsLoad: () => this.settings.readsLoad === true,
      userField: () => this.#host.userField,
      now: this.#host.lately,
      onClose: (closed) => {
        server.all.delete(closed)
        const index = server.idle.indexOf(closed)
        if (index >= 0) server.idle.splice(index, 1)
        if (this.#queue.length > 0) this.#serveQueue()
      },
    })
    server.all.add(connection)
    return connection
  }

  #serveQueue(): void {
    // Each waiter is asked once: those that must go on waiting queue up again behind.
    const waiting = this.#queue.splice(0)
    for (const [index, entry] of waiting.entries()) {
      if (this.#full()) {
        this.#queue.push(...waiting.slice(index))
        return
      }
      this.request(entry.waiter)
    }
  }

  #full(): boolean {
    return this.servers.every(
      (server) =>
        !server.usable ||
        (server.idle.length === 0 && server.all.size >= server.settings.connectionsMax),
    )
  }

  #closeIdle(server: UpstreamServer): void {
    for (const connection of server.idle.splice(0)) connection.destroy()
  }

  #retire(server: UpstreamServer): void {
    server.draining = true
    server.usable = false
    this.#closeIdle(server)
    if (server.all.size > 0) this.#retired.push(server)
  }
}

function expireOverdue({ all }: UpstreamServer, now: number): void {
  for (const connection of all) if (connection.deadline < now) connection.expire()
}

function addressOf({ id, host, port }: ServerSettings): string {
  return `${id} ${host} ${port}`
}
