/**
 * Fits the models of a forecaster in a thread of its own: three weeks of minutes take two to three seconds (docs/decisions/0035).
 *
 * @module
 */
import type { Fit, FitJob } from '../../forecast/forecaster.ts'
import { runInThread } from './run-in-thread.ts'

export type FitForecast = (job: FitJob) => Promise<Fit>

/** Rejects when the thread fails or is late. */
export const fitForecastInThread: FitForecast = (job) => runInThread('forecast-thread', job)
