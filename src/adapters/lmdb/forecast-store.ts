/**
 * {@link ForecastStore} in LMDB: key = the pool's name, value = sealed under that name:
 *
 * | bytes | what |
 * |---|---|
 * | 1 | version, 1: goes up when what forecasters keep changes its meaning |
 * | n | the record, by the structured clone algorithm as V8 writes it (`node:v8`): numbers and typed arrays exactly |
 *
 * @module
 */
import { deserialize, serialize } from 'node:v8'
import { type ForecastStore, type KeptForecast, POOL_NAME_MAX } from '../../ports/forecast-store.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { commit, type Environment } from './environment.ts'

export interface LmdbForecastStoreOptions {
  readonly environment: Environment
  readonly seal: RecordSeal
  /** A record that cannot be opened: another key or version, or changed on the disk. It is left out. */
  readonly onUnreadable?: (pool: string) => void
}

const VERSION = 1

/** Closing it closes the environment, of which it is the only user. */
export function lmdbForecastStore(options: LmdbForecastStoreOptions): ForecastStore {
  const { environment, seal, onUnreadable = () => {} } = options
  const records = environment.openDB<Uint8Array, string>({ name: 'forecasts', encoding: 'binary' })
  return {
    async load() {
      const kept: KeptForecast[] = []
      for (const { key, value } of records.getRange()) {
        const plain = seal.open(key, value)
        const one = plain === undefined ? undefined : readRecord(key, plain)
        if (one === undefined) onUnreadable(key)
        else kept.push(one)
      }
      return kept
    },
    async save(one) {
      if (!isName(one.pool)) {
        throw new RangeError(`pool must be a name of 1 to ${POOL_NAME_MAX} characters`)
      }
      const plain = Buffer.concat([Buffer.of(VERSION), serialize(one)])
      const sealed = seal.seal(one.pool, plain)
      await commit(records, () => void records.put(one.pool, sealed))
    },
    async remove(pools) {
      const names = pools.filter(isName)
      if (names.length === 0) return
      await commit(records, () => {
        for (const name of names) records.remove(name)
      })
    },
    close: () => environment.close(),
  }
}

/** LMDB throws at empty keys and those beyond 1978 bytes. */
function isName(pool: string): boolean {
  return pool !== '' && pool.length <= POOL_NAME_MAX
}

/** undefined when the bytes are no record of this pool. What is in it is as the Limen that sealed it wrote it. */
function readRecord(pool: string, bytes: Uint8Array): KeptForecast | undefined {
  if (bytes[0] !== VERSION) return undefined
  try {
    const read = deserialize(bytes.subarray(1)) as KeptForecast
    return read.pool === pool ? read : undefined
  } catch {
    return undefined
  }
}
