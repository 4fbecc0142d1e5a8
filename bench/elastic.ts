/**
 * Servers that come and go, on real processes: one Limen with pools of the same kind under the same flash crowd, request for request. One
 * is scaled by what is measured, as an autoscaler does it, the other by the forecast too; a third (`spare`) by what is measured with servers
 * 40 % busy in place of 70 %, for foresight costs servers too. A server takes 20 s to start.
 *
 * A minute of the crowd is played in a second, so a start takes as long as 20 minutes would: `LIMEN_BENCH_ELASTIC_STEP` makes it slower.
 * When the crowd is over it goes within two hours, or as it was recorded, and the pools are left alone until the last server they do not need
 * has gone: servers are given back only when measured load allows it, and no request may fail by it (`quiet`).
 *
 * The forecaster has seen days before: of the recorded trace, where `LIMEN_BENCH_TRACE` names it, else made ones.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ElasticRun, runElastic, WARM_UP_STEPS } from './elastic-run.ts'
import { FALL_MINUTES, madeDays, recordedDays } from './flash-crowd.ts'

const { LIMEN_BENCH_TRACE, LIMEN_BENCH_ELASTIC_STEP = '1' } = process.env
/** What was asked of it (issue 5): the p99 of reactive over that of predictive. */
const GOAL = 3
/** From the time the crowd has gone: Limen waits for 300 s before it lets a server go, then there is a minute without it. */
const QUIET_S = 360

export async function benchElastic(say: (line: string) => void): Promise<ElasticRun> {
  const stepS = Number(LIMEN_BENCH_ELASTIC_STEP)
  const after = FALL_MINUTES + Math.ceil(QUIET_S / stepS)
  const crowd =
    LIMEN_BENCH_TRACE === undefined
      ? madeDays(WARM_UP_STEPS, after)
      : recordedDays(LIMEN_BENCH_TRACE, WARM_UP_STEPS, after)
  say(
    `servers that take 20 s to start, a minute of the crowd in ${stepS} s; seen before: ${crowd.source}`,
  )
  const folder = mkdtempSync(join(tmpdir(), 'limen-bench-'))
  try {
    const nothing = (): void => {}
    const place = {
      crowd,
      stepS,
      folder,
      isPinned: true,
      withSpare: true,
      onLook: nothing,
      onReady: nothing,
    }
    const run = await runElastic(place)
    for (const line of tableOf(run)) say(line)
    say(`  p99: ${run.ratio} times better by forecast (goal: ${GOAL})`)
    for (const line of quietTableOf(run)) say(line)
    return run
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function tableOf({ reactive, predictive, spare }: ElasticRun): readonly string[] {
  const row = (
    name: string,
    { requests, p50, p99, failed, server_minutes, servers_most }: ElasticRun['reactive'],
  ) =>
    `  ${name.padEnd(12)} ${pad(requests, 9)} ${pad(p50, 8)} ${pad(p99, 9)} ${pad(failed, 7)} ${pad(server_minutes, 15)} ${pad(servers_most, 8)}`
  return [
    '  scaled       requests   p50 ms    p99 ms  failed  server-minutes  at most',
    row('reactive', reactive),
    row('predictive', predictive),
    ...(spare === undefined ? [] : [row('spare', spare)]),
  ]
}

function quietTableOf({ quiet = {} }: ElasticRun): readonly string[] {
  const rows = Object.entries(quiet).map(
    ([name, { p50, p99, failed, server_minutes, servers_least, let_go, let_go_early }]) =>
      `  ${name.padEnd(12)} ${pad(p50, 8)} ${pad(p99, 9)} ${pad(failed, 7)} ${pad(server_minutes, 15)} ${pad(servers_least, 7)} ${pad(let_go.length, 7)} ${pad(let_go_early, 10)}`,
  )
  return [
    '  after it       p50 ms    p99 ms  failed  server-minutes   least  let go  too early',
    ...rows,
  ]
}

function pad(value: number, width: number): string {
  return String(value).padStart(width)
}
