/**
 * The thread of `forest-training.ts`: takes samples, answers with a forest.
 *
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { ISOLATION_FOREST_DEFAULTS, trainIsolationForest } from '../../math/isolation-forest.ts'

const samples = workerData as readonly (readonly number[])[]
parentPort?.postMessage(trainIsolationForest(samples, ISOLATION_FOREST_DEFAULTS, systemRandom()))
