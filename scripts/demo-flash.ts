/**
 * A flash crowd comes to two pools of the same kind at once: one is scaled by what is measured, the other by the forecast too. What
 * one edge cannot take of it goes on at a second one, which has the keys of its sessions by then, or not. Shows what Limen sees coming,
 * what it starts and places and when, and what came of it: `npm run demo:flash`. Takes four and a half minutes; Ctrl-C ends it.
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
import { keysAhead } from './demo-flash/keys-ahead.ts'
import type { SessionMoves } from './demo-flash/session-crowd.ts'

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
  const keys = keysAhead({ crowd, folder, stepS: STEP_S })
  let nextStatusS = Number.NEGATIVE_INFINITY
  const run = await runElastic({
    ...{ crowd, folder, stepS: STEP_S, isPinned: false, withSpare: false, stop: stopped.signal },
    besides: keys,
    onReady: () => console.log(welcome()),
    onLook(scalings, atS) {
      for (const line of newsOf(scalings, told, atS)) console.log(line)
      void keys.news().then((lines) => {
        for (const line of lines) console.log(`${when(atS)}  ${line}`)
      })
      if (atS < nextStatusS) return
      nextStatusS = atS + STATUS_EVERY_S
      console.log(statusOf(scalings, atS))
    },
  })
  console.log(reportOf(run))
  console.log(movesReport(keys.moves()))
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
    'Both pools get the same requests at the same moments. What the site has sessions for above 0.6 of the peak goes on at a second edge,',
    'where its keys are placed ahead, and at one where they are not. Times count from where measuring begins.',
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

function movesReport(moves: Readonly<Record<'placed' | 'without', SessionMoves>>): string {
  const row = (name: string, { sessions, found, waited, lost }: SessionMoves): string => {
    const share = `${((100 * found) / sessions).toFixed(1)} %`
    return `  ${name.padEnd(22)} ${String(sessions).padStart(8)} ${share.padStart(14)} ${String(waited).padStart(7)} ${String(lost).padStart(5)}`
  }
  const begunS = Math.round(moves.placed.firstS - WARM_UP_STEPS * STEP_S)
  return [
    '',
    `Sessions that went on at the second edge, from ${begunS} s on; their first request there:`,
    '  keys                   sessions  found the key  waited  lost',
    row('placed by the forecast', moves.placed),
    row('fetched when missed', moves.without),
  ].join('\n')
}

function when(atS: number): string {
  return `${Math.round(atS)} s`.padStart(6)
}
