/**
 * Metrics of what is said of the load of upstream servers, and of how long they really take. Names of an application's own metrics are
 * the server's word: no label is made of them.
 *
 * @module
 */
import { Gauge, type Metric, type Registry } from 'prom-client'
import { BUCKETS, boundOf } from '../../math/log-histogram.ts'
import type { DataPlane, UpstreamView } from '../../ports/data-plane.ts'
import { LOAD_STALE_MS } from '../../ports/said-load.ts'

type Registers = { registers: Registry[] }['registers']
type Plane = Pick<DataPlane, 'upstreams'>

export function upstreamLoadMetrics(plane: Plane, registers: Registers): void {
  const gauge = (
    name: string,
    help: string,
    read: (server: UpstreamView) => Readonly<Record<string, number | undefined>>,
  ): void => {
    new Gauge({
      name: `limen_upstream_${name}`,
      help,
      labelNames: ['pool', 'server', 'source'],
      registers,
      collect() {
        this.reset()
        for (const server of plane.upstreams()) {
          for (const [source, value] of Object.entries(read(server))) {
            if (value !== undefined)
              this.set({ pool: server.pool, server: server.id, source }, value)
          }
        }
      },
    })
  }
  const said = ' as said by the server (header) or its machine (agent)'
  const fresh = ({ load }: UpstreamView) =>
    load !== undefined && Date.now() - load.at <= LOAD_STALE_MS ? load : undefined
  gauge('cpu_utilization', `Share of the CPU${said}`, (server) => ({
    header: fresh(server)?.cpu,
    agent: server.machine?.cpu,
  }))
  gauge('memory_utilization', `Share of the memory${said}`, (server) => ({
    header: fresh(server)?.memory,
    agent: server.machine?.memory,
  }))
  gauge('application_utilization', 'Share of what it can do, as said by the server', (server) => ({
    header: fresh(server)?.application,
  }))
  gauge(
    'load_timestamp_seconds',
    'When its load was said last, Unix time',
    ({ load, machine }) => ({
      header: secondsOf(load?.at),
      agent: secondsOf(machine?.at),
    }),
  )
  gauge('load_average', 'Processes that run or wait, as said by its machine', ({ machine }) => ({
    agent: machine?.loadAverage,
  }))
  gauge('network_received_bytes_per_second', 'As said by its machine', ({ machine }) => ({
    agent: machine?.receivedBytesPerSecond,
  }))
  gauge('network_sent_bytes_per_second', 'As said by its machine', ({ machine }) => ({
    agent: machine?.sentBytesPerSecond,
  }))
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}

/** One bucket to each doubling: four times as many are kept. */
const BUCKETS_APART = 4

/** As `latencyHistogram` in `metrics.ts`: the counts are there already. */
export function firstByteHistogram(plane: Plane): Metric {
  const name = 'limen_upstream_first_byte_seconds'
  const help = 'From request to first byte of the answer, by server'
  const get = async () => {
    const values = plane.upstreams().flatMap(({ pool, id: server, latencyCounts }) => {
      const labels = { pool, server }
      const bucket = (le: number | '+Inf', value: number) => {
        return { metricName: `${name}_bucket`, labels: { ...labels, le }, value }
      }
      let below = 0
      const buckets = Array.from(latencyCounts.subarray(0, BUCKETS - 1), (count, i) => {
        below += count
        return bucket(boundOf(i) / 1000, below)
      }).filter((_, i) => i % BUCKETS_APART === 0)
      const count = latencyCounts.reduce((sum, one) => sum + one, 0)
      return [
        ...buckets,
        bucket('+Inf', count),
        { metricName: `${name}_count`, labels, value: count },
      ]
    })
    return { name, help, type: 'histogram', aggregator: 'sum', values }
  }
  return { name, help, get, reset() {} } as unknown as Metric
}
