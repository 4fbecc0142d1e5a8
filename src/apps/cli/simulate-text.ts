/**
 * Reports of simulations as tables, to compare.
 *
 * @module
 */
import type { ForecastErrors } from '../../flows/simulated-scaling.ts'
import type { Answers, CapacityChange, SiteReport } from '../../flows/site-report.ts'
import type { SiteRun } from '../../flows/site-scenario.ts'
import { textTable } from './text-table.ts'

const LATENCIES = ['P50 MS', 'P99 MS', 'P99.9 MS']
/** Moments of change that a person is shown; -o json gives all. */
const MOMENTS_MAX = 12

export function simulationText(reports: readonly SiteReport[]): string {
  const parts = [wholeTable(reports), phaseTable(reports), shareTable(reports)]
  const stories = reports.map(storyOf).filter((story) => story !== '')
  return [...parts, ...stories].filter((part) => part !== '').join('\n\n')
}

function wholeTable(reports: readonly SiteReport[]): string {
  const headings = ['POLICY', 'SCALING', 'SESSIONS', 'REQUESTS', 'FAILED', ...LATENCIES]
  return textTable(
    [...headings, 'MOVES/1000', 'MISSES', 'SERVER MINUTES'],
    reports.map((report) => [
      ...[report.policy, report.scaling, report.sessions, report.requests, report.failed],
      ...latenciesOf(report),
      ...[report.movesPer1000.toFixed(2), report.misses, report.serverMinutes.toFixed(1)],
    ]),
    '',
  )
}

function phaseTable(reports: readonly SiteReport[]): string {
  const names = reports[0]?.phases.map(({ name }) => name) ?? []
  const rows = names.flatMap((name, i) =>
    reports.map(({ policy, scaling, phases }) => {
      const phase = phases[i] as Answers
      return [name, policy, scaling, phase.requests, phase.failed, ...latenciesOf(phase)]
    }),
  )
  return textTable(['PHASE', 'POLICY', 'SCALING', 'REQUESTS', 'FAILED', ...LATENCIES], rows, '')
}

/** Who answered, in percent; a column for each server. */
function shareTable(reports: readonly SiteReport[]): string {
  const ids = [...new Set(reports.flatMap(({ shares }) => shares.map(({ server }) => server)))]
  const row = (name: string, { policy, scaling }: SiteRun, { shares }: Answers) => {
    const cells = ids.map((id) => shares.find(({ server }) => server === id)?.share)
    const percent = cells.map((share) => (share === undefined ? '-' : (share * 100).toFixed(2)))
    return [name, policy, scaling, ...percent]
  }
  const names = reports[0]?.phases.map(({ name }) => name) ?? []
  const rows = names.flatMap((name, i) =>
    reports.map((report) => row(name, report, report.phases[i] as Answers)),
  )
  const all = reports.map((report) => row('(all)', report, report))
  return textTable(['SHARES %', 'POLICY', 'SCALING', ...ids], [...rows, ...all], '')
}

function latenciesOf({ p50Ms, p99Ms, p999Ms }: Answers): readonly string[] {
  return [p50Ms, p99Ms, p999Ms].map((ms) => (ms === null ? '-' : ms.toFixed(1)))
}

function storyOf({ policy, scaling, capacity, capacityMore, forecast }: SiteReport): string {
  const moments = momentsOf(capacity)
  const more = moments.length > MOMENTS_MAX || capacityMore > 0 ? '; and more (-o json)' : ''
  const lines = [
    ...(moments.length === 0 ? [] : [`  ${moments.slice(0, MOMENTS_MAX).join('; ')}${more}`]),
    ...(forecast === null
      ? []
      : [
          `  forecast ${forecast.all.aheadS} s ahead: ${errorsText(forecast.all)}`,
          `  while more was needed than the first servers: ${errorsText(forecast.whileItMattered)}`,
        ]),
  ]
  return lines.length === 0 ? '' : [`${policy}, scaling ${scaling}:`, ...lines].join('\n')
}

/** What became of servers at one time, together. */
function momentsOf(changes: readonly CapacityChange[]): readonly string[] {
  const moments = new Map<string, number>()
  for (const { atS, became } of changes) {
    const moment = `${Math.floor(atS)} s: # ${became}`
    moments.set(moment, (moments.get(moment) ?? 0) + 1)
  }
  return [...moments].map(([moment, count]) => moment.replace('#', String(count)))
}

function errorsText({ minutes, error, above }: ForecastErrors): string {
  if (minutes === 0) return 'no minute'
  const share = (part: number): string => `${(part * 100).toFixed(0)} %`
  return `off by ${share(error)} over ${minutes} minutes, above the upper line in ${share(above)} of them`
}
