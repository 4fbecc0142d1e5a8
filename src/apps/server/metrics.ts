/**
 * `/metrics` for Prometheus, read off the data plane at each scrape. No label ever names a person: no address,
 * no fingerprint, no user. Also `/livez` and `/readyz`, for probes that must not reach the admin API.
 *
 * @module
 */
import { createServer, type RequestListener, type Server } from 'node:http'
import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client'
import type { PoolForecast } from '../../flows/explain-forecast.ts'
import { type DataPlane, LATENCY_BOUNDS_MS, type TrafficTotals } from '../../ports/data-plane.ts'
import { anomalyMetrics } from './anomaly-metrics.ts'
import type { SeriesState } from './anomaly-watch.ts'
import { behaviorMetrics } from './behavior/behavior-metrics.ts'
import type { BehaviorHealth } from './behavior/open-behavior.ts'
import { custodyMetrics } from './custody/custody-metrics.ts'
import type { CustodyView } from './custody/custody-view.ts'
import { forecastMetrics, scalingMetrics } from './forecast-metrics.ts'
import type { HandshakePoolView } from './handshake-pools.ts'
import type { KeyServerFigures } from './key-server/key-views.ts'
import type { ProfileFigures } from './profile-feed.ts'
import type { ScalingView } from './scale-pools.ts'
import { keyMissMetrics, sessionMetrics } from './session-metrics.ts'
import type { SignalsView } from './signals/open-signals.ts'
import { signalMetrics } from './signals/signal-metrics.ts'
import { firstByteHistogram, upstreamLoadMetrics } from './upstream-load-metrics.ts'
import { VERSION } from './version.ts'

export interface MetricsOptions {
  readonly plane: DataPlane
  readonly isReady: () => boolean
  /** Expiry of the certificates served, by their first name, ms since the Unix epoch. */
  readonly certificates: () => readonly { readonly name: string; readonly notAfter: number }[]
  readonly decisionsDropped: () => number
  readonly profiles: () => ProfileFigures
  readonly handshakePools: () => readonly HandshakePoolView[]
  /** undefined while session keys are off. */
  readonly sessions: () => KeyServerFigures | undefined
  /** Keys that an edge was asked for and did not hold, by what came of it. */
  readonly keyMisses: () => Readonly<Record<string, number>> | undefined
  readonly anomalies: () => readonly SeriesState[]
  /** Absent or undefined where nobody tells and nobody is told. */
  readonly signals?: () => SignalsView | undefined
  /** undefined while nobody's behavior is watched. */
  readonly behavior?: () => BehaviorHealth | undefined
  /** Absent or undefined where no nodes of custody run here. */
  readonly custody?: () => CustodyView | undefined
  /** Empty while forecasts are off. */
  readonly forecasts: () => readonly PoolForecast[]
  /** Of pools with `scaling`. */
  readonly scalings: () => readonly Pick<ScalingView, 'pool' | 'wanted'>[]
}

export function metricsServer(options: MetricsOptions): Server {
  const registry = metricsRegistry(options)
  const listener: RequestListener = (request, response) => {
    const send = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
    }
    const text = 'text/plain; charset=utf-8'
    if (request.method !== 'GET' && request.method !== 'HEAD') send(405, text, 'GET only\n')
    else if (request.url === '/livez') send(200, text, 'ok\n')
    else if (request.url === '/readyz') {
      const ready = options.isReady()
      send(ready ? 200 : 503, text, ready ? 'ok\n' : 'not ready\n')
    } else if (request.url === '/metrics') {
      registry.metrics().then(
        (body) => send(200, registry.contentType, body),
        (error: unknown) => send(500, text, `${String(error)}\n`),
      )
    } else send(404, text, 'Try /metrics\n')
  }
  return createServer({ requestTimeout: 10_000, headersTimeout: 5000 }, listener)
}

/** The metrics alone, for a server of one's own. */
export function metricsRegistry(options: MetricsOptions): Registry {
  const { plane } = options
  const registry = new Registry()
  const registers = [registry]
  // Every 10 ms, the default, would wake an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, prefix: 'limen_', eventLoopMonitoringPrecision: 100 })
  new Gauge({ name: 'limen_build_info', help: 'Version', labelNames: ['version'], registers })
    .labels(VERSION)
    .set(1)
  trafficMetrics(plane, registers)
  registry.registerMetric(latencyHistogram(plane))
  upstreamMetrics(plane, registers)
  upstreamLoadMetrics(plane, registers)
  registry.registerMetric(firstByteHistogram(plane))
  workerMetrics(plane, registers)
  profileMetrics(options, registers)
  sessionMetrics(options.sessions, registers)
  keyMissMetrics(options.keyMisses, registers)
  forecastMetrics(options.forecasts, registers)
  anomalyMetrics(options.anomalies, registers)
  signalMetrics(() => options.signals?.(), registers)
  behaviorMetrics(options.behavior ?? (() => undefined), registers)
  scalingMetrics(options.scalings, registers)
  custodyMetrics(options.custody ?? (() => undefined), registers)
  new Gauge({
    name: 'limen_certificate_expiry_seconds',
    help: 'When the certificate expires, Unix time',
    labelNames: ['name'],
    registers,
    collect() {
      this.reset()
      for (const { name, notAfter } of options.certificates()) this.set({ name }, notAfter / 1000)
    },
  })
  new Counter({
    name: 'limen_decisions_unstored_total',
    help: 'Decisions that storage could not take',
    registers,
    collect() {
      this.reset()
      this.inc(options.decisionsDropped())
    },
  })
  return registry
}

