/**
 * The data plane as a fleet of worker processes: starts them, gives them settings, checks the health of
 * upstream servers once for all, restarts a worker that died. Processes, not threads, so that one that
 * crashes (or is killed) takes only its own connections along (`docs/decisions/0003`).
 *
 * @module
 */
import net from 'node:net'
import type { ServerOrder } from '../../adapters/edge/edge.ts'
import { HealthCheck } from '../../adapters/edge/health-check.ts'
import type { Log } from '../../adapters/node/json-log.ts'
import { LoadPoll } from '../../adapters/node/load-poll.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { Verdict } from '../../behavior/handshake/verdict.ts'
import type { Clock } from '../../ground/clock.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { NumberedEntry } from '../../keys/session/revocations.ts'
import type { Suspicion } from '../../keys/session/suspicions.ts'
import { addHistogram, logHistogram } from '../../math/log-histogram.ts'
import {
  type BehaviorMet,
  type CachePurge,
  type ConnectionView,
  type DataPlane,
  type DataPlaneSettings,
  type HandshakesSeen,
  type ListenerSettings,
  type PoolSettings,
  type ReplayAsk,
  type ServerChange,
  type ServerSettings,
  type SessionKeysGiven,
  type SessionTier,
  type TrafficTotals,
  type UpstreamView,
  type WorkerView,
  workerName,
} from '../../ports/data-plane.ts'
import type { DecisionPage } from '../../ports/decision-log.ts'
import type { ReplayMet } from '../../ports/replay-scope.ts'
import { FleetWorker } from './fleet-worker.ts'
import { HandoffDesk, type HandoffServer } from './handoff-desk.ts'
import { ReplayDesk } from './replay-desk.ts'
import { addTraffic, NO_TRAFFIC } from './traffic-sum.ts'
import { type ServerNote, upstreamView } from './upstream-view.ts'

export interface FleetOptions {
  readonly workers: number
  readonly clock: Clock
  readonly log: Log
}

/** A worker that dies within this time of its start is restarted with a growing pause. */
const EARLY_DEATH_MS = 2_000
const RESTART_PAUSE_MAX_MS = 5_000
/** As many as a worker keeps. */
const TIERS_MAX = 100_000

export function openFleet(options: FleetOptions): DataPlane & { close(): Promise<void> } {
  return new Fleet(options)
}

class Fleet implements DataPlane {
  readonly #options: FleetOptions
  #workers: FleetWorker[] = []
  #settings: DataPlaneSettings | undefined
  #servers = new Map<string, ServerNote>()
  /** Counted by workers that are gone. */
  #past: TrafficTotals = NO_TRAFFIC
  readonly #listeners = new Set<(pages: readonly DecisionPage[]) => void>()
  readonly #handshakeListeners = new Set<(seen: HandshakesSeen) => void>()
  /** JSON of the verdicts in force, for workers that start later. */
  #verdicts = '[]'
  readonly #keyListeners = new Set<(worker: string, stekIds: readonly number[]) => void>()
  /** In force, for workers that start later. */
  readonly #missListeners = new Set<(stekId: number) => void>()
  #sessionKeys: SessionKeysGiven | undefined
  #sessionFeed: () => readonly NumberedEntry[] = () => []
  readonly #suspicionListeners = new Set<(suspicion: Suspicion) => void>()
  readonly #behaviorListeners = new Set<(met: readonly BehaviorMet[]) => void>()
  /** Of sessions that are not in tier 1, for workers that start later. */
  readonly #tiers = new Map<string, SessionTier>()
  readonly #replays: ReplayDesk
  readonly #handoffs: HandoffDesk
  #closing = false

