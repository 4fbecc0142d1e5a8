import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ed25519 as noble } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { drawScalar, scalarOf } from '../../crypto/prime-group.ts'
import { fromHex, toHex } from '../../ground/hex.ts'
import { PublicSum } from './public-sum.ts'
import { sodiumGroups } from './sodium-groups.ts'

const SEED = 8032
const random = seededRandom(SEED)
const { ed25519: group } = await sodiumGroups()
const sum = new PublicSum()
const { Point } = noble

const ORDER_LESS_1 = fromHex('ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')
const GENERATOR = group.multiplyBase(scalarOf(1))
/** All points whose order divides 8. */
const SMALL_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
].map(fromHex)

const scalar = fc.oneof(
  fc.constantFrom(scalarOf(0), scalarOf(1), scalarOf(15), scalarOf(65_535), ORDER_LESS_1),
  fc.nat().map(() => drawScalar(group, random)),
)
const element = fc.oneof(
  fc.constantFrom(GENERATOR, ...SMALL_ORDER),
  fc.nat().map(() => group.multiplyBase(drawScalar(group, random))),
)

const littleEndian = (octets: Uint8Array): bigint => BigInt(`0x${toHex(octets.slice().reverse())}`)

describe('PublicSum', () => {
  it('sums as @noble/curves does, points of small order too', () => {
    const cases = fc.record({
      elements: fc.array(element, { maxLength: 4 }),
      products: fc.array(fc.record({ scalar, element }), { maxLength: 4 }),
    })
    fc.assert(
      fc.property(cases, ({ elements, products }) => {
        let expected = Point.ZERO
        for (const each of elements) expected = expected.add(Point.fromBytes(each))
        for (const each of products) {
          const point = Point.fromBytes(each.element)
          expected = expected.add(point.multiplyUnsafe(littleEndian(each.scalar)))
        }
        assert.equal(toHex(sum.of(elements, products) ?? assert.fail()), expected.toHex())
      }),
      { seed: SEED, numRuns: 200 },
    )
  })

  it('sums as libsodium does', () => {
    for (let i = 0; i < 50; i++) {
      const [d, e, f] = [1, 2, 3].map(() => group.multiplyBase(drawScalar(group, random)))
      assert.ok(d !== undefined && e !== undefined && f !== undefined)
      const [k, l] = [drawScalar(group, random), drawScalar(group, random)]
      const products = group.add(group.multiply(k, e), group.multiply(l, f))
      const made = sum.of(
        [d],
        [e, f].map((one, at) => ({ element: one, scalar: at ? l : k })),
      )
      assert.deepEqual(made, group.add(d, products))
    }
  })

  it('sums as many as there can be signers', () => {
    const products = Array.from({ length: 255 }, (_, i) => ({
      scalar: scalarOf(i + 1),
      element: group.multiplyBase(scalarOf(i + 1)),
    }))
    // 1 + 4 + 9 + ... + 255^2.
    const total = (255 * 256 * 511) / 6
    const octets = new Uint8Array(32)
    new DataView(octets.buffer).setUint32(0, total, true)
    assert.deepEqual(sum.of([], products), group.multiplyBase(octets))
    assert.throws(() => sum.of([], [...products, ...products]), /so many products/)
  })

  it('takes points in their only encoding, and nothing else', () => {
    const p = fromHex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')
    const bad = [
      p,
      new Uint8Array(32).fill(255),
      // x = 0, and negative.
      fromHex(`01${'00'.repeat(30)}80`),
      // y = 2 is on no point.
      scalarOf(2),
      GENERATOR.subarray(1),
      new Uint8Array(33),
      new Uint8Array(),
    ]
    for (const each of bad) {
      assert.equal(sum.of([each], []), undefined)
      assert.equal(sum.of([GENERATOR], [{ scalar: scalarOf(1), element: each }]), undefined)
    }
    const isPoint = (octets: Uint8Array): boolean => {
      try {
        Point.fromBytes(octets)
        return true
      } catch {
        return false
      }
    }
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (octets) => {
        const made = sum.of([octets], [])
        assert.equal(made !== undefined, isPoint(octets))
        if (made !== undefined) assert.deepEqual(made, octets)
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
})
