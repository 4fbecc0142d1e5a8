/**
 * Grows an isolation forest in a thread of its own: the supervisor goes on meanwhile.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { IsolationForest } from '../../math/isolation-forest.ts'

export type TrainForest = (samples: readonly (readonly number[])[]) => Promise<IsolationForest>

/** 100 trees of 256 points take some 10 ms; later than this the thread is stuck. */
const TRAINING_MS_MAX = 60_000

// The extension is this file's own: .ts from a clone, .js from a published package.
const THREAD_FILE = fileURLToPath(
  new URL(`./forest-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/** Rejects when the thread fails or is late. */
export const trainForestInThread: TrainForest = (samples) =>
  new Promise((resolve, reject) => {
    const thread = new Worker(THREAD_FILE, { workerData: samples })
    const late = setTimeout(() => {
      reject(new Error(`Training took more than ${TRAINING_MS_MAX} ms`))
      void thread.terminate()
    }, TRAINING_MS_MAX)
    // Neither keeps a process alive that wants to end.
    late.unref()
    thread.unref()
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', (code) => {
      clearTimeout(late)
      reject(new Error(`The thread ended with ${code}`))
    })
  })
