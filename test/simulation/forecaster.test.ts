import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  addToForecaster,
  adoptFit,
  anticipateEvent,
  FORECASTER_DEFAULTS,
  FORECASTER_MODELS,
  type ForecasterState,
  fitDue,
  fitJob,
  fitModels,
  forecastAhead,
  keepKnownFit,
  openForecaster,
  passTime,
} from '../../src/forecast/forecaster.ts'
import type { LogGrowthState } from '../../src/forecast/models/log-growth.ts'
import { resumeForecaster } from '../../src/forecast/resume-forecaster.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

/** Days of 96 steps keep the tests short. */
const DAY = 96
const STEP_S = 900
const OPTIONS = {
  ...FORECASTER_DEFAULTS,
  stepS: STEP_S,
  seasons: [DAY],
  historySteps: 22 * DAY,
  horizons: [1, 4, 12],
}
/** No forecast exceeds the greatest value ever seen by more. */
const ABSURD = 3

function tell(state: ForecasterState, values: Iterable<number>): void {
  for (const value of values) {
    const atS = Number.isNaN(state.series.openS) ? 0 : state.series.openS
    if (!Number.isNaN(value)) addToForecaster(state, atS, value)
    passTime(state, atS + STEP_S)
    if (fitDue(state)) adoptFit(state, fitModels(fitJob(state)))
  }
}

function told(values: Iterable<number>): ForecasterState {
  const state = openForecaster(OPTIONS)
  // The first arrival begins the series.
  addToForecaster(state, 0, 0)
  passTime(state, STEP_S)
  tell(state, values)
  return state
}

/** All of its fit but who of its learners was right, which those said who spoke meanwhile. */
function learnedBy({ fit }: ForecasterState): unknown {
  const [{ aheads, ...first }, ...naive] = fit.states as [LogGrowthState, ...unknown[]]
  return { ...fit, states: [{ ...first, learned: aheads.map(({ learned }) => learned) }, ...naive] }
}

/** A daily shape, a level that drifts over days, and noise. */
function days(count: number, seed = 7): number[] {
  const random = seededRandom(seed)
  return Array.from({ length: count * DAY }, (_, t) => {
    const chance = 0.2 * (random.fraction() + random.fraction() - 1)
    const drift = 0.4 * Math.sin((2 * Math.PI * t) / (2.7 * DAY))
    return Math.round(200 * Math.exp(Math.sin((2 * Math.PI * t) / DAY) + drift + chance))
  })
}

/** A forecast of a day, finite, ordered, and no more than {@link ABSURD} times `most`. */
function soundForecast(state: ForecasterState, most: number): Float64Array {
  const { values, low, high } = forecastAhead(state, DAY)
  values.forEach((value, k) => {
    const [l = Number.NaN, h = Number.NaN] = [low[k], high[k]]
    assert.ok(l >= 0 && l <= value && value <= h && Number.isFinite(h), `${l} ${value} ${h}`)
    assert.ok(value <= ABSURD * most, `${value} where no more than ${most} was seen`)
  })
  return values
}

