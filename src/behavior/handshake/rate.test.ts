import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { countRate, newRateHistory, type RateHistory, rateReasons } from './rate.ts'

/** All clients together, after minutes of an ordinary day. */
const QUIET: RateHistory = { second: 0, counts: [0, 0, 0], means: [100, 10, 1], seconds: 600 }

/** Counts arrivals of a Poisson process until the end of that second; the most digits met. */
function live(perSecond: number, seconds: number, seed = 1, history = newRateHistory(0)) {
  const random = seededRandom(seed)
  let most = 0
  const start = history.second * 1000
  for (let now = start; now < start + seconds * 1000; ) {
    now += (-Math.log(1 - random.fraction()) * 1000) / perSecond
    countRate(history, 'new', now, true)
    most = Math.max(most, rateReasons(history, QUIET, now, 'it')[0]?.weight ?? 0)
  }
  return { history, most }
}

describe('rateReasons()', () => {
  it('is silent about steady traffic, slow and busy', () => {
    for (const perSecond of [0.2, 5, 50, 500]) {
      const { most } = live(perSecond, 60, perSecond)
      // A busy client that nothing is known of may be a flood: after some seconds its rate is known.
      if (perSecond <= 50) assert.ok(most < 4, `${perSecond}/s: ${most}`)
    }
  })

  it('is silent about a page with many connections', () => {
    const history = newRateHistory(0)
    for (let i = 0; i < 30; i++) countRate(history, 'new', 5_000_000, true)
    assert.deepEqual(rateReasons(history, QUIET, 5_000_000, 'it'), [])
  })

  it('sees ten times the usual rate within a second', () => {
    for (const usual of [20, 50, 200]) {
      const { history } = live(usual, 120)
      const now = (history.second + 1) * 1000
      let at = 0
      for (let i = 0; i < usual * 10 && at === 0; i++) {
        const when = now + (i * 1000) / (usual * 10)
        countRate(history, 'new', when, true)
        if ((rateReasons(history, QUIET, when, 'it')[0]?.weight ?? 0) >= 4) at = when - now
      }
      assert.ok(at > 0 && at <= 1000, `${usual}/s: ${at}`)
    }
  })

  it('judges nobody before it knows what is usual', () => {
    const history = newRateHistory(0)
    for (let i = 0; i < 2000; i++) countRate(history, 'new', 999, true)
    assert.deepEqual(rateReasons(history, { ...QUIET, seconds: 9 }, 999, 'it'), [])
    assert.equal(rateReasons(history, QUIET, 999, 'it')[0]?.code, 'rate-new')
  })

  it('lets all grow together: a surge of everybody is no flood of one', () => {
    const own = live(50, 60).history
    const all = live(500, 60).history
    const now = (Math.max(own.second, all.second) + 1) * 1000
    for (let i = 0; i < 500; i++) countRate(own, 'new', now, true)
    for (let i = 0; i < 5000; i++) countRate(all, 'new', now, true)
    assert.ok((rateReasons(own, QUIET, now, 'it')[0]?.weight ?? 0) > 4)
    assert.ok((rateReasons(own, all, now, 'it')[0]?.weight ?? 0) < 2)
  })

  it('does not learn from a flood', () => {
    const { history } = live(50, 120)
    const [usual = 0] = history.means
    for (let s = 1; s <= 60; s++) {
      for (let i = 0; i < 500; i++)
        countRate(history, 'new', (history.second + 1) * 1000 - 1, false)
      countRate(history, 'new', (history.second + 1) * 1000, false)
    }
    assert.equal(history.means[0], usual)
  })

  it('counts resumptions and incomplete handshakes by themselves', () => {
    const { history } = live(50, 120)
    const now = (history.second + 1) * 1000
    for (let i = 0; i < 200; i++) countRate(history, 'incomplete', now, true)
    assert.equal(rateReasons(history, QUIET, now, 'it')[0]?.code, 'rate-incomplete')
  })

  it('does nothing odd when the clock goes backwards', () => {
    const { history } = live(50, 60)
    const before = JSON.stringify(history.means)
    for (let i = 0; i < 10; i++) countRate(history, 'new', 0, true)
    assert.equal(JSON.stringify(history.means), before)
  })
})
