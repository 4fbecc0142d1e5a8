/**
 * Opens what keeps captured requests, and who is told of them. Without a store there are no captures: they are never kept unsealed, and
 * not in memory alone.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { lmdbCaptureStore } from '../../../adapters/lmdb/capture-store.ts'
import { openEnvironment } from '../../../adapters/lmdb/environment.ts'
import type { Log } from '../../../adapters/node/json-log.ts'
import { lineOutput } from '../../../adapters/node/line-output.ts'
import { aesPersonSeal } from '../../../adapters/node/person-seal.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import type { Random } from '../../../ground/random.ts'
import type { CaptureStore } from '../../../ports/request-capture.ts'
import type { Config } from '../config/schema.ts'
import { STATE_FILES } from '../state-files.ts'
import { CaptureFeed, type CaptureFeedOptions } from './capture-feed.ts'

export interface CaptureOptions
  extends Pick<CaptureFeedOptions, 'plane' | 'people' | 'clock' | 'random' | 'log'> {
  readonly config: Config
  readonly recordKey: KeyObject
}

/** undefined: nothing is captured. @throws LimenError when it cannot be kept and `behavior.onError` is closed */
export async function openCaptures(options: CaptureOptions): Promise<CaptureFeed | undefined> {
  const { config, recordKey, random, log } = options
  const { capture, onError } = config.behavior
  if (!capture.enabled) return undefined
  let store: CaptureStore
  try {
    store = await openStore(config.data, recordKey, random, log)
  } catch (error) {
    if (onError === 'closed' || !(error instanceof LimenError)) throw error
    log.error({ code: error.code, reason: error.message }, 'Nothing is captured')
    return undefined
  }
  const { eve } = capture
  const output =
    eve === undefined
      ? undefined
      : lineOutput(eve, (failure) => {
          if (failure === undefined) log.info({ eve }, 'Events are taken')
          else log.error({ eve, why: failure }, 'Nobody takes events')
        })
  return new CaptureFeed({ ...options, store, eve: output, limits: capture })
}

async function openStore(
  data: string,
  recordKey: KeyObject,
  random: Random,
  log: Log,
): Promise<CaptureStore> {
  const records = await openEnvironment(join(data, STATE_FILES.captures))
  try {
    const keys = await openEnvironment(join(data, STATE_FILES.captureKeys))
    let told = false
    return lmdbCaptureStore({
      ...{ records, keys, seal: aesPersonSeal(recordKey, random) },
      onUnreadable(id) {
        if (!told) log.warn({ id }, 'A captured request cannot be opened (another record.key?)')
        told = true
      },
    })
  } catch (error) {
    await records.close()
    throw error
  }
}
