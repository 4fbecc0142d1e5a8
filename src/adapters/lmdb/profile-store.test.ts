import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { onFullDisk } from '../../../test/full-disk.ts'
import type { LimenError } from '../../ground/limen-error.ts'
import {
  type ProfileStoreBounds,
  profileStoreContract,
  sampleProfile,
  seededRandom,
  spreadProfile,
} from '../../ports/profile-store.contract.ts'
import type { ProfileStore } from '../../ports/profile-store.ts'
import { aesRecordSeal } from '../node/record-seal.ts'
import { openEnvironment } from './environment.ts'
import { readProfileHead, readProfileRecord, writeProfileRecord } from './profile-record.ts'
import { lmdbProfileStore } from './profile-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-profiles-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const place = (): string => join(folder, String(count++))
const NOW = sampleProfile(1).lastSeen
const BOUNDS: ProfileStoreBounds = {
  ...{ keepMax: 1000, ttlMs: 1e9, clock: { now: () => NOW }, random: seededRandom(1) },
}
const sealBy = (key: number) =>
  aesRecordSeal(createSecretKey(Buffer.alloc(32, key)), 'profiles', seededRandom(key))
const open = async (
  path: string,
  bounds: ProfileStoreBounds = BOUNDS,
  more: { key?: number; onUnreadable?: (id: string) => void } = {},
): Promise<ProfileStore> => {
  const { key = 1, ...others } = more
  const environment = await openEnvironment(path)
  return lmdbProfileStore({ ...bounds, environment, seal: sealBy(key), ...others })
}

profileStoreContract('lmdb', (bounds) => open(place(), bounds))

describe('lmdbProfileStore()', () => {
  it('still knows what it knew after a restart', async () => {
    const path = place()
    const before = await open(path)
    await before.save([sampleProfile(1), sampleProfile(2)])
    await before.saveState('{"learned":1}')
    await before.close()
    const store = await open(path)
    assert.deepEqual(await store.list({ limit: 9 }), [sampleProfile(1), sampleProfile(2)])
    assert.equal(await store.loadState(), '{"learned":1}')
    await store.close()
  })

  it('writes nothing to the disk that was not sealed', async () => {
    const path = place()
    const store = await open(path)
    await store.save([sampleProfile(1)])
    await store.saveState('{"192.0.2.0":1}')
    await store.close()
    const bytes = readFileSync(join(path, 'data.mdb'))
    for (const text of ['192.0.2.0', 't13d1516h2', 'Chromium']) {
      assert.equal(bytes.includes(text), false, text)
    }
  })

  it('leaves out what another key sealed, says which, and loses it first', async () => {
    const path = place()
    const before = await open(path)
    await before.save(Array.from({ length: 20 }, (_, i) => spreadProfile(i)))
    await before.saveState('{}')
    await before.close()
    const unreadable: string[] = []
    const onUnreadable = (id: string): void => void unreadable.push(id)
    const store = await open(path, { ...BOUNDS, keepMax: 20 }, { key: 2, onUnreadable })
    assert.deepEqual(await store.load([spreadProfile(3).id]), [])
    assert.equal(await store.loadState(), undefined)
    assert.deepEqual(unreadable, [spreadProfile(3).id, 'profiler'])
    const fresh = Array.from({ length: 20 }, (_, i) => spreadProfile(100 + i))
    for (const one of fresh) await store.save([one])
    assert.equal((await store.list({ limit: 99 })).length, 20)
    await store.close()
  })

  it('forgets those past their time as it saves, without being asked for them', async () => {
    let now = NOW
    const clock = { now: () => now }
    const store = await open(place(), { ...BOUNDS, ttlMs: 1000, clock })
    await store.save(Array.from({ length: 200 }, (_, i) => spreadProfile(i)))
    now += 2000
    for (let i = 0; i < 10; i++) {
      await store.save([spreadProfile(1000, { lastSeen: now })])
    }
    assert.equal(await store.size(), 1)
    await store.close()
  })

  it('a damaged file is refused, and does not end the process', async () => {
    const path = place()
    const store = await open(path)
    await store.save(Array.from({ length: 500 }, (_, i) => spreadProfile(i)))
    await store.close()
    truncateSync(join(path, 'data.mdb'), 16 * 4096)
    await assert.rejects(open(path), ({ code }: LimenError) => code === 'storage-damaged')
  })

  it('a full disk fails the save and nothing else: what was there is still served', async () => {
    const own = import.meta.dirname
    const { kept, failures } = await onFullDisk(`
      import { createSecretKey } from 'node:crypto'
      import { lmdbProfileStore } from '${own}/profile-store.ts'
      import { aesRecordSeal } from '${own}/../node/record-seal.ts'
      import { seededRandom, spreadProfile } from '${own}/../../ports/profile-store.contract.ts'
      const random = seededRandom(1)
      const seal = aesRecordSeal(createSecretKey(Buffer.alloc(32, 1)), 'profiles', random)
      const clock = { now: () => spreadProfile(0).lastSeen }
      const bounds = { keepMax: 1e6, ttlMs: 1e9, clock, random }
      const store = lmdbProfileStore({ environment, seal, ...bounds })
      await store.save([spreadProfile(0)])
      for (let i = 1; i < 8000; i += 100) {
        const some = Array.from({ length: 100 }, (_, j) => spreadProfile(i + j))
        await store.save(some).catch(() => failures++)
      }
      const kept = (await store.load([spreadProfile(0).id])).length`)
    assert.equal(kept, 1)
    assert.ok(failures > 0)
  })
})

