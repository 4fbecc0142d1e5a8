import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { serialize } from 'node:v8'
import { addToForecaster, forecastAhead } from '../../forecast/forecaster.ts'
import { forecastStoreContract, sampleForecast } from '../../ports/forecast-store.contract.ts'
import type { ForecastStore } from '../../ports/forecast-store.ts'
import { seededRandom } from '../../ports/profile-store.contract.ts'
import { aesRecordSeal } from '../node/record-seal.ts'
import { openEnvironment } from './environment.ts'
import { lmdbForecastStore } from './forecast-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-forecasts-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const place = (): string => join(folder, String(count++))
const sealBy = (key: number) =>
  aesRecordSeal(createSecretKey(Buffer.alloc(32, key)), 'forecasts', seededRandom(key))
const open = async (
  path: string,
  { key = 1, ...more }: { key?: number; onUnreadable?: (pool: string) => void } = {},
): Promise<ForecastStore> =>
  lmdbForecastStore({ environment: await openEnvironment(path), seal: sealBy(key), ...more })

forecastStoreContract('lmdb', () => open(place()))

describe('lmdbForecastStore()', () => {
  it('still knows what it knew after a restart, and it goes on the same', async () => {
    const path = place()
    const saved = sampleForecast('site', 80)
    const before = await open(path)
    await before.save(saved)
    await before.close()
    const store = await open(path)
    const [loaded] = await store.load()
    await store.close()
    assert.deepEqual(loaded, saved)
    for (const one of [saved, loaded]) addToForecaster(one.forecaster, 1_790_004_900, 9)
    assert.deepEqual(forecastAhead(loaded.forecaster, 60), forecastAhead(saved.forecaster, 60))
  })

  it('writes nothing to the disk that was not sealed', async () => {
    const path = place()
    const store = await open(path)
    await store.save(sampleForecast('site'))
    await store.close()
    const bytes = readFileSync(join(path, 'data.mdb'))
    assert.ok(serialize(sampleForecast('site')).includes('historySteps'))
    assert.equal(bytes.includes('historySteps'), false)
  })

  it('leaves out what another key sealed, was moved, or is of another version, and says which', async () => {
    const path = place()
    const before = await open(path)
    await before.save(sampleForecast('own'))
    await before.close()
    const environment = await openEnvironment(path)
    const records = environment.openDB<Uint8Array, string>({
      name: 'forecasts',
      encoding: 'binary',
    })
    const own = records.get('own') ?? new Uint8Array()
    const record = serialize(sampleForecast('older'))
    const put = (name: string, bytes: Uint8Array) => records.put(name, bytes)
    await put('cut', own.subarray(0, 40))
    await put('moved', own)
    await put('older', sealBy(1).seal('older', Buffer.concat([Buffer.of(2), record])))
    await put('no-record', sealBy(1).seal('no-record', Buffer.from([3, 255, 15, 111])))
    await put('stranger', sealBy(2).seal('stranger', Buffer.concat([Buffer.of(3), record])))
    const unreadable: string[] = []
    const onUnreadable = (pool: string): void => void unreadable.push(pool)
    const store = lmdbForecastStore({ environment, seal: sealBy(1), onUnreadable })
    const names = (await store.load()).map(({ pool }) => pool)
    await store.close()
    assert.deepEqual(names, ['own'])
    assert.deepEqual(unreadable, ['cut', 'moved', 'no-record', 'older', 'stranger'])
  })
})
