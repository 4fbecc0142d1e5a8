/**
 * Opens what keeps profiles: LMDB in `data`, sealed, in an environment of its own so that what damages or fills it
 * leaves decisions alone; or memory when that fails and `admission.onError` does not say closed.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { openEnvironment } from '../../adapters/lmdb/environment.ts'
import { lmdbProfileStore } from '../../adapters/lmdb/profile-store.ts'
import { memoryProfileStore } from '../../adapters/memory/profile-store.ts'
import type { Log } from '../../adapters/node/json-log.ts'
import { aesRecordSeal } from '../../adapters/node/record-seal.ts'
import type { Clock } from '../../ground/clock.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { ProfileStore } from '../../ports/profile-store.ts'
import type { Config } from './config/schema.ts'
import { STATE_FILES } from './state-files.ts'

export interface ProfileStorage {
  readonly keptIn: 'storage' | 'memory'
  readonly profiles: ProfileStore
}

export interface ProfileStorageOptions {
  readonly config: Config
  readonly recordKey: KeyObject
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Profiles kept when there is no storage: about 30 MB. */
const KEPT_IN_MEMORY_MAX = 20_000
const HOUR_MS = 3_600_000

export async function openProfileStorage(options: ProfileStorageOptions): Promise<ProfileStorage> {
  const { config, clock, random, log } = options
  const { onError, profiles } = config.admission
  const bounds = { ttlMs: profiles.ttlHours * HOUR_MS, clock, random }
  try {
    const environment = await openEnvironment(join(config.data, STATE_FILES.profiles))
    const seal = aesRecordSeal(options.recordKey, 'profiles', random)
    let told = false
    const onUnreadable = (id: string): void => {
      if (told) return
      told = true
      log.warn({ id }, 'A kept profile cannot be opened (another record.key?); such are left out')
    }
    const store = lmdbProfileStore({
      ...{ ...bounds, environment, seal, onUnreadable, keepMax: profiles.keepMax },
    })
    return { keptIn: 'storage', profiles: store }
  } catch (error) {
    if (onError === 'closed' || !(error instanceof LimenError)) throw error
    log.error(
      { code: error.code, reason: error.message, onError },
      'Profiles are kept in memory only, and are gone when Limen stops',
    )
    const keepMax = Math.min(profiles.keepMax, KEPT_IN_MEMORY_MAX)
    return { keptIn: 'memory', profiles: memoryProfileStore({ ...bounds, keepMax }) }
  }
}
