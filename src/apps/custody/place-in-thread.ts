/**
 * Does a {@link PlaceJob} in a thread of its own, so that operations go on; when the thread is late or fails, here and without a solver.
 *
 * @module
 */
import { inThread, threadFile } from './in-thread.ts'
import { type PlaceJob, type PlaceResult, placeJob } from './place-job.ts'

/** To load the solver, and to round: with 200 keys at 12 nodes half a second (`docs/decisions/0019-custody-arithmetic.md`). */
const BESIDES_MS = 10_000

/** @param file {@link threadFile} of `place-thread` for all but tests */
export async function placeInThread(
  job: PlaceJob,
  file = threadFile('place-thread'),
): Promise<PlaceResult> {
  const limitMs = BESIDES_MS + 1000 * (job.moving?.solveS ?? 0)
  try {
    return await inThread(file, job, limitMs)
  } catch {
    return await placeJob(job, async () => {
      throw new Error('The thread has failed')
    })
  }
}