describe('forecaster', () => {
  it('forecasts a daily shape, says who speaks and how good it was', () => {
    const values = days(13)
    const state = told(values.slice(0, 12 * DAY))
    const { values: forecast, verdicts } = forecastAhead(state, 12)
    forecast.forEach((value, k) => {
      const actual = values[12 * DAY + k] ?? 0
      assert.ok(Math.abs(Math.log(value / actual)) < 0.35, `${value}, not ${actual}`)
    })
    assert.deepEqual(
      verdicts.map(({ steps, model, demoted }) => [steps, model, demoted]),
      [1, 4, 12].map((steps) => [steps, 'log-growth', false]),
    )
    assert.match(verdicts[2]?.reason ?? '', /^recent error [\d.]+ %, of .* [\d.]+ %$/)
  })

  it('covers 90 % between its lines', () => {
    const state = told(days(4))
    let inside = 0
    const values = days(20, 8)
    for (const value of values) {
      const { low, high } = forecastAhead(state, 4)
      if (value >= (low[0] ?? 0) && value <= (high[0] ?? 0)) inside++
      tell(state, [value])
    }
    assert.ok(Math.abs(inside / values.length - 0.9) < 0.02, `${inside / values.length}`)
  })

  it('demotes itself where the last value is best, and says so', () => {
    const random = seededRandom(5)
    let level = 1000
    // A staircase that no day explains: 200 steps up or down by a third.
    const values = Array.from({ length: 10 * DAY }, (_, t) => {
      if (t % 50 === 0) level *= random.fraction() < 0.5 ? 0.75 : 1.35
      return level
    })
    const { verdicts } = forecastAhead(told(values), 1)
    const [first] = verdicts
    assert.deepEqual([first?.model, first?.demoted], ['last value', true])
  })

  it('goes on identically from a copy of its state', () => {
    const state = told(days(6))
    const copy = structuredClone(state)
    for (const each of [state, copy]) tell(each, days(3, 9))
    assert.deepEqual(copy, state)
    assert.deepEqual(forecastAhead(copy, 40), forecastAhead(state, 40))
  })

  it('adopts a fit that took its time as one that took none', () => {
    const late = told(days(6))
    const prompt = structuredClone(late)
    adoptFit(prompt, fitModels(fitJob(prompt)))
    const job = fitJob(late)
    for (const each of [prompt, late]) {
      for (const value of days(1).slice(0, 20)) {
        addToForecaster(each, each.series.openS, value)
        passTime(each, each.series.openS + STEP_S)
      }
    }
    adoptFit(late, fitModels(job))
    assert.deepEqual(learnedBy(late), learnedBy(prompt))
  })

  it('knows of an event what the last ones did', () => {
    const state = told(days(4))
    const values = days(16, 3)
    for (let t = 0; t < values.length; t++) {
      const inEvent = t % (2 * DAY) >= 40 && t % (2 * DAY) < 52
      const { openS } = state.series
      if (t % (2 * DAY) === 20) {
        const startS = openS + 20 * STEP_S
        assert.ok(anticipateEvent(state, { kind: 'match', startS, endS: startS + 12 * STEP_S }))
      }
      tell(state, [(inEvent ? 3 : 1) * (values[t] ?? 0)])
    }
    const [learned] = state.calendar.learned
    assert.equal(learned?.events, 8)
    const plain = forecastAhead(state, 12).values[11] ?? 0
    const startS = state.series.openS + 5 * STEP_S
    anticipateEvent(state, { kind: 'match', startS, endS: startS + 12 * STEP_S })
    const raised = forecastAhead(state, 12).values[11] ?? 0
    assert.ok(raised > 2 * plain && raised < 3.5 * plain, `${raised} for ${plain}`)
  })

  it('what a model learned about itself outlives its next fit', () => {
    const state = told(days(6))
    const errors = () =>
      (state.fit.states[0] as LogGrowthState).aheads.map((ahead) => [...ahead.errors])
    const before = errors()
    assert.ok(before.flat().every((error) => error > 0))
    adoptFit(state, fitModels(fitJob(state)))
    assert.deepEqual(errors(), before)
  })

  it('kept by a Limen of other models: its history stays, and is fitted anew', () => {
    const state = told(days(6))
    const [expected] = forecastAhead(state, 1).values
    const { total, openS } = state.series
    // As an earlier Limen left it: states of another form, and no names.
    const { chosen } = state.fit
    state.fit = { chosen, states: [{ coefficients: [] }], total } as unknown as typeof state.fit
    assert.ok(resumeForecaster(state, openS + STEP_S, OPTIONS, 86_400))
    assert.ok(fitDue(state))
    adoptFit(state, fitModels(fitJob(state)))
    const value = forecastAhead(state, 1).values[0] ?? 0
    assert.ok(Math.abs(Math.log(value / (expected ?? 0))) < 0.3, `${value}, before ${expected}`)
  })

  it('chooses among contenders when fitted', () => {
    const models = {
      contenders: [...FORECASTER_MODELS.naive.slice(1, 2), ...FORECASTER_MODELS.contenders],
      naive: FORECASTER_MODELS.naive,
    }
    const random = seededRandom(4)
    const history = Float64Array.from(
      days(12).map((value, t) => value * (1 + t / 200) * (0.9 + 0.2 * random.fraction())),
    )
    const frame = { stepS: STEP_S, startS: 0, seasons: [DAY] }
    const job = { history, frame, horizons: [1, 4], total: history.length }
    assert.equal(fitModels(job, models).chosen, 1)
  })
})