describe('readProfileRecord()', () => {
  const { id } = sampleProfile(1)
  it('reads what was written, under its own id only', () => {
    const bytes = writeProfileRecord(sampleProfile(1))
    assert.deepEqual(readProfileRecord(id, bytes), sampleProfile(1))
    assert.equal(readProfileRecord(sampleProfile(2).id, bytes), undefined)
  })

  it('its head is read without the rest', () => {
    const bytes = writeProfileRecord(sampleProfile(1, { connections: 2 ** 40, label: 'good' }))
    const { lastSeen } = sampleProfile(1)
    assert.deepEqual(readProfileHead(bytes.subarray(0, 12)), {
      ...{ lastSeen, connections: 2 ** 32 - 1, label: 'good' },
    })
    assert.equal(readProfileHead(bytes.subarray(0, 11)), undefined)
    assert.equal(readProfileHead(new Uint8Array(0)), undefined)
  })

  it('refuses another version, and what is too large once it is unpacked', () => {
    const bytes = Buffer.from(writeProfileRecord(sampleProfile(1)))
    bytes[0] = 2
    assert.equal(readProfileRecord(id, bytes), undefined)
    const client = 'x'.repeat(70_000)
    assert.equal(readProfileRecord(id, writeProfileRecord(sampleProfile(1, { client }))), undefined)
  })

  it('survives any bytes, any JSON, and any change of a record', () => {
    const good = Buffer.from(writeProfileRecord(sampleProfile(1)))
    const asRecord = (json: string): Uint8Array =>
      Buffer.concat([good.subarray(0, 12), deflateRawSync(json)])
    const changed = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const bytes = Buffer.from(good)
        for (const [at, value] of changes) bytes[at] = value
        return bytes
      })
    const hostile = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json().map(asRecord), changed)
    fc.assert(
      fc.property(hostile, (bytes) => {
        readProfileHead(bytes)
        const read = readProfileRecord(id, bytes)
        if (read === undefined) return
        assert.equal(read.id, id)
        assert.ok(Number.isFinite(read.lastSeen) && Number.isFinite(read.connections))
        assert.ok(['', 'good', 'bad'].includes(read.label))
      }),
      { seed: 20261122, numRuns: 2000 },
    )
  })
})
