/**
 * The thread of `calendar-reading.ts`: takes the text of a calendar, answers with the events in it.
 *
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads'
import { readCalendar } from '../../adapters/ical/read-calendar.ts'
import type { CalendarJob } from './calendar-reading.ts'

const { text, window } = workerData as CalendarJob
parentPort?.postMessage(readCalendar(text, window))
