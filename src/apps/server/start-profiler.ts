/**
 * The profiler as it begins: with what it knew when it was last stopped, or with nothing.
 *
 * @module
 */
import type { Log } from '../../adapters/node/json-log.ts'
import { newProfiler, PROFILER_DEFAULTS, type Profiler } from '../../flows/profiler-state.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { ProfileStore } from '../../ports/profile-store.ts'
import type { Config } from './config/schema.ts'

export interface StartProfilerOptions {
  readonly admission: Config['admission']
  readonly store: ProfileStore
  readonly random: Random
  readonly log: Log
}

const HOUR_MS = 3_600_000

/** A state that cannot be read is said in the log, and learned anew. */
export async function startProfiler(options: StartProfilerOptions): Promise<Profiler> {
  const { admission, store, random, log } = options
  const { falsePositiveBudget, tier2, tier3, profiles, signatures } = admission
  const hotMax = Math.min(profiles.hotMax, profiles.keepMax)
  const deps = {
    random,
    settings: {
      ...{ ...PROFILER_DEFAULTS, falsePositiveBudget, tier2, tier3, hotMax },
      signatureMs: signatures.ttlHours * HOUR_MS,
    },
  }
  const state = await store.loadState().catch((error: unknown) => {
    log.error({ err: error }, 'Cannot read what was learned about handshakes')
    return undefined
  })
  if (state === undefined) return newProfiler(deps)
  try {
    return newProfiler({ ...deps, state })
  } catch (error) {
    if (!(error instanceof LimenError)) throw error
    log.warn({ reason: error.message }, 'What was learned about handshakes is learned anew')
    return newProfiler(deps)
  }
}