  constructor(options: FleetOptions) {
    this.#options = options
    this.#replays = new ReplayDesk(() => options.clock.now() / 1000, systemRandom())
    this.#handoffs = new HandoffDesk({
      random: systemRandom(),
      now: () => options.clock.now(),
      serverOf: (pool, id) => this.#serverOf(pool, id),
      whyNot: (pool, id) => {
        const note = this.#servers.get(keyOf(pool, id))
        if (note === undefined || note.change.draining === true) return 'drain'
        return note.check?.up === false ? 'fail' : 'load'
      },
    })
  }

  async apply(settings: DataPlaneSettings): Promise<void> {
    const first = this.#settings === undefined
    if (first) {
      await refuseTakenAddresses(settings.listeners)
      this.#workers = Array.from({ length: this.#options.workers }, (_, id) =>
        this.#start(id + 1, 0),
      )
      // Of a time before a restart: known before the first request.
      for (const worker of this.#workers) worker.tellTiers([...this.#tiers.values()])
    }
    const previous = this.#settings
    this.#settings = settings
    try {
      await Promise.all(this.#living().map((worker) => applyTo(worker, settings)))
    } catch (error) {
      this.#settings = previous
      if (first) await this.close()
      // Some workers may have taken the new settings: all go back to what was.
      else if (previous !== undefined) {
        await Promise.allSettled(this.#living().map((worker) => worker.apply(forWorkers(previous))))
      }
      throw error
    }
    this.#watchServers(settings.pools)
    this.#orderAll()
  }

  async drain(graceMs: number): Promise<void> {
    this.#closing = true
    for (const note of this.#servers.values()) closeNote(note)
    await Promise.all(this.#workers.map((worker) => worker.drain(graceMs)))
    this.#handoffs.close()
  }

  async close(): Promise<void> {
    await this.drain(0)
  }

  workers(): readonly WorkerView[] {
    return this.#workers.map((worker) => worker.view())
  }

  async connections(limit: number): Promise<readonly ConnectionView[]> {
    const lists = await Promise.all(this.#workers.map((worker) => worker.connections(limit)))
    return lists
      .flat()
      .sort((a, b) => b.openedAt - a.openedAt)
      .slice(0, limit)
  }

  upstreams(): readonly UpstreamView[] {
    return (this.#settings?.pools ?? []).flatMap((pool) =>
      pool.servers.flatMap((server) => {
        const note = this.#servers.get(keyOf(pool.name, server.id))
        const reports = this.#workers.flatMap(({ servers }) =>
          servers.filter(({ pool: name, id }) => name === pool.name && id === server.id),
        )
        return note === undefined ? [] : [upstreamView(server, note, reports)]
      }),
    )
  }

  changeServer(pool: string, id: string, change: ServerChange): boolean {
    const note = this.#servers.get(keyOf(pool, id))
    if (note === undefined) return false
    Object.assign(note.change, change)
    this.#orderAll()
    return true
  }

  checkServer(pool: string, id: string): boolean {
    const check = this.#servers.get(keyOf(pool, id))?.check
    check?.checkNow()
    return check !== undefined
  }

  traffic(): TrafficTotals {
    return this.#workers.reduce((sum, { traffic }) => addTraffic(sum, traffic), {
      ...this.#past,
      at: this.#options.clock.now(),
      sessionHandoffs: this.#handoffs.counts(),
    })
  }

  onDecisions(listener: (pages: readonly DecisionPage[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  onHandshakes(listener: (seen: HandshakesSeen) => void): () => void {
    this.#handshakeListeners.add(listener)
    return () => this.#handshakeListeners.delete(listener)
  }

  judge(verdicts: readonly Verdict[]): void {
    const json = JSON.stringify(verdicts)
    if (json === this.#verdicts) return
    this.#verdicts = json
    for (const worker of this.#living()) worker.judge(json)
  }

  giveSessionKeys(given: SessionKeysGiven): void {
    this.#sessionKeys = given
    this.#handoffs.sign(given.assertion)
    for (const worker of this.#living()) worker.giveSessionKeys(given)
  }

  onSessionKeysHeld(listener: (worker: string, stekIds: readonly number[]) => void): () => void {
    this.#keyListeners.add(listener)
    return () => this.#keyListeners.delete(listener)
  }

  feedSessions(next: readonly NumberedEntry[], all: () => readonly NumberedEntry[]): void {
    this.#sessionFeed = all
    const json = JSON.stringify(next)
    for (const worker of this.#living()) worker.feedSessions(json, false)
  }

  onSessionKeyMissed(listener: (stekId: number) => void): () => void {
    this.#missListeners.add(listener)
    return () => this.#missListeners.delete(listener)
  }

  onReplayAsk(listener: (ask: ReplayAsk) => Promise<ReplayMet>): () => void {
    return this.#replays.listen(listener)
  }

  suspect(suspicions: readonly Suspicion[]): void {
    for (const worker of this.#living()) {
      for (const suspicion of suspicions) worker.tellSuspicion(suspicion)
    }
  }

  onSuspected(listener: (suspicion: Suspicion) => void): () => void {
    this.#suspicionListeners.add(listener)
    return () => this.#suspicionListeners.delete(listener)
  }

  tellTiers(tiers: readonly SessionTier[]): void {
    for (const tier of tiers) {
      const { session, shown, enforced } = tier
      this.#tiers.delete(session)
      if (shown > 1 || enforced > 1) this.#tiers.set(session, tier)
      if (this.#tiers.size > TIERS_MAX) this.#tiers.delete(this.#tiers.keys().next().value ?? '')
    }
    for (const worker of this.#living()) worker.tellTiers(tiers)
  }

  purgeCaches(purge: CachePurge): void {
    for (const worker of this.#living()) worker.purgeCaches(purge)
  }

  onBehavior(listener: (met: readonly BehaviorMet[]) => void): () => void {
    this.#behaviorListeners.add(listener)
    return () => this.#behaviorListeners.delete(listener)
  }

  replaceWorker(name: string): void {
    for (const worker of this.#living()) if (workerName(worker.view()) === name) worker.kill()
  }

  /** A dead one gets the settings in force when it starts again. */
  #living(): FleetWorker[] {
    return this.#workers.filter((worker) => worker.view().state !== 'dead')
  }

  #start(id: number, restarts: number): FleetWorker {
    const startedAt = this.#options.clock.now()
    const worker = new FleetWorker({
      ...{ id, restarts, startedAt, workers: this.#options.workers },
      onDecisions: (pages) => {
        for (const listener of this.#listeners) listener(pages)
      },
      onHandshakes: (seen) => {
        for (const listener of this.#handshakeListeners) listener(seen)
      },
      onEjected: (pool, server) => {
        this.#options.log.warn({ pool, server, worker: id }, 'Server ejected: its requests fail')
      },
      onSessionKeysHeld: (held, stekIds) => {
        for (const listener of this.#keyListeners) listener(workerName(held.view()), stekIds)
      },
      onSessionKeyMissed: (stekId) => {
        for (const listener of this.#missListeners) listener(stekId)
      },
      onSessionFeedGap: (held) => this.#feedAnew(held),
      onReplayAsks: (asking, { batch, scope, proofs }) => {
        void this.#replays.answer(scope, proofs).then((letters) => {
          asking.answerReplays(batch, letters)
        })
      },
      onProofsSeen: (telling, proofs) => {
        for (const other of this.#living()) if (other !== telling) other.tellProofs(proofs)
      },
      onSessionSuspected: (telling, suspicion) => {
        for (const other of this.#living()) if (other !== telling) other.tellSuspicion(suspicion)
        for (const listener of this.#suspicionListeners) listener(suspicion)
      },
      onSessionsPlaced: (telling, places) => {
        const moved = places.filter((place) => !this.#handoffs.placed(place))
        for (const worker of this.#living()) {
          // Who told first of a place and who told last are to agree.
          worker.tellPlaces(worker === telling ? moved : places)
        }
      },
      onSessionMoved: (moving, { call, move }) => {
        const place = { pool: move.pool, session: move.session, server: move.to }
        void this.#handoffs.moved(move).then(() => {
          moving.sessionMoved(call)
          // Not before: who knows the new place waits for nothing.
          for (const other of this.#living()) if (other !== moving) other.tellPlaces([place])
        })
      },
      onBehavior: (met) => {
        for (const listener of this.#behaviorListeners) listener(met)
      },
      onExit: (dead, how) => this.#died(dead, how),
    })
    // Before its settings, so before its first client.
    worker.judge(this.#verdicts)
    worker.tellPlaces(this.#handoffs.places())
    if (this.#sessionKeys !== undefined) {
      worker.giveSessionKeys(this.#sessionKeys)
      this.#feedAnew(worker)
    }
    return worker
  }

  #serverOf(pool: string, id: string): HandoffServer | undefined {
    const settings = this.#settings?.pools.find(({ name }) => name === pool)
    const server = settings?.servers.find((each) => each.id === id)
    return server && { server, handsState: settings?.handoff?.state === true }
  }

  #feedAnew(worker: FleetWorker): void {
    worker.feedSessions(JSON.stringify(this.#sessionFeed()), true)
  }

  #died(dead: FleetWorker, how: string): void {
    this.#past = addTraffic(this.#past, { ...dead.traffic, connectionsOpen: 0 })
    for (const { pool, id, requests, failures, latencyCounts } of dead.servers) {
      const note = this.#servers.get(keyOf(pool, id))
      if (note === undefined) continue
      note.requests += requests
      note.failures += failures
      addHistogram(note.latencyCounts, latencyCounts)
    }
    dead.forget()
    const { id, restarts, startedAt } = dead.options
    const index = this.#workers.indexOf(dead)
    if (this.#closing || index < 0) return
    const lived = this.#options.clock.now() - startedAt
    const pauseMs = lived > EARLY_DEATH_MS ? 0 : Math.min(50 * 2 ** restarts, RESTART_PAUSE_MAX_MS)
    this.#options.log.error({ worker: id, how, restartInMs: pauseMs }, 'A worker died')
    setTimeout(() => {
      if (this.#closing || this.#settings === undefined) return
      const worker = this.#start(id, restarts + 1)
      this.#workers[index] = worker
      // Before it serves: nobody gets out of a tier by that.
      worker.tellTiers([...this.#tiers.values()])
      worker.apply(forWorkers(this.#settings)).then(
        () => worker.order(this.#orders()),
        (error: Error) => {
          this.#options.log.error({ worker: id, why: error.message }, 'A new worker cannot serve')
          // Its end starts the next one, after a longer pause.
          worker.kill()
        },
      )
    }, pauseMs)
  }

  #watchServers(pools: readonly PoolSettings[]): void {
    const before = this.#servers
    this.#servers = new Map()
    for (const pool of pools) {
      for (const server of pool.servers) {
        const key = keyOf(pool.name, server.id)
        const known = before.get(key)
        const { change = {}, requests = 0, failures = 0 } = known ?? {}
        known?.check?.close()
        const latencyCounts = known?.latencyCounts ?? logHistogram()
        const address = `${server.host}:${server.port}`
        const note: ServerNote = {
          ...{ pool: pool.name, id: server.id, address, weight: server.weight, check: undefined },
          ...{ change, requests, failures, latencyCounts, poll: this.#poll(pool, server, known) },
        }
        this.#servers.set(key, note)
        if (pool.health === undefined) continue
        note.check = new HealthCheck({
          pool: pool.name,
          server,
          health: pool.health,
          onChange: (up, text) => {
            const fields = { pool: pool.name, server: server.id, check: text }
            if (up) this.#options.log.info(fields, 'Server up')
            else this.#options.log.warn(fields, 'Server down')
            this.#orderAll()
          },
        })
        // Elsewhere it is another server, about which nothing is known.
        if (known?.check !== undefined && known.address === address) note.check.up = known.check.up
      }
    }
    for (const [key, note] of before) if (!this.#servers.has(key)) closeNote(note)
  }

  /** One that asks the same agent by the same token goes on. */
  #poll(
    { name, agentToken }: PoolSettings,
    { id, agent }: ServerSettings,
    known: ServerNote | undefined,
  ): LoadPoll | undefined {
    if (known?.poll?.asks(agent, agentToken)) return known.poll
    known?.poll?.close()
    if (agent === undefined) return undefined
    return new LoadPoll({
      ...{ url: agent, token: agentToken, clock: this.#options.clock },
      onChange: (answers, why) => {
        const fields = { pool: name, server: id, agent }
        if (answers) this.#options.log.info(fields, 'The load agent answers')
        else this.#options.log.warn({ ...fields, why }, 'The load agent does not answer')
      },
    })
  }

  #orders(): ServerOrder[] {
    return [...this.#servers.values()].map(({ pool, id, check, change, weight: configured }) => {
      const { capacity, ...others } = change
      const weight = (change.weight ?? configured) * (capacity?.factor ?? 1)
      const isChanged = change.weight !== undefined || capacity !== undefined
      return { pool, id, up: check?.up ?? true, ...others, ...(isChanged ? { weight } : {}) }
    })
  }

  #orderAll(): void {
    const orders = this.#orders()
    for (const worker of this.#workers) worker.order(orders)
  }
}

/** A worker that dies over the settings does not refuse them: the next one takes them. */
async function applyTo(worker: FleetWorker, settings: DataPlaneSettings): Promise<void> {
  try {
    await worker.apply(forWorkers(settings))
  } catch (error) {
    if (worker.view().state !== 'dead') throw error
  }
}

function closeNote({ check, poll }: ServerNote): void {
  check?.close()
  poll?.close()
}

/** Without what only the supervisor uses. */
function forWorkers(settings: DataPlaneSettings): DataPlaneSettings {
  return { ...settings, pools: settings.pools.map(({ agentToken: _, ...pool }) => pool) }
}

const keyOf = (pool: string, id: string): string => `${pool}/${id}`

/**
 * Workers share addresses by SO_REUSEPORT, and so would a second Limen by mistake: half of the clients
 * would go there. A plain bind first finds out.
 */
async function refuseTakenAddresses(listeners: readonly ListenerSettings[]): Promise<void> {
  for (const { host, port } of listeners) {
    if (port === 0) continue
    await new Promise<void>((resolve, reject) => {
      const probe = net.createServer()
      probe.once('error', (cause: NodeJS.ErrnoException) => {
        const message = `Cannot listen on ${host}:${port}: ${cause.code === 'EADDRINUSE' ? 'another program does' : cause.message}`
        reject(new LimenError('address-in-use', message, { side: 'operator', retry: true, cause }))
      })
      probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()))
    })
  }
}
