/**
 * A flash crowd comes to two pools of the same kind at once: one is scaled by what is measured, the other by the forecast too. Shows
 * what Limen sees coming, what it starts and when, and what came of it: `npm run demo:flash`. Takes four minutes; Ctrl-C ends it.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableOf } from '../bench/elastic.ts'
import {
  CONSOLE_URL,
  type ElasticRun,
  runElastic,
  SITE_URL,
  START_UP_S,
  WARM_UP_STEPS,
} from '../bench/elastic-run.ts'
import { madeDays } from '../bench/flash-crowd.ts'
import type { ScalingView } from '../src/apps/server/scale-pools.ts'

/** A minute of the crowd. */
const STEP_S = 1
const STATUS_EVERY_S = 10

const crowd = madeDays(WARM_UP_STEPS, 0)
const folder = mkdtempSync(join(tmpdir(), 'limen-flash-'))
const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!stopped.signal.aborted) console.log('\nStopping.')
    stopped.abort()
  })
}

console.log(`Limen learns from ${crowd.source} (a few seconds).`)
try {
  const told = new Set<string>()
  let nextStatusS = Number.NEGATIVE_INFINITY
  const run = await runElastic({
    ...{ crowd, folder, stepS: STEP_S, isPinned: false, withSpare: false, stop: stopped.signal },
    onReady: () => console.log(welcome()),
    onLook(scalings, atS) {
      for (const line of newsOf(scalings, told, atS)) console.log(line)
      if (atS < nextStatusS) return
      nextStatusS = atS + STATUS_EVERY_S
      console.log(statusOf(scalings, atS))
    },
  })
  console.log(reportOf(run))
} catch (error) {
  if (!stopped.signal.aborted) throw error
  process.exitCode = 130
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function welcome(): string {
  const seconds = crowd.played.length * STEP_S
  return [
    '',
    `  site     ${SITE_URL}reactive  ${SITE_URL}predictive`,
    `  console  ${CONSOLE_URL}#/forecast`,
    `  scaling  ${CONSOLE_URL}v1/scaling`,
    '',
    `A server takes ${START_UP_S} s to start. A minute of the crowd is played in ${STEP_S} s: three hours in ${seconds} s.`,
    'Both pools get the same requests at the same moments. Times count from where measuring begins.',
    '',
  ].join('\n')
}

function statusOf(scalings: readonly ScalingView[], atS: number): string {
  const pools = scalings.map(({ pool, up, starting }) => {
    return `${pool} ${up}${starting > 0 ? ` + ${starting} starting` : ''}`
  })
  const [first] = scalings
  const measured = Math.round(first?.measured ?? 0)
  return `${when(atS)}  ${String(measured).padStart(4)} requests/s   servers: ${pools.join(', ')}`
}

/** What was done since the look before. */
function* newsOf(
  scalings: readonly ScalingView[],
  told: Set<string>,
  atS: number,
): Generator<string> {
  const nowMs = Date.now()
  for (const { pool, actions } of scalings) {
    for (const { at, did, server, why } of actions.toReversed()) {
      const key = `${at} ${pool} ${did} ${server}`
      if (told.has(key)) continue
      told.add(key)
      const ago = (nowMs - at) / 1000
      if (did === 'pool.scale') yield `${when(atS - ago)}  ${pool} wants ${why}`
      else if (did === 'process.ready') yield `${when(atS - ago)}  ${pool}: ${server} is ready`
    }
  }
}

function reportOf(run: ElasticRun): string {
  const { reactive, predictive, ratio } = run
  const times = (seconds: readonly number[]): string => seconds.map((s) => `${s} s`).join(', ')
  return [
    '',
    ...tableOf(run),
    '',
    `  servers ordered  reactive    ${times(reactive.started_at_s)}`,
    `                   predictive  ${times(predictive.started_at_s)}`,
    `  ready            reactive    ${times(reactive.ready_at_s)}`,
    `                   predictive  ${times(predictive.ready_at_s)}`,
    '',
    `The slowest hundredth of requests took ${ratio} times as long without the forecast.`,
  ].join('\n')
}

function when(atS: number): string {
  return `${Math.round(atS)} s`.padStart(6)
}
