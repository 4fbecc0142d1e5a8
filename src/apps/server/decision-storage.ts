/**
 * Opens what keeps decisions: LMDB in `data`, sealed; or memory when that fails and `decisions.onError` is open.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { lmdbDecisionLog } from '../../adapters/lmdb/decision-log.ts'
import { openEnvironment } from '../../adapters/lmdb/environment.ts'
import { memoryDecisionLog } from '../../adapters/memory/decision-log.ts'
import type { Log } from '../../adapters/node/json-log.ts'
import { aesRecordSeal } from '../../adapters/node/record-seal.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { DecisionLog } from '../../ports/decision-log.ts'
import type { Config } from './config/schema.ts'
import { STATE_FILES } from './state-files.ts'

export interface DecisionStorage {
  readonly keptIn: 'storage' | 'memory'
  readonly decisions: DecisionLog
}

/** Decisions kept when there is no storage: about 10 MB. */
const KEPT_IN_MEMORY_MAX = 10_000

export async function openDecisionStorage(
  config: Config,
  recordKey: KeyObject,
  random: Random,
  log: Log,
): Promise<DecisionStorage> {
  const { keepMax, onError } = config.decisions
  try {
    const environment = await openEnvironment(join(config.data, STATE_FILES.storage))
    const seal = aesRecordSeal(recordKey, 'decisions', random)
    let told = false
    const onUnreadable = (id: string): void => {
      if (told) return
      told = true
      log.warn({ id }, 'A kept decision cannot be opened (another record.key?); such are left out')
    }
    const decisions = lmdbDecisionLog({ environment, seal, keepMax, onUnreadable })
    return { keptIn: 'storage', decisions }
  } catch (error) {
    if (onError === 'closed' || !(error instanceof LimenError)) throw error
    log.error(
      { code: error.code, reason: error.message, onError },
      'Decisions are kept in memory only, and are gone when Limen stops',
    )
    const memoryMax = Math.min(keepMax, KEPT_IN_MEMORY_MAX)
    return { keptIn: 'memory', decisions: memoryDecisionLog({ keepMax: memoryMax }) }
  }
}
