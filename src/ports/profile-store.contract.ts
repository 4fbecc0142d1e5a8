/**
 * What every {@link ProfileStore} must do, run against memory and against the real storage.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HandshakeObservation } from '../behavior/handshake/observation.ts'
import { newProfile, type Profile } from '../behavior/handshake/profile.ts'
import type { Clock } from '../ground/clock.ts'
import type { Random } from '../ground/random.ts'
import type { ProfileStore } from './profile-store.ts'

export interface ProfileStoreBounds {
  readonly keepMax: number
  readonly ttlMs: number
  readonly clock: Clock
  readonly random: Random
}

const HOUR_MS = 3_600_000
const NOW = 1_790_000_000_000
const TTL_MS = 720 * HOUR_MS

/** A profile whose id sorts by `number`, last seen `NOW`. */
export function sampleProfile(number: number, change: Partial<Profile> = {}): Profile {
  const seen: HandshakeObservation = {
    ...{ decision: '', at: NOW - HOUR_MS, profile: number.toString(16).padStart(16, '0') },
    ...{
      own: number.toString(16).padStart(16, '0'),
      lineage: false,
      addressGroup: '192.0.2.0/24',
      error: '',
    },
  }
  return {
    ...newProfile(seen),
    client: 'Chromium ümlaut',
    ja4Stable: 't13d1516h2_8daaf6152771_d8a2da3f94cd',
    lastSeen: NOW,
    connections: 3,
    score: 0.25,
    history: [{ at: NOW, score: 0.25, tier: 1 }],
    ...change,
  }
}

/** Ids spread over their whole range, as keyed hashes are (the multiplier of Fibonacci hashing). */
export function spreadProfile(number: number, change: Partial<Profile> = {}): Profile {
  const spread = BigInt.asUintN(64, BigInt(number + 1) * 0x9e37_79b9_7f4a_7c15n)
  return sampleProfile(number, { ...change, id: spread.toString(16).padStart(16, '0') })
}

/** The same draws each time: xorshift32 (Marsaglia 2003). */
export function seededRandom(seed: number): Random {
  let state = seed
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  return {
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
    fraction: () => next() / 2 ** 32,
  }
}

