/**
 * Runs a thread of a file of this room for one answer: the supervisor goes on meanwhile.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

/** What is asked for takes seconds at most; later than this the thread is stuck. */
const ANSWER_MS_MAX = 60_000

// The extension is this file's own: .ts from a clone, .js from a published package.
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/**
 * @param file in this folder, without its extension: takes `workerData`, posts one message
 * @returns that message; rejects when the thread fails or is late
 */
export function runInThread<Answer>(file: string, task: unknown): Promise<Answer> {
  const path = fileURLToPath(new URL(`./${file}.${EXTENSION}`, import.meta.url))
  return new Promise((resolve, reject) => {
    const thread = new Worker(path, { workerData: task })
    const late = setTimeout(() => {
      reject(new Error(`${file} took more than ${ANSWER_MS_MAX} ms`))
      void thread.terminate()
    }, ANSWER_MS_MAX)
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
}
