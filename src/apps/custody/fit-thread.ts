/**
 * A thread of `key-demand.ts`: takes the history of a series, answers with what was learned from it.
 *
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads'
import { type FitJob, fitModels } from '../../forecast/forecaster.ts'

parentPort?.postMessage(fitModels(workerData as FitJob))