describe('openForecaster()', () => {
  it('refuses options it cannot keep to, and says which', () => {
    const lists = [[], [0], [-1], [1.5], [Number.NaN], [60, 5], [5, 5], [1e9]]
    for (const horizons of lists) {
      assert.throws(() => openForecaster({ ...OPTIONS, horizons }), /^RangeError: horizons must/)
    }
    for (const seasons of lists.slice(1, -1)) {
      assert.throws(() => openForecaster({ ...OPTIONS, seasons }), /^RangeError: seasons must/)
    }
    for (const [low, high] of [
      [0.95, 0.05],
      [0, 0.9],
      [0.1, 1],
      [Number.NaN, Number.NaN],
    ] as const) {
      const options = { ...OPTIONS, levels: [low, high] as const }
      assert.throws(() => openForecaster(options), /^RangeError: levels must/)
    }
    openForecaster({ ...OPTIONS, seasons: [] })
  })
})

describe('bad input', () => {
  it('empty: forecasts zero', () => {
    assert.ok(soundForecast(openForecaster(OPTIONS), 0).every((value) => value === 0))
  })

  it('one point: forecasts it', () => {
    const state = openForecaster(OPTIONS)
    addToForecaster(state, 1e9, 7)
    passTime(state, 1e9 + STEP_S)
    soundForecast(state, 7).forEach((value) => {
      assert.ok(Math.abs(value - 7) < 1e-9)
    })
  })

  it('constant: forecasts it, and the lines close in', () => {
    const state = told(new Array(12 * DAY).fill(50))
    const { values, low, high } = forecastAhead(state, 12)
    values.forEach((value, k) => {
      const width = (high[k] ?? 0) - (low[k] ?? 0)
      assert.ok(Math.abs(value - 50) < 0.5 && width < 5, `${value}, ${width} wide`)
    })
  })

  it('NaN, negative and infinite values, old and far times: nothing changes', () => {
    const state = told(days(3))
    const before = structuredClone(state)
    const { openS } = state.series
    for (const value of [Number.NaN, -5, Number.POSITIVE_INFINITY]) {
      assert.equal(addToForecaster(state, openS, value), 'invalid')
    }
    assert.equal(addToForecaster(state, 0, 1e6), 'late')
    assert.equal(addToForecaster(state, openS * 1000, 1e6), 'ahead')
    assert.deepEqual({ ...state, series: { ...state.series, refused: 0 } }, before)
  })

  it('a clock that jumps back or ahead and stays there: goes on', () => {
    for (const jumpS of [-50 * 86_400, 50 * 86_400]) {
      const state = told(days(12))
      const then = state.series.openS + jumpS
      for (let i = 0; i < 150; i++) addToForecaster(state, then, 2)
      assert.equal(state.series.openS, Math.floor(then / STEP_S) * STEP_S)
      tell(state, days(2))
      soundForecast(state, 800)
    }
  })

  it('a change of level: follows within a day', () => {
    const state = told(days(10))
    tell(
      state,
      days(1).map((value) => 10 * value),
    )
    const first = soundForecast(state, 8000)[0] ?? 0
    assert.ok(first > 1300 && first < 3000, `${first}`)
  })

  it('30 % missing: forecasts nearly the same', () => {
    const random = seededRandom(11)
    const values = days(12)
    const whole = forecastAhead(told(values), 12).values
    const holed = told(values.map((value) => (random.fraction() < 0.3 ? Number.NaN : value)))
    forecastAhead(holed, 12).values.forEach((value, k) => {
      assert.ok(Math.abs(Math.log(value / (whole[k] ?? 0))) < 0.25, `${value}, not ${whole[k]}`)
    })
  })

  it('a single spike of 1000 times: is over after 120 steps, the longest mean that is looked at', () => {
    const values = days(14)
    const state = told(values.slice(0, 12 * DAY))
    tell(state, [200_000])
    soundForecast(state, 200_000)
    tell(state, values.slice(12 * DAY + 1, 12 * DAY + 122))
    const { values: forecast } = forecastAhead(state, 12)
    forecast.forEach((value, k) => {
      const actual = values[12 * DAY + 122 + k] ?? 0
      assert.ok(Math.abs(Math.log(value / actual)) < 0.7, `${value}, not ${actual}`)
    })
  })

  it('a single spike of 10 or 1000 times: the line stays near what it is without, at once and a day later', () => {
    const values = days(14)
    const before = told(values.slice(0, 12 * DAY))
    const after = values.slice(12 * DAY)
    for (const spike of [10, 1000]) {
      const [calm, state] = [structuredClone(before), structuredClone(before)]
      for (const [t, value] of after.entries()) {
        tell(calm, [value])
        tell(state, [t === 30 ? spike * value : value])
        if (t < 30) continue
        const lines = forecastAhead(calm, 12).high
        forecastAhead(state, 12).high.forEach((line, k) => {
          // Within its own hour by what it counts as; later, hardly.
          const most = (t < 42 ? 2 : 1.35) * (lines[k] ?? 0)
          assert.ok(line <= most, `${line} and ${lines[k]}, ${t - 30} steps after, ${k + 1} ahead`)
        })
      }
    }
  })

  it('a crowd of many steps: the second one raises forecast and line in full', () => {
    const state = told(days(12))
    const before = forecastAhead(state, 1)
    const [usual = 0] = before.values
    tell(state, [10 * usual, 10 * usual])
    const { values, high } = forecastAhead(state, 1)
    assert.ok((values[0] ?? 0) > 1.5 * usual && (high[0] ?? 0) > 2 * (before.high[0] ?? 0))
  })

  it('a change of level of ten times: no line above twice the greatest value, and near the load after half a day', () => {
    const state = told(days(10))
    const values = days(2).map((value) => 10 * value)
    let most = 0
    for (const [t, value] of values.entries()) {
      tell(state, [value])
      most = Math.max(most, value)
      const { high } = forecastAhead(state, 12)
      assert.ok(Math.max(...high) <= Math.max(2 * most + 1, 2 * 1600), `${Math.max(...high)}, ${t}`)
    }
    assert.ok((forecastAhead(state, 12).high[11] ?? 0) < 5 * (values.at(-1) ?? 0))
  })

  it('an easy ramp: forecasts lie between their lines', () => {
    const state = told([])
    for (let t = 0; t < 10 * DAY; t++) {
      tell(state, [100 + t])
      if (t > DAY) soundForecast(state, 100 + t)
    }
  })

  it('a constant whose logarithm rounds down: the line is the constant', () => {
    const state = told(new Array(12 * DAY).fill(2))
    forecastAhead(state, 12).high.forEach((line) => {
      assert.ok(Math.abs(line - 2) < 0.2, `${line}`)
    })
  })

  it('kept by a Limen that knew no peak: has one again, and goes on', () => {
    const state = told(days(6))
    const { values } = forecastAhead(state, 12)
    const old = { ...structuredClone(state), peak: undefined as unknown as number }
    keepKnownFit(old)
    assert.deepEqual(forecastAhead(old, 12).values, values)
    assert.ok(resumeForecaster(old, old.series.openS + STEP_S, OPTIONS, 86_400))
  })
})
