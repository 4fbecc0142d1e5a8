/**
 * How many sessions come when, as a scenario says: the rate, arrivals drawn from it (a Poisson process), and the requests of the
 * days before, for a forecast to learn from.
 *
 * @module
 */
import { drawExponential, drawLognormal, drawNormal } from '../math/seeded-chance.ts'
import type { Crowd, SessionScenario, SiteScenario } from './site-scenario.ts'

export const DAY_S = 86_400
const HOUR_S = 3_600
/** The rate is constant for so long: short beside the ramp of any crowd. */
const RATE_STEP_MS = 1_000

/** New sessions per second. @param atS from the beginning; negative in the warm-up and on the days before */
export function sessionRate(
  { sessions, beginsAtHour }: Pick<SiteScenario, 'sessions' | 'beginsAtHour'>,
  atS: number,
): number {
  const { perMinute, daySwing, peakHour, crowds } = sessions
  const minute = Math.min(perMinute.length - 1, Math.max(0, Math.floor(atS / 60)))
  let rate = (perMinute[minute] ?? 0) / 60
  if (daySwing > 0) {
    const hour = beginsAtHour + atS / HOUR_S
    rate *= 1 + daySwing * Math.cos((2 * Math.PI * (hour - peakHour)) / 24)
  }
  for (const crowd of crowds) rate *= crowdFactor(crowd, atS)
  return rate
}

function crowdFactor({ fromS, toS, factor, rampS, everyDays }: Crowd, atS: number): number {
  const periodS = everyDays * DAY_S
  // One of those before has the place of the one to come.
  const within = atS < fromS && periodS > 0 ? fromS + modulo(atS - fromS, periodS) : atS
  if (within < fromS || within >= toS + rampS) return 1
  const up = rampS === 0 ? 1 : Math.min(1, (within - fromS) / rampS)
  const down = within < toS ? 1 : 1 - (within - toS) / rampS
  return 1 + (factor - 1) * up * down
}

function modulo(value: number, by: number): number {
  return value - by * Math.floor(value / by)
}

/** When the next session comes, ms from the beginning; `untilMs` when none comes before. */
export function nextArrival(
  scenario: SiteScenario,
  fraction: () => number,
  nowMs: number,
  untilMs: number,
): number {
  let at = nowMs
  while (at < untilMs) {
    const step = Math.floor(at / RATE_STEP_MS)
    const end = (step + 1) * RATE_STEP_MS
    const perS = sessionRate(scenario, (step * RATE_STEP_MS) / 1000)
    // A Poisson process has no memory: at the end of the step it is drawn anew.
    const next = perS > 0 ? at + drawExponential(fraction, 1000 / perS) : end
    if (next < end) return Math.min(next, untilMs)
    at = end
  }
  return untilMs
}

/**
 * Requests of each minute from `fromS` to `toS`, as they would have come: the mean of the simulated process, times a factor of
 * the day, with the noise of counting.
 */
export function pastDemand(
  scenario: SiteScenario,
  fraction: () => number,
  fromS: number,
  toS: number,
): Float64Array {
  const { sessions, scaling } = scenario
  const perMinute = new Float64Array(Math.floor((toS - fromS) / 60))
  const lastsS = meanSessionS(sessions)
  let live = sessionRate(scenario, fromS) * lastsS
  let ofDay = 1
  for (let minute = 0; minute < perMinute.length; minute++) {
    if ((minute * 60) % DAY_S === 0) {
      ofDay = drawLognormal(fraction, 1, scaling.predictive.daySigma)
    }
    let mean = 0
    for (let second = 0; second < 60; second++) {
      const rate = sessionRate(scenario, fromS + minute * 60 + second)
      // Each comes with a request, and makes the others while it is there.
      mean += rate + (lastsS > 0 ? ((sessions.requests - 1) / lastsS) * live : 0)
      live += rate - (lastsS > 0 ? live / Math.max(1, lastsS) : live)
    }
    mean *= ofDay
    perMinute[minute] = Math.max(0, Math.round(mean + Math.sqrt(mean) * drawNormal(fraction)))
  }
  return perMinute
}

/** Time from the first request of a session to the last. */
function meanSessionS({ requests, thinkS, serviceMs }: SessionScenario): number {
  return (requests - 1) * (thinkS + serviceMs / 1000)
}
