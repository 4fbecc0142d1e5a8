/**
 * The thread of `forecast-fitting.ts`: takes a history, answers with what was learned from it.
 *
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads'
import { type FitJob, fitModels } from '../../forecast/forecaster.ts'

parentPort?.postMessage(fitModels(workerData as FitJob))
