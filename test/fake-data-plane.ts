/**
 * A {@link DataPlane} that serves nobody: for tests of what stands on top of it.
 *
 * @module
 */
import type { Decision } from '../src/behavior/decision.ts'
import type { Verdict } from '../src/behavior/handshake/verdict.ts'
import type { NumberedEntry } from '../src/keys/session/revocations.ts'
import type { Suspicion } from '../src/keys/session/suspicions.ts'
import { logHistogram } from '../src/math/log-histogram.ts'
import type {
  BehaviorMet,
  CachePurge,
  ConnectionView,
  DataPlane,
  DataPlaneSettings,
  HandshakesSeen,
  SessionKeysGiven,
  SessionTier,
  TrafficTotals,
  UpstreamView,
  WorkerView,
} from '../src/ports/data-plane.ts'
import { LATENCY_BOUNDS_MS, workerName } from '../src/ports/data-plane.ts'
import { type DecisionPage, decisionPages } from '../src/ports/decision-log.ts'

export interface FakeDataPlane extends DataPlane {
  readonly applied: DataPlaneSettings[]
  readonly drains: number[]
  closed: boolean
  /** What `judge` was called with, each time. */
  readonly judged: (readonly Verdict[])[]
  /** What `giveSessionKeys` was called with, each time. The one worker takes them at once, unless it is slow. */
  readonly keysGiven: SessionKeysGiven[]
  isSlowWithKeys: boolean
  readonly fed: NumberedEntry[]
  readonly replaced: string[]
  /** What `suspect` was called with. */
  readonly suspected: Suspicion[]
  /** The one worker suspects a session. */
  meetSuspicion(suspicion: Suspicion): void
  /** What `purgeCaches` was called with. */
  readonly purges: CachePurge[]
  /** What `tellTiers` was called with. */
  readonly tiersTold: SessionTier[]
  /** The one worker meets something of watched sessions. */
  meetBehavior(met: readonly BehaviorMet[]): void
  /** Says that the one worker holds what it was given last. */
  holdKeys(): void
  /** The one worker meets a ticket under this key. */
  missKey(stekId: number): void
  decide(decisions: readonly Decision[]): void
  see(seen: HandshakesSeen): void
  setTraffic(change: Partial<TrafficTotals>): void
  setWorkerState(state: WorkerView['state']): void
  setConnections(connections: readonly ConnectionView[]): void
  close(): Promise<void>
}

