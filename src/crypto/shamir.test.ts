import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { combine, split } from 'shamir-secret-sharing'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import type { Random } from '../ground/random.ts'
import {
  areConsistent,
  contribution,
  generateShares,
  reconstructSecret,
  sharesAt,
  sumOfShares,
} from './shamir.ts'

const SEED = 11764948
const random = seededRandom(SEED)

/** A secret, n, t, and which of the shares are at hand, t of them or more. */
const cases = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 70 }), fc.integer({ min: 2, max: 12 }), fc.nat())
  .chain(([secret, shares, seed]) =>
    fc.integer({ min: 2, max: shares }).chain((threshold) =>
      fc
        .shuffledSubarray(
          Array.from({ length: shares }, (_, i) => i),
          { minLength: threshold },
        )
        .map((chosen) => ({ secret, shares, threshold, seed, chosen })),
    ),
  )

/** Coefficients as told, one row at a time, not by chance. */
const told = (...rows: Uint8Array[]): Random => ({
  bytes: (length) => {
    const row = rows.shift()
    assert.equal(length, row?.length)
    return (row as Uint8Array).slice()
  },
  fraction: () => 0,
})

describe('reconstructSecret()', () => {
  it('gives the secret of any shares, as many as the threshold or more', () => {
    fc.assert(
      fc.property(cases, ({ secret, shares, threshold, seed, chosen }) => {
        const all = generateShares(secret, { shares, threshold }, seededRandom(seed))
        assert.equal(all.length, shares)
        const held = chosen.map((i) => all[i] as Uint8Array)
        assert.deepEqual(reconstructSecret(held), secret)
      }),
      { seed: SEED, numRuns: 300 },
    )
  })

  it('gives something else when one share is missing or wrong', () => {
    const secret = random.bytes(32)
    const all = generateShares(secret, { shares: 5, threshold: 3 }, random)
    assert.notDeepEqual(reconstructSecret(all.slice(0, 2)), secret)
    const wrong = all.map((share) => share.slice())
    const [first] = wrong
    if (first !== undefined) first[7] = (first[7] ?? 0) ^ 1
    assert.notDeepEqual(reconstructSecret(wrong.slice(0, 3)), secret)
  })

  it('throws for shares that cannot be put together', () => {
    const [a, b, c] = generateShares(random.bytes(9), { shares: 3, threshold: 2 }, random)
    assert.ok(a !== undefined && b !== undefined && c !== undefined)
    assert.throws(() => reconstructSecret([]), /fewer than two/)
    assert.throws(() => reconstructSecret([a]), /fewer than two/)
    assert.throws(() => reconstructSecret([a, b, a]), /of one point/)
    assert.throws(() => reconstructSecret([a, b.subarray(1)]), /not of one length/)
    assert.throws(() => reconstructSecret([a.subarray(9), b.subarray(9)]), /empty shares/)
    assert.throws(() => reconstructSecret([a, new Uint8Array(10)]), /no point/)
  })
})

describe('generateShares()', () => {
  it('draws distinct points, and all 255 when asked', () => {
    const all = generateShares(Uint8Array.of(7), { shares: 255, threshold: 2 }, random)
    assert.equal(new Set(all.map((share) => share[1])).size, 255)
    assert.ok(all.every((share) => share[1] !== 0))
  })

  it('throws for what cannot be shared', () => {
    const secret = Uint8Array.of(1)
    for (const [shares, threshold] of [
      [256, 3],
      [3, 4],
      [3, 1],
      [2.5, 2],
      [3, 2.5],
      [Number.NaN, 2],
    ] as const) {
      assert.throws(() => generateShares(secret, { shares, threshold }, random), RangeError)
    }
    assert.throws(
      () => generateShares(new Uint8Array(), { shares: 3, threshold: 2 }, random),
      /empty secret/,
    )
  })
})

describe('fewer shares than the threshold', () => {
  it('say nothing about an octet: one of two, all secrets and all polynomials', () => {
    const coefficients = Uint8Array.from({ length: 256 }, (_, i) => i)
    for (let secret = 0; secret < 256; secret++) {
      const all = sharesAt([1, 97, 255], new Uint8Array(256).fill(secret), 2, told(coefficients))
      for (const share of all) assert.equal(new Set(share.subarray(0, 256)).size, 256)
    }
  })

  it('say nothing about an octet: two of three, all polynomials', () => {
    const low = Uint8Array.from({ length: 65_536 }, (_, i) => i)
    const high = low.map((_, i) => i >> 8)
    for (const secret of [0, 1, 0x53, 0x80, 0xff]) {
      const octets = new Uint8Array(65_536).fill(secret)
      const [a, b] = sharesAt([3, 200, 77], octets, 3, told(low, high))
      assert.ok(a !== undefined && b !== undefined)
      const pairs = new Uint8Array(65_536)
      for (let i = 0; i < 65_536; i++) pairs[(a[i] ?? 0) | ((b[i] ?? 0) << 8)] = 1
      assert.ok(pairs.every((seen) => seen === 1))
    }
  })
})

