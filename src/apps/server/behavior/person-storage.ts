/**
 * Opens what keeps people: LMDB in `data` (what is kept and the keys that seal it apart, so that one can be copied without
 * the other), Redis, or memory when LMDB fails and `behavior.onError` does not say closed.
 *
 * @module
 */
import { createHmac, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openEnvironment } from '../../../adapters/lmdb/environment.ts'
import { lmdbPersonStore } from '../../../adapters/lmdb/person-store.ts'
import { memoryPersonStore } from '../../../adapters/memory/person-store.ts'
import type { Log } from '../../../adapters/node/json-log.ts'
import { aesPersonSeal } from '../../../adapters/node/person-seal.ts'
import { aesRecordSeal } from '../../../adapters/node/record-seal.ts'
import { readOrMakeSecret, type SecretFiles } from '../../../adapters/node/secret-files.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import type { Random } from '../../../ground/random.ts'
import type { PersonStore } from '../../../ports/person-store.ts'
import type { Config } from '../config/schema.ts'
import { STATE_FILES } from '../state-files.ts'

export interface PersonStorage {
  readonly keptIn: 'storage' | 'memory'
  readonly people: PersonStore
}

/** People kept when there is no storage: at some 0.3 MB each. */
const KEPT_IN_MEMORY_MAX = 500
const ID_KEY_BYTES = 32
const ID_BYTES = 16

export async function openPersonStorage(
  config: Config,
  master: KeyObject,
  random: Random,
  log: Log,
): Promise<PersonStorage> {
  let told = false
  const onUnreadable = (id: string): void => {
    if (told) return
    told = true
    log.warn({ id }, 'A kept person cannot be opened (another record.key?); such are learned anew')
  }
  const sealing = {
    ...{ seal: aesPersonSeal(master, random), onUnreadable },
    stateSeal: aesRecordSeal(master, 'people', random),
  }
  const { behavior, data } = config
  if (behavior.store === 'redis')
    return { keptIn: 'storage', people: await inRedis(config, sealing, log) }
  try {
    const people = await inLmdb(data, sealing)
    return { keptIn: 'storage', people }
  } catch (error) {
    if (behavior.onError === 'closed' || !(error instanceof LimenError)) throw error
    log.error(
      { code: error.code, reason: error.message, onError: behavior.onError },
      'People are kept in memory only, and are gone when Limen stops',
    )
    return { keptIn: 'memory', people: memoryPersonStore(KEPT_IN_MEMORY_MAX) }
  }
}

type Sealing = Pick<Parameters<typeof lmdbPersonStore>[0], 'seal' | 'stateSeal' | 'onUnreadable'>

async function inLmdb(data: string, sealing: Sealing): Promise<PersonStore> {
  const records = await openEnvironment(join(data, STATE_FILES.people))
  try {
    const keys = await openEnvironment(join(data, STATE_FILES.personKeys))
    return lmdbPersonStore({ ...sealing, records, keys })
  } catch (error) {
    await records.close()
    throw error
  }
}

async function inRedis({ sessions }: Config, sealing: Sealing, log: Log): Promise<PersonStore> {
  const { redis } = sessions
  if (redis === undefined) throw new TypeError('behavior.store: redis without sessions.redis')
  const { redisPersonStore } = await import('../../../adapters/redis/person-store.ts')
  const { url, username, passwordFile, caFile } = redis
  return redisPersonStore({
    ...{ ...sealing, url },
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { password: readFileSync(passwordFile, 'utf8').trim() }),
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }),
    onState(state, why) {
      if (state === 'connected') log.info({}, 'Redis keeps people')
      else log.error({ why }, 'Redis does not answer: people cannot be loaded')
    },
  })
}

/** Keys the ids of people: with another one nobody is known any more. The same on all edges that share a Redis. */
export function personIdKey({ data }: Config, files: SecretFiles, random: Random): Buffer {
  const path = join(data, STATE_FILES.personKey)
  const key = readOrMakeSecret(files, path, () => random.bytes(ID_KEY_BYTES))
  if (key.length === ID_KEY_BYTES) return key
  const text = `${STATE_FILES.personKey} in ${data} must hold ${ID_KEY_BYTES} bytes`
  throw new LimenError('person-key-bad', text, { side: 'operator', retry: false })
}

/** What says nothing of the user: HMAC-SHA-256 of the id the application has, 16 octets in hex. */
export function pseudonymOf(key: KeyObject, user: string): string {
  return createHmac('sha256', key).update(user).digest().subarray(0, ID_BYTES).toString('hex')
}
