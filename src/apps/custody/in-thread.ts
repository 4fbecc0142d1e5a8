/**
 * Runs a thread of a file of this room for one answer: operations go on meanwhile.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'

// The extension is this file's own: .ts from a clone, .js from a published package.
const EXTENSION = import.meta.url.endsWith('.ts') ? 'ts' : 'js'

/** @param name of the file, without its extension */
export function threadFile(name: string): string {
  return fileURLToPath(new URL(`./${name}.${EXTENSION}`, import.meta.url))
}

/**
 * @param file takes `workerData`, posts one message
 * @returns that message; rejects when the thread fails or is late
 */
export function inThread<Answer>(file: string, task: unknown, limitMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(file, { workerData: task })
    const late = setTimeout(() => {
      reject(new Error(`A thread took more than ${limitMs} ms`))
      void thread.terminate()
    }, limitMs)
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', (code) => {
      clearTimeout(late)
      reject(new Error(`The thread ended with ${code}`))
    })
  })
}