/** Never a profile or a fingerprint as a label: members of pools are named by the configuration. */
function profileMetrics({ plane, profiles, handshakePools }: MetricsOptions, registers: Registers) {
  const gauge = (name: string, help: string, read: (figures: ProfileFigures) => number): void => {
    new Gauge({
      name: `limen_${name}`,
      help,
      registers,
      collect() {
        this.set(read(profiles()))
      },
    })
  }
  const total = (name: string, help: string, read: () => number): void => {
    new Counter({
      name: `limen_${name}`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }
  gauge('profiles', 'Clients remembered', (figures) => figures.profiles)
  gauge(
    'verdicts',
    'Clients and signatures the workers look out for',
    (figures) => figures.verdicts,
  )
  gauge('signatures', 'Confirmed patterns of attack', (figures) => figures.signatures)
  total('handshakes_learned_total', 'Handshakes learned from', () => profiles().learned)
  total(
    'observations_dropped_total',
    'What was seen of handshakes and came faster than it could be learned from',
    () => profiles().dropped + plane.traffic().observationsDropped,
  )
  total(
    'profiles_unstored_total',
    'Profiles that storage could not take',
    () => profiles().unstored,
  )
  const labelNames = ['pool', 'member']
  const members = () =>
    handshakePools().flatMap(({ pool, members: all }) =>
      all.map((member) => ({ labels: { pool, member: member.id }, member })),
    )
  new Counter({
    name: 'limen_handshake_pool_connections_total',
    help: 'TLS connections by handshake pool',
    labelNames,
    registers,
    collect() {
      this.reset()
      for (const { labels, member } of members()) this.inc(labels, member.connections)
    },
  })
  new Counter({
    name: 'limen_handshake_pool_handshakes_total',
    help: 'Handshakes by handshake pool and end',
    labelNames: [...labelNames, 'result'],
    registers,
    collect() {
      this.reset()
      for (const { labels, member } of members()) {
        for (const result of ['full', 'resumed', 'failed'] as const) {
          this.inc({ ...labels, result }, member[result])
        }
      }
    },
  })
  new Counter({
    name: 'limen_handshake_pool_checks_total',
    help: 'Checks after the handshake by handshake pool',
    labelNames: [...labelNames, 'result'],
    registers,
    collect() {
      this.reset()
      for (const { labels, member } of members()) {
        this.inc({ ...labels, result: 'passed' }, member.checksPassed)
        this.inc({ ...labels, result: 'failed' }, member.checksFailed)
      }
    },
  })
}

type Registers = { registers: Registry[] }['registers']

function trafficMetrics(plane: DataPlane, registers: Registers): void {
  const total = (name: string, help: string, read: (traffic: TrafficTotals) => number): void => {
    new Counter({
      name: `limen_${name}`,
      help,
      registers,
      collect() {
        this.reset()
        this.inc(read(plane.traffic()))
      },
    })
  }
  const totals = (
    name: string,
    help: string,
    label: string,
    read: (traffic: TrafficTotals) => Iterable<readonly [string, number]>,
  ): void => {
    new Counter({
      name: `limen_${name}`,
      help,
      labelNames: [label],
      registers,
      collect() {
        this.reset()
        for (const [value, count] of read(plane.traffic())) this.inc({ [label]: value }, count)
      },
    })
  }
  const byIndex = (counts: readonly number[], name: (index: number) => string) =>
    counts.map((count, index) => [name(index), count] as const).slice(1)

  new Gauge({
    name: 'limen_connections_open',
    help: 'Open client connections',
    registers,
    collect() {
      this.set(plane.traffic().connectionsOpen)
    },
  })
  total('connections_total', 'Client connections accepted', (t) => t.connectionsTotal)
  totals('handshakes_total', 'TLS handshakes', 'result', (t) => [
    ['full', t.handshakesFull],
    ['resumed', t.handshakesResumed],
    ['failed', t.handshakesFailed],
  ])
  total('received_bytes_total', 'Bytes from clients', (t) => t.bytesIn)
  total('sent_bytes_total', 'Bytes to clients', (t) => t.bytesOut)
  total('retries_total', 'Requests tried on another server', (t) => t.retries)
  totals('responses_total', 'Answers by status class', 'class', (t) =>
    byIndex(t.responses, (index) => `${index}xx`),
  )
  totals('refusals_total', 'Refused by Limen itself', 'reason', (t) => Object.entries(t.refusals))
  totals('session_checks_total', 'Checks of session keys by what they came to', 'result', (t) =>
    Object.entries(t.sessionChecks),
  )
  totals('cache_requests_total', 'Requests of routes with a cache', 'result', (t) =>
    Object.entries(t.cacheRequests),
  )
  new Counter({
    name: 'limen_session_handoffs_total',
    help: 'Sessions that went from one server to another',
    labelNames: ['reason', 'result'],
    registers,
    collect() {
      this.reset()
      for (const [key, count] of Object.entries(plane.traffic().sessionHandoffs)) {
        const [reason = '', result = ''] = key.split('/')
        this.inc({ reason, result }, count)
      }
    },
  })
  new Counter({
    name: 'limen_session_key_first_requests_total',
    help: 'First requests of sessions here, by whether their key was',
    labelNames: ['group', 'found'],
    registers,
    collect() {
      this.reset()
      for (const [group, counts] of Object.entries(plane.traffic().firstRequests)) {
        this.inc({ group, found: 'yes' }, counts.found)
        this.inc({ group, found: 'late' }, counts.late)
        this.inc({ group, found: 'no' }, counts.missed)
      }
    },
  })
  totals('decisions_total', 'Decisions by tier', 'tier', (t) => byIndex(t.tiers, String))
  total(
    'decisions_dropped_total',
    'Decisions a worker could not hand on',
    (t) => t.decisionsDropped,
  )
}

/** prom-client's own Histogram counts observations; ours come counted, so this only speaks its interface. */
function latencyHistogram(plane: DataPlane): Metric {
  const name = 'limen_response_head_seconds'
  const help = 'From request head to response head'
  const get = async () => {
    const { latencyCounts, latencySumMs } = plane.traffic()
    let below = 0
    const buckets = LATENCY_BOUNDS_MS.map((bound, index) => {
      below += latencyCounts[index] ?? 0
      return { metricName: `${name}_bucket`, labels: { le: bound / 1000 }, value: below }
    })
    const count = latencyCounts.reduce((sum, one) => sum + one, 0)
    const values = [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: count },
      { metricName: `${name}_sum`, labels: {}, value: latencySumMs / 1000 },
      { metricName: `${name}_count`, labels: {}, value: count },
    ]
    return { name, help, type: 'histogram', aggregator: 'sum', values }
  }
  return { name, help, get, reset() {} } as unknown as Metric
}

function upstreamMetrics(plane: DataPlane, registers: Registers): void {
  const labelNames = ['pool', 'server']
  const each = (read: (upstream: ReturnType<DataPlane['upstreams']>[number]) => number) =>
    plane.upstreams().map((one) => [{ pool: one.pool, server: one.id }, read(one)] as const)
  const gauge = (name: string, help: string, read: Parameters<typeof each>[0]): void => {
    new Gauge({
      name: `limen_upstream_${name}`,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        for (const [labels, value] of each(read)) this.set(labels, value)
      },
    })
  }
  const counter = (name: string, help: string, read: Parameters<typeof each>[0]): void => {
    new Counter({
      name: `limen_upstream_${name}`,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        for (const [labels, value] of each(read)) this.inc(labels, value)
      },
    })
  }
  gauge('up', '1 when it takes new requests', ({ state }) => (state === 'up' ? 1 : 0))
  gauge(
    'weight',
    'Its weight, times the factor by its capacity',
    ({ weight, capacity }) => weight * (capacity?.factor ?? 1),
  )
  gauge('in_flight', 'Requests under way', ({ inFlight }) => inFlight)
  gauge('connections', 'Open connections to it', ({ connections }) => connections)
  gauge(
    'latency_seconds',
    'Smoothed time to first byte, as of an ordinary request of the pool',
    ({ latencyMs }) => latencyMs / 1000,
  )
  counter('requests_total', 'Requests sent to it', ({ requests }) => requests)
  counter('failures_total', 'Requests that failed there', ({ failures }) => failures)
}

function workerMetrics(plane: DataPlane, registers: Registers): void {
  const labelNames = ['worker']
  new Gauge({
    name: 'limen_worker_up',
    help: '1 when the worker serves',
    labelNames,
    registers,
    collect() {
      this.reset()
      for (const { id, state } of plane.workers())
        this.set({ worker: id }, state === 'serving' ? 1 : 0)
    },
  })
  new Gauge({
    name: 'limen_worker_resident_memory_bytes',
    help: 'Resident memory',
    labelNames,
    registers,
    collect() {
      this.reset()
      for (const { id, rssBytes } of plane.workers()) this.set({ worker: id }, rssBytes)
    },
  })
  new Counter({
    name: 'limen_worker_restarts_total',
    help: 'Times a worker was started again',
    labelNames,
    registers,
    collect() {
      this.reset()
      for (const { id, restarts } of plane.workers()) this.inc({ worker: id }, restarts)
    },
  })
}
