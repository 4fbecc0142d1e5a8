/**
 * {@link ForecastStore} in LMDB: key = the pool's name, value = sealed under that name:
 *
 * | bytes | what |
 * |---|---|
 * | 1 | version, 3: goes up when what forecasters keep changes its meaning |
 * | n | the record, by the structured clone algorithm as V8 writes it (`node:v8`): numbers and typed arrays exactly |
 *
 * Announced events are one such record in a database of their own, under {@link EVENTS_KEY}; watched series one each in a third,
 * sealed under {@link SERIES_PREFIX} and their name; first requests of sessions one for each edge and group in a fourth, sealed under
 * {@link DEMAND_PREFIX} and the two.
 *
 * @module
 */
import { deserialize, serialize } from 'node:v8'
import {
  type AnnouncedEvent,
  type ForecastStore,
  type KeptDemand,
  type KeptForecast,
  type KeptSeries,
  POOL_NAME_MAX,
} from '../../ports/forecast-store.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { commit, type Environment } from './environment.ts'

export interface LmdbForecastStoreOptions {
  readonly environment: Environment
  readonly seal: RecordSeal
  /** A record that cannot be opened: another key or version, or changed on the disk. It is left out. */
  readonly onUnreadable?: (record: string) => void
}

const VERSION = 3
/** No name of a pool: what was sealed as one is not opened as the other. */
const EVENTS_KEY = '/events'
const SERIES_PREFIX = '/series/'
const DEMAND_PREFIX = '/demand/'
/** So that keys are in the order of numbers: groups are 255 at most. */
const GROUP_DIGITS = 3

/** Closing it closes the environment, of which it is the only user. */
export function lmdbForecastStore(options: LmdbForecastStoreOptions): ForecastStore {
  const { environment, seal, onUnreadable = () => {} } = options
  const records = environment.openDB<Uint8Array, string>({ name: 'forecasts', encoding: 'binary' })
  const events = environment.openDB<Uint8Array, string>({ name: 'events', encoding: 'binary' })
  const watched = environment.openDB<Uint8Array, string>({ name: 'series', encoding: 'binary' })
  const demands = environment.openDB<Uint8Array, string>({ name: 'demand', encoding: 'binary' })
  const sealed = (key: string, value: unknown): Uint8Array =>
    seal.seal(key, Buffer.concat([Buffer.of(VERSION), serialize(value)]))
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
      const value = sealed(one.pool, one)
      await commit(records, () => void records.put(one.pool, value))
    },
    async remove(pools) {
      const names = pools.filter(isName)
      if (names.length === 0) return
      await commit(records, () => {
        for (const name of names) records.remove(name)
      })
    },
    async loadEvents() {
      const value = events.get(EVENTS_KEY)
      if (value === undefined) return []
      const plain = seal.open(EVENTS_KEY, value)
      const found = plain === undefined ? undefined : readPlain(plain)
      if (Array.isArray(found)) return found as readonly AnnouncedEvent[]
      onUnreadable(EVENTS_KEY)
      return []
    },
    async saveEvents(given) {
      const value = sealed(EVENTS_KEY, given)
      await commit(events, () => void events.put(EVENTS_KEY, value))
    },
    async loadSeries() {
      const kept: KeptSeries[] = []
      for (const { key, value } of watched.getRange()) {
        const plain = seal.open(SERIES_PREFIX + key, value)
        const one = plain && (readPlain(plain) as KeptSeries | undefined)
        if (one?.series === key) kept.push(one)
        else onUnreadable(SERIES_PREFIX + key)
      }
      return kept
    },
    async saveSeries(given) {
      const names = new Set(given.map(({ series }) => series))
      await commit(watched, () => {
        for (const name of watched.getKeys()) if (!names.has(name)) watched.remove(name)
        for (const one of given) {
          watched.put(one.series, sealed(SERIES_PREFIX + one.series, one))
        }
      })
    },
    async loadDemand() {
      const kept: KeptDemand[] = []
      for (const { key, value } of demands.getRange()) {
        const plain = seal.open(DEMAND_PREFIX + key, value)
        const one = plain && (readPlain(plain) as KeptDemand | undefined)
        if (one !== undefined && demandKey(one) === key) kept.push(one)
        else onUnreadable(DEMAND_PREFIX + key)
      }
      return kept
    },
    async saveDemand(given) {
      const keys = new Set(given.map(demandKey))
      await commit(demands, () => {
        for (const key of demands.getKeys()) if (!keys.has(key)) demands.remove(key)
      })
      // 90 KB each: all of them at once would hold up everything else.
      for (const one of given) {
        const key = demandKey(one)
        const value = sealed(DEMAND_PREFIX + key, one)
        await commit(demands, () => void demands.put(key, value))
      }
    },
    close: () => environment.close(),
  }
}

/** LMDB throws at empty keys and those beyond 1978 bytes. */
function isName(pool: string): boolean {
  return pool !== '' && pool.length <= POOL_NAME_MAX
}

function demandKey({ edge, group }: KeptDemand): string {
  return `${edge.id}/${String(group).padStart(GROUP_DIGITS, '0')}`
}

/** undefined when the bytes are no record of this pool. What is in it is as the Limen that sealed it wrote it. */
function readRecord(pool: string, bytes: Uint8Array): KeptForecast | undefined {
  const read = readPlain(bytes) as KeptForecast | undefined
  return read?.pool === pool ? read : undefined
}

function readPlain(bytes: Uint8Array): unknown {
  if (bytes[0] !== VERSION) return undefined
  try {
    return deserialize(bytes.subarray(1))
  } catch {
    return undefined
  }
}
