/**
 * Grows an isolation forest in a thread of its own: 100 trees of 256 points take some 10 ms.
 *
 * @module
 */
import type { IsolationForest } from '../../math/isolation-forest.ts'
import { runInThread } from './run-in-thread.ts'

export type TrainForest = (samples: readonly (readonly number[])[]) => Promise<IsolationForest>

/** Rejects when the thread fails or is late. */
export const trainForestInThread: TrainForest = (samples) => runInThread('forest-thread', samples)
