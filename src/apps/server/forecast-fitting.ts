/**
 * Fits the models of a forecaster in a thread of its own: the supervisor goes on meanwhile.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Fit, FitJob } from '../../forecast/forecaster.ts'

export type FitForecast = (job: FitJob) => Promise<Fit>

/** Three weeks of minutes take about a second (docs/decisions/0015); later than this the thread is stuck. */
const FITTING_MS_MAX = 60_000

// The extension is this file's own: .ts from a clone, .js from a published package.
const THREAD_FILE = fileURLToPath(
  new URL(`./forecast-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/** Rejects when the thread fails or is late. */
export const fitForecastInThread: FitForecast = (job) =>
  new Promise((resolve, reject) => {
    const thread = new Worker(THREAD_FILE, { workerData: job })
    const late = setTimeout(() => {
      reject(new Error(`Fitting took more than ${FITTING_MS_MAX} ms`))
      void thread.terminate()
    }, FITTING_MS_MAX)
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