export function profileStoreContract(
  name: string,
  open: (bounds: ProfileStoreBounds) => Promise<ProfileStore>,
): void {
  const using = async (
    use: (store: ProfileStore, setNow: (now: number) => void) => Promise<void>,
    bounds: Partial<ProfileStoreBounds> = {},
  ) => {
    let now = NOW
    const store = await open({
      ...{ keepMax: 1000, ttlMs: TTL_MS, random: seededRandom(7), clock: { now: () => now } },
      ...bounds,
    })
    try {
      await use(store, (next) => {
        now = next
      })
    } finally {
      await store.close()
    }
  }
  const many = (from: number, to: number, change: Partial<Profile> = {}): Profile[] =>
    Array.from({ length: to - from + 1 }, (_, i) => spreadProfile(from + i, change))
  const idsOf = (profiles: readonly Profile[]): string[] => profiles.map(({ id }) => id).sort()

  describe(`ProfileStore: ${name}`, () => {
    it('gives back what was saved, whole', () =>
      using(async (store) => {
        const saved = sampleProfile(1, {
          reasons: [{ code: 'random-repeated', text: 'A reason', weight: 4.5 }],
          history: [{ at: NOW, score: 4.5, tier: 2 }],
          label: 'bad',
        })
        await store.save([saved, sampleProfile(2)])
        assert.deepEqual(await store.load([saved.id]), [saved])
      }))

    it('keeps what was saved, whatever becomes of the object', () =>
      using(async (store) => {
        const saved = sampleProfile(1)
        await store.save([saved])
        saved.connections = 99
        const [loaded] = await store.load([saved.id])
        assert.equal(loaded?.connections, 3)
        if (loaded !== undefined) loaded.connections = 98
        assert.equal((await store.load([saved.id]))[0]?.connections, 3)
      }))

    it('replaces a profile of the same id', () =>
      using(async (store) => {
        await store.save([sampleProfile(1)])
        await store.save([sampleProfile(1, { connections: 4 })])
        assert.equal((await store.load([sampleProfile(1).id]))[0]?.connections, 4)
        assert.equal(await store.size(), 1)
      }))

    it('knows nothing of other ids, also of ids that are none', () =>
      using(async (store) => {
        await store.save([sampleProfile(1)])
        const others = [sampleProfile(2).id, '', 'x', 'é'.repeat(3000), '\0']
        assert.deepEqual(await store.load(others), [])
        await store.remove(others)
        assert.equal(await store.size(), 1)
      }))

    it('forgets what is removed', () =>
      using(async (store) => {
        await store.save(many(1, 4))
        await store.remove([spreadProfile(2).id, spreadProfile(3).id])
        assert.deepEqual(
          idsOf(await store.list({ limit: 9 })),
          idsOf([spreadProfile(1), spreadProfile(4)]),
        )
      }))

    it('lists in the order of ids, at most `limit`, above `after`', () =>
      using(async (store) => {
        await store.save([4, 1, 3, 2].map((number) => sampleProfile(number)))
        const numbers = async (query: Parameters<ProfileStore['list']>[0]) =>
          (await store.list(query)).map(({ id }) => Number(`0x${id}`))
        assert.deepEqual(await numbers({ limit: 9 }), [1, 2, 3, 4])
        assert.deepEqual(await numbers({ limit: 2 }), [1, 2])
        assert.deepEqual(await numbers({ limit: 2, after: sampleProfile(2).id }), [3, 4])
        assert.deepEqual(await numbers({ limit: 2, after: sampleProfile(4).id }), [])
        assert.deepEqual(await numbers({ limit: 0 }), [])
      }))

    it('forgets who was not seen for the time to live, whether swept or not', () =>
      using(async (store, setNow) => {
        const old = sampleProfile(1, { lastSeen: NOW - TTL_MS + 1 })
        await store.save([old, sampleProfile(2)])
        assert.equal((await store.load([old.id])).length, 1)
        setNow(NOW + 2)
        assert.deepEqual(await store.load([old.id]), [])
        assert.deepEqual(idsOf(await store.list({ limit: 9 })), [sampleProfile(2).id])
      }))

    it('a clock that goes back loses nobody', () =>
      using(async (store, setNow) => {
        await store.save([sampleProfile(1)])
        setNow(NOW - 10 * TTL_MS)
        await store.save([sampleProfile(2, { lastSeen: NOW - 10 * TTL_MS })])
        assert.equal((await store.list({ limit: 9 })).length, 2)
      }))

    it('never keeps more than keepMax, also of one batch', () =>
      using(
        async (store) => {
          await store.save(many(1, 40))
          assert.equal(await store.size(), 20)
          await store.save(many(41, 43))
          assert.equal(await store.size(), 20)
        },
        { keepMax: 20 },
      ))

    it('a flood of strangers pushes out strangers, not who was here often or lately', () =>
      using(
        async (store, setNow) => {
          const regulars = many(1, 100, { connections: 64, lastSeen: NOW - 24 * HOUR_MS })
          await store.save(regulars)
          setNow(NOW + HOUR_MS)
          for (let from = 1000; from < 5000; from += 50) {
            await store.save(many(from, from + 49, { connections: 1, lastSeen: NOW + HOUR_MS }))
          }
          const left = await store.load(idsOf(regulars))
          assert.ok(left.length >= 95, `${left.length} of 100 are left`)
          assert.equal(await store.size(), 500)
        },
        { keepMax: 500 },
      ))

    it('keeps who a person has judged', () =>
      using(
        async (store) => {
          const judged = many(1, 10, { connections: 1, label: 'bad', lastSeen: NOW - HOUR_MS })
          await store.save(judged)
          for (let from = 100; from < 1100; from += 50) await store.save(many(from, from + 49))
          assert.equal((await store.load(idsOf(judged))).length, 10)
        },
        { keepMax: 200 },
      ))

    it('keeps a state, the last one', () =>
      using(async (store) => {
        assert.equal(await store.loadState(), undefined)
        await store.saveState('{"a":"ü"}')
        await store.saveState(`{"b":"${'x'.repeat(100_000)}"}`)
        assert.equal((await store.loadState())?.length, 100_008)
        assert.equal(await store.size(), 0)
      }))

    it('takes an empty batch', () =>
      using(async (store) => {
        await store.save([])
        await store.remove([])
        assert.deepEqual(await store.list({ limit: 1 }), [])
      }))
  })
}
