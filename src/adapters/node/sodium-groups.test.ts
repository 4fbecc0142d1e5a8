import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ed25519, ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { drawScalar, isScalar, type PrimeGroup, weightAtZero } from '../../crypto/prime-group.ts'
import { sodiumGroups } from './sodium-groups.ts'

const SEED = 9496
const groups = await sodiumGroups()
const ORDER = ed25519.Point.Fn.ORDER
const wide = fc.uint8Array({ minLength: 64, maxLength: 64 })

const numberOf = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((sum, octet) => (sum << 8n) | BigInt(octet), 0n)
const modulo = (value: bigint): bigint => ((value % ORDER) + ORDER) % ORDER

const both: readonly [string, PrimeGroup, typeof ed25519.Point | typeof ristretto255.Point][] = [
  ['ed25519', groups.ed25519, ed25519.Point],
  ['ristretto255', groups.ristretto255, ristretto255.Point],
]
for (const [name, group, Point] of both) {
  const octets = (value: bigint) =>
    (Point.BASE.multiply(value) as { toBytes(): Uint8Array }).toBytes()

  describe(`${name}, beside @noble/curves`, () => {
    it('has its scalars', () => {
      fc.assert(
        fc.property(wide, wide, (x, y) => {
          const [a, b] = [group.reduce(x), group.reduce(y)]
          const [m, n] = [numberOf(x) % ORDER, numberOf(y) % ORDER]
          assert.equal(numberOf(a), m)
          assert.equal(numberOf(group.addScalars(a, b)), modulo(m + n))
          assert.equal(numberOf(group.subtractScalars(a, b)), modulo(m - n))
          assert.equal(numberOf(group.multiplyScalars(a, b)), modulo(m * n))
          assert.equal(isScalar(a), m !== 0n)
          if (m !== 0n) assert.equal(modulo(numberOf(group.invertScalar(a)) * m), 1n)
        }),
        { seed: SEED, numRuns: 100 },
      )
    })

    it('has its elements', () => {
      fc.assert(
        fc.property(wide, wide, (x, y) => {
          const [a, b] = [group.reduce(x), group.reduce(y)]
          const [m, n] = [numberOf(a), numberOf(b)]
          fc.pre(m !== 0n && n !== 0n && modulo(m + n) !== 0n)
          const element = group.multiplyBase(a)
          assert.deepEqual(element, octets(m))
          assert.deepEqual(group.multiply(b, element), octets(modulo(m * n)))
          assert.deepEqual(group.add(element, group.multiplyBase(b)), octets(modulo(m + n)))
          assert.deepEqual(group.add(element, group.identity), element)
          assert.ok(group.isElement(element))
        }),
        { seed: SEED, numRuns: 20 },
      )
    })

    it('refuses what is no element, or no scalar to multiply by', () => {
      const one = drawScalar(group, seededRandom(SEED))
      const zero = new Uint8Array(32)
      const bad = [
        new Uint8Array(32).fill(255),
        group.identity,
        new Uint8Array(33),
        new Uint8Array(),
      ]
      for (const bytes of bad) {
        assert.ok(!group.isElement(bytes))
        assert.throws(() => group.multiply(one, bytes), RangeError)
      }
      assert.throws(() => group.multiplyBase(zero), RangeError)
      assert.throws(() => group.multiply(zero, group.multiplyBase(one)), RangeError)
      assert.throws(() => group.invertScalar(zero), RangeError)
      assert.throws(() => group.add(new Uint8Array(33), group.identity), RangeError)
    })
  })
}

describe('ed25519', () => {
  it('refuses points outside the subgroup: each point of small order, and one added to an element', () => {
    const group = groups.ed25519
    const inside = ed25519.Point.BASE
    // y = -1 has order 2, y = 0 order 4.
    for (const hex of [`ec${'ff'.repeat(30)}7f`, '00'.repeat(32)]) {
      const torsion = ed25519.Point.fromBytes(Buffer.from(hex, 'hex'), true)
      for (const point of [torsion, inside.add(torsion)]) {
        assert.ok(!group.isElement(point.toBytes()))
        const one = drawScalar(group, seededRandom(1))
        assert.throws(() => group.multiply(one, point.toBytes()), RangeError)
      }
    }
  })
})

describe('ristretto255', () => {
  it('maps octets as RFC 9496 does', () => {
    fc.assert(
      fc.property(wide, (bytes) => {
        const expected = ristretto255_hasher.deriveToCurve?.(bytes).toBytes()
        assert.deepEqual(groups.ristretto255.fromUniform(bytes), expected)
      }),
      { seed: SEED, numRuns: 30 },
    )
  })
})

describe('weightAtZero()', () => {
  it('throws for a point twice or one that is not there', () => {
    assert.throws(() => weightAtZero(groups.ed25519, [1, 2, 2], 1), RangeError)
    assert.throws(() => weightAtZero(groups.ed25519, [1, 2], 3), RangeError)
  })
})
