import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PoolForecast } from '../../flows/explain-forecast.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'
import { curveOf, forecastTable, forecastText } from './forecast-commands.ts'

const horizon = (aheadS: number, more: Partial<PoolForecast['horizons'][number]> = {}) => ({
  ...{ aheadS, expected: 12.345, low: 8, high: 1234.5, model: 'log-growth', isDemoted: false },
  ...{ reason: 'recent error 10.0 %', error: 0.1, judged: 900, ...more },
})
const SITE: PoolForecast = {
  events: [],
  ...{ pool: 'site', stepS: 60, at: Date.UTC(2026, 10, 21, 15, 30), now: 11, fittedAfter: 1440 },
  horizons: [horizon(300), horizon(3600, { model: 'last value', isDemoted: true, error: null })],
  capacity: {
    ...{ requestsPerSecond: 50, shareNow: 0.22, shareAhead: 0.905, shareAheadS: 840 },
    atMost: null,
    reason: 'from latencies',
  },
}
const UNKNOWN: PoolForecast = {
  ...{ ...SITE, pool: 'api\u001b[2J', now: null, horizons: [horizon(150)] },
  capacity: {
    ...{ requestsPerSecond: null, shareNow: null, shareAhead: null, shareAheadS: 0 },
    atMost: 70,
    reason: 'never near',
  },
}

describe('forecastTable()', () => {
  it('has a line for each pool and horizon', () => {
    const [head = '', near = '', far = '', other = '', ...rest] = forecastTable([
      SITE,
      UNKNOWN,
    ]).split('\n')
    assert.match(head, /^POOL +NOW +AHEAD +EXPECTED +LOW +P95 +CAPACITY +SPEAKS +ERROR$/)
    assert.match(near, /^site +11 +5 min +12\.3 +8 +1235 +22\.0 % used, up to 90\.5 % in 15 steps/)
    assert.match(near, /log-growth +10\.0 %$/)
    assert.match(far, /^ +1 h +12\.3 .*last value \(took over\) +\?$/)
    assert.match(other, /^api\?\[2J +\? +150 s .* unknown /)
    assert.deepEqual(rest, [])
  })

  it('says so when there is none', () => assert.match(forecastTable([]), /^No forecasts yet/))
})

describe('forecastText()', () => {
  const curve = {
    history: [...new Array<number>(200).fill(10), null],
    expected: new Array<number>(60).fill(20),
    low: new Array<number>(60).fill(15),
    high: new Array<number>(60).fill(40),
  }

  it('says what is expected of one pool, and draws it', () => {
    const lines = forecastText({ ...SITE, ...curve }).split('\n')
    assert.equal(lines[0], 'Pool site at 2026-11-21 15:30, requests per second')
    assert.equal(lines[2], 'capacity  50, 22.0 % used, up to 90.5 % in 15 steps (from latencies)')
    assert.equal(lines[3], 'fitted    after 1440 steps')
    assert.match(lines[4] ?? '', /^in 5 min +12\.3, 90 % from 8 to 1235; log-growth: recent error/)
    const plot = lines.slice(lines.indexOf('120 steps of 1 min, and 60 to come:') + 1)
    // Ten rows to 40: the upper line at the top, 10 in the lower quarter.
    assert.match(plot[0] ?? '', /^40\.0 \| +\|-{24}$/)
    assert.match(plot.at(-3) ?? '', /\|#+ *\|$/)
  })

  it('is not made of what the route of events answers', () => {
    const answer = { events: [], calendars: [] }
    assert.throws(
      () => curveOf('events', answer),
      (error) => exitCodeOf(error) === EXIT.missing && /No such pool: events/.test(String(error)),
    )
    const found = { ...SITE, ...curve }
    assert.equal(curveOf('site', found), found)
  })

  it('does not steer the terminal, and says when the capacity is not known', () => {
    const text = forecastText({ ...UNKNOWN, ...curve })
    assert.equal(text.includes('\u001b'), false)
    assert.match(text, /capacity {2}not known, at most 70 by its CPU \(never near\)/)
  })
})
