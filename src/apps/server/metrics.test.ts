import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fakeDataPlane, noTraffic } from '../../../test/fake-data-plane.ts'
import { metricsRegistry } from './metrics.ts'

const MEMBER = {
  ...{ id: 'here', address: '', region: '', connections: 6, full: 2, resumed: 1, failed: 3 },
  ...{ checksPassed: 1, checksFailed: 0, handshakeMs: 2 },
}
const HORIZON = {
  ...{ aheadS: 900, expected: 12.5, low: 8, high: 20, model: 'last value', isDemoted: true },
  ...{ reason: '', error: 0.1, judged: 900 },
}
const FORECAST = {
  ...{ pool: 'site', stepS: 60, at: 0, now: 11, fittedAfter: 60, horizons: [HORIZON] },
  events: [],
  capacity: {
    ...{ requestsPerSecond: null, shareNow: null, shareAhead: null, shareAheadS: 0, reason: '' },
    atMost: null,
  },
}
const PROFILES = {
  profiles: () => ({
    ...{ profiles: 5, verdicts: 2, signatures: 1, learned: 9, dropped: 3, unstored: 4 },
  }),
  keyMisses: () => ({ fetched: 2, unknown: 1, failed: 0 }),
  forecasts: () => [FORECAST],
  anomalies: () => [
    { series: 'server/site/a/latency', at: 0, value: 9, score: 5, anomalous: true },
    { series: 'listener/web/hellos', at: 0, value: null, score: 0, anomalous: false },
  ],
  scalings: () => [{ pool: 'site', wanted: 4 }],
  sessions: () => ({
    ...{
      sessions: 3,
      feed: 2,
      edges: { connected: 3, gone: 1 },
      placed: [{ edge: 'edge-3', group: 2 }],
      intervals: { policy: 5, tier: 1, load: 2, bounds: 0, ticket: 0 },
      rotations: { opened: 3, time: 1, security: 0, client: 0 },
    },
    handshakes: [{ kind: 'rotate', result: 'gen_conflict', count: 4 } as const],
    ...{ revocations: { session: 1, subject: 0, group: 0 }, epochs: [{ group: 1, epoch: 7 }] },
  }),
  handshakePools: () => [
    { pool: 'rigorous', choose: 'random', region: '', members: [MEMBER] } as const,
  ],
}

const scrape = async (): Promise<string> => {
  const plane = fakeDataPlane()
  const latencyCounts = noTraffic().latencyCounts.map((_, index) => (index < 3 ? 1 : 0))
  plane.setTraffic({
    ...{ responses: [0, 0, 5, 0, 2, 1], refusals: { 'head-too-large': 4 }, tiers: [0, 7, 1, 0] },
    ...{
      handshakesFull: 3,
      bytesIn: 10,
      observationsDropped: 10,
      latencyCounts,
      latencySumMs: 1500,
      firstRequests: { 2: { found: 8, missed: 5, late: 3, usedUntil: 1_800_000_000 } },
    },
  })
  return metricsRegistry({
    plane,
    isReady: () => true,
    certificates: () => [{ name: 'localhost', notAfter: 1_800_000_000_000 }],
    decisionsDropped: () => 2,
    ...PROFILES,
  }).metrics()
}

it('metricsRegistry() says what the data plane counted', async () => {
  const text = await scrape()
  for (const line of [
    'limen_responses_total{class="2xx"} 5',
    'limen_responses_total{class="5xx"} 1',
    'limen_refusals_total{reason="head-too-large"} 4',
    'limen_decisions_total{tier="2"} 1',
    'limen_handshakes_total{result="full"} 3',
    'limen_received_bytes_total 10',
    'limen_decisions_unstored_total 2',
    'limen_sessions 3',
    'limen_forecast_requests_per_second{pool="site",horizon="900",line="expected"} 12.5',
    'limen_forecast_requests_per_second{pool="site",horizon="900",line="p95"} 20',
    'limen_forecast_demoted{pool="site",horizon="900"} 1',
    'limen_series_anomaly{series="server/site/a/latency"} 1',
    'limen_series_anomaly{series="listener/web/hellos"} 0',
    'limen_session_epoch{group="1"} 7',
    'limen_session_handshakes_total{kind="rotate",result="gen_conflict"} 4',
    'limen_session_keys_total{reason="time"} 1',
    'limen_session_revocations_total{kind="session"} 1',
    'limen_session_key_placed{edge="edge-3",group="2"} 1',
    'limen_session_key_first_requests_total{group="2",found="yes"} 8',
    'limen_session_key_first_requests_total{group="2",found="late"} 3',
    'limen_session_key_first_requests_total{group="2",found="no"} 5',
    'limen_worker_up{worker="1"} 0',
    'limen_profiles 5',
    'limen_verdicts 2',
    'limen_signatures 1',
    'limen_handshakes_learned_total 9',
    'limen_observations_dropped_total 13',
    'limen_profiles_unstored_total 4',
    'limen_handshake_pool_connections_total{pool="rigorous",member="here"} 6',
    'limen_handshake_pool_handshakes_total{pool="rigorous",member="here",result="failed"} 3',
    'limen_handshake_pool_checks_total{pool="rigorous",member="here",result="passed"} 1',
    'limen_certificate_expiry_seconds{name="localhost"} 1800000000',
    'limen_response_head_seconds_bucket{le="0.0004"} 2',
    'limen_response_head_seconds_bucket{le="+Inf"} 3',
    'limen_response_head_seconds_sum 1.5',
    'limen_response_head_seconds_count 3',
  ]) {
    assert.ok(text.split('\n').includes(line), line)
  }
})

it('metricsRegistry() names every metric limen_*, and counters by their unit', async () => {
  const text = await scrape()
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    assert.match(name, /^limen_[a-z0-9_]+$/)
    if (type === 'counter') assert.match(name, /_total$/)
  }
})

it('metricsRegistry() does not count up by being asked twice', async () => {
  const plane = fakeDataPlane()
  plane.setTraffic({ connectionsTotal: 3 })
  const registry = metricsRegistry({
    ...{ plane, isReady: () => true, certificates: () => [], decisionsDropped: () => 0 },
    ...PROFILES,
  })
  await registry.metrics()
  assert.match(await registry.metrics(), /^limen_connections_total 3$/m)
})
