import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Answers,
  figuresOf,
  type Looks,
  quietFiguresOf,
  type Span,
} from './elastic-figures.ts'

/** Ten seconds of warm-up, a crowd of a hundred, then quiet to the five hundredth. */
const SPAN: Span = { beganAt: 1_000_000, warmUpS: 10, crowdS: 100, wholeS: 500 }
/** So many a second from one second to another of what is measured, each answered in 50 ms. */
const sent = (fromS: number, toS: number, perSecond: number): Answers =>
  Array.from({ length: (toS - fromS) * perSecond }, (_, i) => [
    (SPAN.warmUpS + fromS + i / perSecond) * 1000,
    50,
  ])
const ANSWERS: Answers = [...sent(-10, 100, 40), ...sent(100, 500, 10)]
const did = (atS: number, what: string) => {
  return { at: SPAN.beganAt + atS * 1000, did: what, server: '', why: '' }
}
const looksWith = (...drains: readonly number[]): Looks => ({
  servers: Array.from({ length: 510 }, (_, i) => ({
    atS: i - 10,
    count: 3 - drains.filter((atS) => atS <= i - 10).length,
  })),
  actions: [
    ...[-9, 20].map((atS) => did(atS, 'process.start')),
    did(40, 'process.ready'),
    ...drains.map((atS) => did(atS, 'process.drain')),
  ],
})

describe('figuresOf()', () => {
  it('counts the crowd alone', () => {
    const figures = figuresOf(ANSWERS, looksWith(450), SPAN)
    assert.deepEqual(figures, {
      ...{ requests: 4000, p50: 50, p99: 50, failed: 0, server_minutes: 5, servers_most: 3 },
      ...{ started_at_s: [-9, 20], ready_at_s: [40] },
    })
  })

  it('takes a request that failed for one that took as long as a client waits', () => {
    const failing: Answers = ANSWERS.map(([at], i) => [at, i % 20 === 0 ? -1 : 50])
    const { failed, p99 } = figuresOf(failing, looksWith(), SPAN)
    assert.deepEqual([failed, p99], [200, 10_000])
  })
})

describe('quietFiguresOf()', () => {
  it('says what was left and what the load had asked for', () => {
    // The crowd of 40 a second is out of sight from the four hundredth second on.
    const { let_go, let_go_early, servers_least } = quietFiguresOf(
      ...[ANSWERS, looksWith(402, 402.1), SPAN, 15],
    )
    assert.deepEqual(let_go, [
      { at_s: 402, left: 1, needed: 1 },
      { at_s: 402, left: 1, needed: 1 },
    ])
    assert.deepEqual([let_go_early, servers_least], [0, 1])
  })

  it('finds one that went while the load of the last 300 s asked for it', () => {
    const quiet = quietFiguresOf(ANSWERS, looksWith(350), SPAN, 15)
    assert.deepEqual(quiet.let_go, [{ at_s: 350, left: 2, needed: 3 }])
    assert.equal(quiet.let_go_early, 1)
  })

  it('counts the requests that failed while one went, and those that failed at all', () => {
    const failing: Answers = ANSWERS.map(([at, ms]) => [
      at,
      at >= 413_000 && at < 414_000 ? -1 : at >= 480_000 && at < 480_500 ? -1 : ms,
    ])
    const quiet = quietFiguresOf(failing, looksWith(402), SPAN, 15)
    assert.deepEqual(
      [quiet.failed, quiet.failed_while_going, quiet.requests_while_going],
      [15, 10, 50],
    )
  })
})