describe('sharesAt()', () => {
  it('refreshes: shares of zeroes, added by every holder, leave the secret and change each share', () => {
    const secret = random.bytes(33)
    const points = [5, 9, 11, 200, 255]
    const old = sharesAt(points, secret, 3, random)
    const dealt = points.map(() => sharesAt(points, new Uint8Array(33), 3, random))
    const fresh = old.map((share, i) =>
      sumOfShares([share, ...dealt.map((zeroes) => zeroes[i] as Uint8Array)]),
    )
    assert.deepEqual(reconstructSecret(fresh.slice(1, 4)), secret)
    assert.ok(areConsistent(fresh, 3))
    const mixed = [...old.slice(0, 1), ...fresh.slice(1, 3)]
    assert.notDeepEqual(reconstructSecret(mixed), secret)
  })

  it('throws for points that are none, or twice', () => {
    const secret = Uint8Array.of(1)
    assert.throws(() => sharesAt([0, 1, 2], secret, 2, random), /no point/)
    assert.throws(() => sharesAt([1, 2, 256], secret, 2, random), /no point/)
    assert.throws(() => sharesAt([1, 2, 2], secret, 2, random), /one point/)
    assert.throws(() => sharesAt([1, 2], secret, 3, random), RangeError)
  })
})

describe('contribution()', () => {
  it('reshares 3 of 5 as 4 of 7 without the secret', () => {
    const secret = random.bytes(48)
    const old = generateShares(secret, { shares: 5, threshold: 3 }, random)
    const points = [1, 2, 3, 4, 5, 6, 7]
    const holders = old.slice(2)
    const at = holders.map((share) => share[48] ?? 0)
    const dealt = holders.map((share) => sharesAt(points, contribution(share, at), 4, random))
    const fresh = points.map((_, i) => sumOfShares(dealt.map((parts) => parts[i] as Uint8Array)))
    assert.deepEqual(reconstructSecret(fresh.slice(3)), secret)
    assert.ok(areConsistent(fresh, 4))
    assert.notDeepEqual(reconstructSecret(fresh.slice(4)), secret)
  })

  it('throws for points that are none, twice, or not with its own', () => {
    const share = Uint8Array.of(1, 2, 9)
    assert.throws(() => contribution(share, [1, 2]), /another point/)
    assert.throws(() => contribution(share, [9, 9]), /one point/)
    assert.throws(() => contribution(share, [9, 0]), /no point/)
  })
})

describe('sumOfShares()', () => {
  it('throws for no shares, and for different points or lengths', () => {
    assert.throws(() => sumOfShares([]), RangeError)
    assert.throws(() => sumOfShares([Uint8Array.of(1, 2), Uint8Array.of(1, 3)]), RangeError)
    assert.throws(() => sumOfShares([Uint8Array.of(1, 2), Uint8Array.of(1, 1, 2)]), RangeError)
  })
})

describe('areConsistent()', () => {
  it('finds one share among many that is of something else', () => {
    const all = generateShares(random.bytes(21), { shares: 6, threshold: 3 }, random)
    assert.ok(areConsistent(all, 3))
    assert.ok(!areConsistent(all, 2))
    for (const [i] of all.entries()) {
      const damaged = all.map((share) => share.slice())
      const share = damaged[i] as Uint8Array
      share[20] = (share[20] ?? 0) ^ 0x40
      assert.ok(!areConsistent(damaged, 3))
    }
    assert.throws(() => areConsistent(all.slice(0, 2), 3), RangeError)
  })
})

describe('the layout of npm shamir-secret-sharing', () => {
  it('is ours, both ways', async () => {
    for (const length of [1, 3, 4, 31, 32, 100]) {
      const secret = random.bytes(length)
      const ours = generateShares(secret, { shares: 5, threshold: 3 }, random)
      assert.deepEqual(await combine([...ours.slice(2)]), secret)
      const theirs = await split(secret, 5, 3)
      assert.deepEqual(reconstructSecret(theirs.slice(1, 4)), secret)
    }
  })
})
