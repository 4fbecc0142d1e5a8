/**
 * Reads a calendar in a thread of its own that has an end: a rule of recurrence can be written that is gone through for hours.
 *
 * @module
 */
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { CalendarOutcome, CalendarWindow } from '../../adapters/ical/read-calendar.ts'

export interface CalendarJob {
  readonly text: string
  readonly window: CalendarWindow
}

export type ReadCalendar = (job: CalendarJob, msMax?: number) => Promise<CalendarOutcome>

/** A megabyte of single events takes 0.7 s (2026-11-21), a recurrence 45 us: 200,000 of them. */
const READING_MS_MAX = 10_000
/** So that no calendar can take the memory of the process. */
const HEAP_MB_MAX = 256

// The extension is this file's own: .ts from a clone, .js from a published package.
const THREAD_FILE = fileURLToPath(
  new URL(`./calendar-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/** Never rejects: a thread that fails or is late is a calendar refused. */
export const readCalendarInThread: ReadCalendar = (job, msMax = READING_MS_MAX) =>
  new Promise((resolve) => {
    const resourceLimits = { maxOldGenerationSizeMb: HEAP_MB_MAX }
    const thread = new Worker(THREAD_FILE, { workerData: job, resourceLimits })
    const refuse = (reason: string): void => resolve({ kind: 'refused', reason })
    const late = setTimeout(() => {
      refuse(`takes more than ${msMax} ms to read`)
      void thread.terminate()
    }, msMax)
    // Neither keeps a process alive that wants to end.
    late.unref()
    thread.unref()
    thread.once('message', resolve)
    thread.once('error', (error: Error) => refuse(`cannot be read: ${error.message.slice(0, 120)}`))
    thread.once('exit', () => {
      clearTimeout(late)
      refuse('cannot be read: the thread ended')
    })
  })
