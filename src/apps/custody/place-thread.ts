/**
 * A thread of `place-in-thread.ts`.
 *
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads'
import { withLinearProgram } from '../../adapters/node/highs-solver.ts'
import { type PlaceJob, placeJob } from './place-job.ts'

parentPort?.postMessage(await placeJob(workerData as PlaceJob, withLinearProgram))
