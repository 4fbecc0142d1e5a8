import assert from 'node:assert/strict'
import { it } from 'node:test'
import { echoState } from './echo-state.ts'

it('learns a nonlinear law that no line can tell: the logistic map, one step ahead', () => {
  let x = 0.3
  const next = () => {
    x = 3.8 * x * (1 - x)
    return x - 0.5
  }
  const state = echoState.fit(Float64Array.from({ length: 1000 }, next), {
    stepS: 60,
    startS: 0,
    seasons: [],
  })
  let square = 0
  for (let i = 0; i < 200; i++) {
    const [expected = 0] = echoState.forecast(state, 1)
    const value = next()
    square += (value - expected) ** 2
    echoState.update(state, value)
  }
  // The map's variance is about 0.06; the best line leaves two thirds of it.
  assert.ok(square / 200 < 0.006, `${square / 200}`)
})

it('a season goes on', () => {
  const shape = (t: number) => 100 + 30 * Math.sin((2 * Math.PI * t) / 24)
  const frame = { stepS: 3600, startS: 0, seasons: [24] }
  const state = echoState.fit(
    Float64Array.from({ length: 600 }, (_, t) => shape(t)),
    frame,
  )
  for (const [h, value] of echoState.forecast(state, 48).entries()) {
    assert.ok(Math.abs(value - shape(600 + h)) < 5)
  }
})
