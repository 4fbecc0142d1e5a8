/**
 * `import ... from 'limen/forecast'`: forecasts and anomalies of series, a library of its own: no I/O, no clock, no chance, no
 * dependency. {@link openForecaster} is the whole for one series; models, backtest and intervals are there singly.
 *
 * @module
 */
// biome-ignore-start lint/performance/noBarrelFile: a package needs one door
export {
  type AnomalyState,
  type AnomalyVerdict,
  detectAnomaly,
  startAnomaly,
} from './forecast/anomaly/detect-anomaly.ts'
export { type BacktestOptions, backtest, type HorizonScore } from './forecast/backtest.ts'
export type { CalendarEvent } from './forecast/calendar.ts'
export { adviseCapacity, type LoadLimit, type LoadSample, limitOf } from './forecast/capacity.ts'
export { combined } from './forecast/combine.ts'
export {
  addToForecaster,
  adoptFit,
  anticipateEvent,
  FORECASTER_DEFAULTS,
  type ForecasterOptions,
  type ForecasterState,
  fitDue,
  fitJob,
  fitModels,
  forecastAhead,
  keepKnownFit,
  type Models,
  type Outlook,
  openForecaster,
  passTime,
} from './forecast/forecaster.ts'
export type { ForecastModel, SeriesFrame } from './forecast/model.ts'
export { arima } from './forecast/models/arima.ts'
export { doubleSeason } from './forecast/models/double-season.ts'
export { echoState } from './forecast/models/echo-state.ts'
export { ets } from './forecast/models/ets.ts'
export { harmonicRegression } from './forecast/models/harmonic-regression.ts'
export { lastValue } from './forecast/models/last-value.ts'
export { logGrowth } from './forecast/models/log-growth.ts'
export { naive2 } from './forecast/models/naive2.ts'
export { seasonProfile } from './forecast/models/season-profile.ts'
export { seasonalNaive } from './forecast/models/seasonal-naive.ts'
export { type Rehearsal, rehearse } from './forecast/rehearse.ts'
// biome-ignore-end lint/performance/noBarrelFile: a package needs one door
