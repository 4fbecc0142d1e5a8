import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { arima } from './arima.ts'

const frame = { stepS: 60, startS: 0, seasons: [] }
const noise = (seed: number) => {
  const random = seededRandom(seed)
  return () => random.fraction() + random.fraction() + random.fraction() - 1.5
}

it('AR(1): phi is found, forecasts decay to the mean by it', () => {
  const shock = noise(1)
  let x = 0
  const values = Float64Array.from({ length: 3000 }, () => {
    x = 0.7 * x + shock()
    return 20 + x
  })
  const state = arima.fit(values, frame)
  assert.deepEqual(state.inner?.differences, [])
  arima.update(state, 26)
  const forecast = arima.forecast(state, 40)
  const mean = forecast[39] ?? 0
  assert.ok(Math.abs(mean - 20) < 0.3, `${mean}`)
  const decay = ((forecast[2] ?? 0) - mean) / ((forecast[1] ?? 0) - mean)
  assert.ok(Math.abs(decay - 0.7) < 0.06, `${decay}`)
})

it('MA(1): one step knows the last shock, two steps know nothing', () => {
  const shock = noise(2)
  let last = 0
  const values = Float64Array.from({ length: 3000 }, () => {
    const now = shock()
    const value = 20 + now + 0.6 * last
    last = now
    return value
  })
  const state = arima.fit(values, frame)
  const [expected = 0] = arima.forecast(state, 1)
  arima.update(state, expected + 2)
  const [one = 0, two = 0] = arima.forecast(state, 2)
  assert.ok(Math.abs(one - 20 - 1.2) < 0.25, `${one}`)
  assert.ok(Math.abs(two - 20) < 0.25, `${two}`)
})

it('a random walk is differenced once and goes on from where it is', () => {
  const shock = noise(3)
  let x = 100
  const values = Float64Array.from({ length: 1000 }, () => {
    x += shock()
    return x
  })
  const state = arima.fit(values, frame)
  assert.deepEqual(state.inner?.differences, [1])
  assert.ok(Math.abs((arima.forecast(state, 1)[0] ?? 0) - x) < 0.5)
})

it('a season and a line are differenced away and go on', () => {
  const shape = (t: number) => t / 5 + ([0, 7, 3, 9, 1, 4][t % 6] ?? 0)
  const values = Float64Array.from({ length: 120 }, (_, t) => shape(t))
  const state = arima.fit(values, { ...frame, seasons: [6] })
  assert.equal(state.inner?.differences[0], 6)
  for (const [h, value] of arima.forecast(state, 12).entries()) {
    assert.ok(Math.abs(value - shape(120 + h)) < 1e-3, `${value}`)
  }
})
