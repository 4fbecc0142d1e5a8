import assert from 'node:assert/strict'
import { it } from 'node:test'
import { countedMost, LONE_STEPS, withoutLone } from './lone-values.ts'

const NO = Number.NaN
const SEASON = 100

it('a lone value counts as twice what was usual and one more, the second like it in full', () => {
  const history = Float64Array.of(5, 9, 7, 9000, 6, 8000, 7)
  assert.deepEqual([...withoutLone(history, SEASON)], [5, 9, 7, 20, 6, 8000, 7])
})

it('the first of a crowd counts so until the next one is known', () => {
  const crowd = Float64Array.of(4, 3, 4, 400, 300, 500)
  assert.deepEqual(
    [4, 5].map((total) => countedMost(crowd, total, SEASON)),
    [10, 802],
  )
  assert.deepEqual([...withoutLone(crowd, SEASON)], [...crowd])
})

it('what comes at the same time of each season is no exception', () => {
  const daily = Float64Array.from({ length: 3 * SEASON }, (_, t) => (t % SEASON === 70 ? 5000 : 10))
  const counted = withoutLone(daily, SEASON)
  assert.deepEqual(
    [70, 170, 270].map((t) => counted[t]),
    [22, 5000, 5000],
  )
})

it('what is unknown stays it, and says nothing of what is usual', () => {
  assert.deepEqual([...withoutLone(Float64Array.of(NO, 900, NO, 3), SEASON)], [NO, 900, NO, 3])
  const long = new Float64Array(LONE_STEPS + 2).fill(NO)
  long[0] = 1
  long[LONE_STEPS + 1] = 50
  assert.deepEqual([...withoutLone(long, SEASON)], [...long])
})

it('countedMost() of a ring that went round is that of the line it holds', () => {
  const values = Float64Array.from({ length: 250 }, (_, t) => (t * 37) % 101)
  const ring = new Float64Array(150)
  for (const [t, value] of values.entries()) {
    ring[t % ring.length] = value
    const line = values.subarray(Math.max(0, t + 1 - ring.length), t + 1)
    assert.equal(countedMost(ring, t + 1, SEASON), countedMost(line, line.length, SEASON))
  }
})