export function fakeDataPlane(): FakeDataPlane {
  const listeners = new Set<(pages: readonly DecisionPage[]) => void>()
  const watchers = new Set<(seen: HandshakesSeen) => void>()
  const behaviorWatchers = new Set<(met: readonly BehaviorMet[]) => void>()
  const suspicionWatchers = new Set<(suspicion: Suspicion) => void>()
  const missWatchers = new Set<(stekId: number) => void>()
  const keyWatchers = new Set<(worker: string, stekIds: readonly number[]) => void>()
  let upstreams: UpstreamView[] = []
  let connections: readonly ConnectionView[] = []
  let state: WorkerView['state'] = 'starting'
  let totals = noTraffic()
  const plane: FakeDataPlane = {
    applied: [],
    drains: [],
    judged: [],
    keysGiven: [],
    isSlowWithKeys: false,
    fed: [],
    replaced: [],
    suspected: [],
    purges: [],
    tiersTold: [],
    closed: false,
    async apply(settings) {
      plane.applied.push(settings)
      state = 'serving'
      upstreams = settings.pools.flatMap(({ name: pool, servers }) =>
        servers.map((server) => upstreamView(pool, server)),
      )
    },
    async drain(graceMs) {
      plane.drains.push(graceMs)
      state = 'draining'
    },
    workers: () => [
      { id: 1, pid: 4711, state, startedAt: 1, restarts: 0, connections: 0, rssBytes: 1 },
    ],
    connections: async (limit) => connections.slice(0, limit),
    upstreams: () => upstreams,
    checkServer: () => false,
    suspect: (suspicions) => void plane.suspected.push(...suspicions),
    onSuspected(listener) {
      suspicionWatchers.add(listener)
      return () => suspicionWatchers.delete(listener)
    },
    meetSuspicion(suspicion) {
      for (const watcher of suspicionWatchers) watcher(suspicion)
    },
    tellTiers: (tiers) => void plane.tiersTold.push(...tiers),
    purgeCaches: (purge) => void plane.purges.push(purge),
    onBehavior(listener) {
      behaviorWatchers.add(listener)
      return () => behaviorWatchers.delete(listener)
    },
    meetBehavior(met) {
      for (const watcher of behaviorWatchers) watcher(met)
    },
    changeServer(pool, id, { draining, weight }) {
      const index = upstreams.findIndex((one) => one.pool === pool && one.id === id)
      const found = upstreams[index]
      if (found === undefined) return false
      upstreams[index] = {
        ...found,
        weight: weight ?? found.weight,
        state: draining === undefined ? found.state : draining ? 'draining' : 'up',
      }
      return true
    },
    traffic: () => totals,
    onDecisions(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    decide(decisions) {
      for (const listener of listeners) listener(decisionPages(decisions))
    },
    onHandshakes(listener) {
      watchers.add(listener)
      return () => watchers.delete(listener)
    },
    see(seen) {
      for (const watcher of watchers) watcher(seen)
    },
    judge(verdicts) {
      plane.judged.push(verdicts)
    },
    giveSessionKeys(given) {
      plane.keysGiven.push(given)
      if (!plane.isSlowWithKeys) queueMicrotask(() => plane.holdKeys())
    },
    holdKeys() {
      const ids = plane.keysGiven.at(-1)?.keys.map(({ stekId }) => stekId) ?? []
      for (const watcher of keyWatchers) watcher(workerName({ id: 1, pid: 4711 }), ids)
    },
    onSessionKeysHeld(listener) {
      keyWatchers.add(listener)
      return () => keyWatchers.delete(listener)
    },
    onSessionKeyMissed(listener) {
      missWatchers.add(listener)
      return () => missWatchers.delete(listener)
    },
    missKey(stekId) {
      for (const watcher of missWatchers) watcher(stekId)
    },
    feedSessions(next) {
      plane.fed.push(...next)
    },
    onReplayAsk: () => () => {},
    replaceWorker(worker) {
      plane.replaced.push(worker)
    },
    setTraffic(change) {
      totals = { ...totals, ...change }
    },
    setWorkerState(next) {
      state = next
    },
    setConnections(next) {
      connections = next
    },
    async close() {
      plane.closed = true
    },
  }
  return plane
}

export function noTraffic(): TrafficTotals {
  return {
    at: 0,
    connectionsOpen: 0,
    connectionsTotal: 0,
    handshakesFull: 0,
    handshakesResumed: 0,
    handshakesFailed: 0,
    handshakeMembers: {},
    listeners: {},
    bytesIn: 0,
    bytesOut: 0,
    retries: 0,
    responses: [0, 0, 0, 0, 0, 0],
    refusals: {},
    sessionChecks: {},
    cacheRequests: {},
    sessionHandoffs: {},
    firstRequests: {},
    tiers: [0, 0, 0, 0],
    decisionsDropped: 0,
    observationsDropped: 0,
    latencyCounts: Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, () => 0),
    latencySumMs: 0,
  }
}

function upstreamView(
  pool: string,
  { id, host, port, weight }: { id: string; host: string; port: number; weight: number },
): UpstreamView {
  return {
    pool,
    id,
    address: `${host}:${port}`,
    state: 'up',
    weight,
    inFlight: 0,
    connections: 0,
    requests: 0,
    failures: 0,
    latencyMs: 0,
    check: '',
    latencyCounts: logHistogram(),
  }
}
