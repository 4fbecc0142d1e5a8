import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fitModels } from '../../forecast/forecaster.ts'
import { fitForecastInThread } from './forecast-fitting.ts'

const frame = { stepS: 60, startS: 1_790_000_040, seasons: [1440, 10_080] }

it('fitForecastInThread() learns elsewhere just what it would learn here', async () => {
  const history = Float64Array.from({ length: 300 }, (_, i) => (i % 7 === 3 ? Number.NaN : i % 20))
  const job = { history, frame, horizons: [5, 15, 60], total: 300 }
  assert.deepEqual(await fitForecastInThread(job), fitModels(job))
})

it('fitForecastInThread() rejects what is no job', () =>
  assert.rejects(fitForecastInThread({ frame } as never), TypeError))
