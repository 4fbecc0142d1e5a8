/**
 * Opens what keeps forecasts of load: LMDB in `data`, sealed, in an environment of its own so that what damages or fills it
 * leaves decisions alone; or memory when that fails: then forecasts are begun anew at each start, and nothing else suffers.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { openEnvironment } from '../../adapters/lmdb/environment.ts'
import { lmdbForecastStore } from '../../adapters/lmdb/forecast-store.ts'
import { memoryForecastStore } from '../../adapters/memory/forecast-store.ts'
import type { Log } from '../../adapters/node/json-log.ts'
import { aesRecordSeal } from '../../adapters/node/record-seal.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { ForecastStore } from '../../ports/forecast-store.ts'
import type { Config } from './config/schema.ts'
import { STATE_FILES } from './state-files.ts'

export async function openForecastStorage(
  config: Config,
  recordKey: KeyObject,
  random: Random,
  log: Log,
): Promise<ForecastStore> {
  try {
    const environment = await openEnvironment(join(config.data, STATE_FILES.forecasts))
    const seal = aesRecordSeal(recordKey, 'forecasts', random)
    const onUnreadable = (pool: string): void => {
      log.warn(
        { pool },
        'The kept forecast cannot be opened (another record.key, or another Limen?): begun anew',
      )
    }
    return lmdbForecastStore({ environment, seal, onUnreadable })
  } catch (error) {
    if (!(error instanceof LimenError)) throw error
    const { code, message: reason } = error
    log.error({ code, reason }, 'Forecasts are kept in memory only, and are gone when Limen stops')
    return memoryForecastStore()
  }
}
