/**
 * One upstream server as the supervisor knows it: its workers' reports summed up, with what is said of its load.
 *
 * @module
 */
import type { ServerReport } from '../../adapters/edge/edge.ts'
import type { HealthCheck } from '../../adapters/edge/health-check.ts'
import type { LoadPoll } from '../../adapters/node/load-poll.ts'
import { addHistogram, type LogHistogram } from '../../math/log-histogram.ts'
import type {
  ServerChange,
  ServerSettings,
  ServerState,
  UpstreamView,
} from '../../ports/data-plane.ts'
import type { SaidByServer } from '../../ports/said-load.ts'

/** What is known of a server besides what workers report. */
export interface ServerNote {
  readonly pool: string
  readonly id: string
  readonly address: string
  check: HealthCheck | undefined
  poll: LoadPoll | undefined
  /** As configured. */
  readonly weight: number
  readonly change: { -readonly [K in keyof ServerChange]: ServerChange[K] }
  /** Counted by workers that are gone. */
  requests: number
  failures: number
  readonly latencyCounts: LogHistogram
}

/** @param reports of this server, one of each worker */
export function upstreamView(
  { id, host, port }: ServerSettings,
  note: ServerNote,
  reports: readonly ServerReport[],
): UpstreamView {
  const sum = (of: (report: ServerReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0)
  const requests = sum((report) => report.requests)
  const latencyCounts = note.latencyCounts.slice()
  for (const report of reports) addHistogram(latencyCounts, report.latencyCounts)
  const load = newestOf(reports)
  const machine = note.poll?.newest()
  const { capacity } = note.change
  return {
    pool: note.pool,
    id,
    address: `${host}:${port}`,
    state: stateOf(
      note,
      reports.some(({ ejected }) => ejected),
    ),
    weight: note.change.weight ?? note.weight,
    inFlight: sum((report) => report.inFlight),
    connections: sum((report) => report.connections),
    requests: requests + note.requests,
    failures: sum((report) => report.failures) + note.failures,
    latencyMs: requests === 0 ? 0 : sum((report) => report.latencyMs * report.requests) / requests,
    check: note.check?.text ?? '',
    latencyCounts,
    ...(load === undefined ? {} : { load }),
    ...(machine === undefined ? {} : { machine }),
    ...(capacity === undefined || capacity.factor === 1 ? {} : { capacity }),
  }
}

/** Each worker knows what was said in the answers it passed on. */
function newestOf(reports: readonly ServerReport[]): SaidByServer | undefined {
  return reports
    .flatMap(({ load }) => (load === undefined ? [] : [load]))
    .reduce<SaidByServer | undefined>(
      (newest, load) => (newest === undefined || load.at > newest.at ? load : newest),
      undefined,
    )
}

function stateOf({ change, check }: ServerNote, ejected: boolean): ServerState {
  if (change.draining === true) return 'draining'
  if (check?.up === false) return 'down'
  return ejected ? 'ejected' : 'up'
}
