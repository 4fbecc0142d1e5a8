import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { sodiumGroups } from '../adapters/node/sodium-groups.ts'
import { dealScalar, groupKeyOf, hasImage, imageAt } from './feldman.ts'
import { drawScalar, scalarOf } from './prime-group.ts'

const random = seededRandom(1987)
const groups = Object.entries(await sodiumGroups())

for (const [name, group] of groups) {
  const secret = drawScalar(group, random)

  describe(`dealScalar() in ${name}`, () => {
    it('deals values of one polynomial, each with its image', () => {
      const points = [1, 7, 255, 128]
      const { shares, commitments } = dealScalar(group, secret, points, 3, random)
      const key = groupKeyOf(group, commitments, points)
      assert.deepEqual(key.publicKey, group.multiplyBase(secret))
      assert.equal(key.threshold, 3)
      for (const [i, point] of points.entries()) {
        const image = key.images.get(point) as Uint8Array
        assert.deepEqual(group.multiplyBase(shares[i] as Uint8Array), image)
        assert.ok(hasImage(group, shares[i] as Uint8Array, image))
        assert.ok(!hasImage(group, shares[(i + 1) % 4] as Uint8Array, image))
      }
    })

    it('is no key when a commitment is no element', () => {
      const { commitments } = dealScalar(group, secret, [1, 2, 3], 3, random)
      for (const bad of [group.identity, new Uint8Array(32).fill(255), new Uint8Array(31)]) {
        for (const i of [0, 1, 2]) {
          const spoiled = [...commitments]
          spoiled[i] = bad
          assert.throws(() => groupKeyOf(group, spoiled, [1, 2]), RangeError)
        }
      }
    })

    it('throws for points that are none or twice, and thresholds that cannot be', () => {
      for (const [points, threshold] of [
        [[0, 1], 2],
        [[1, 256], 2],
        [[1, 1, 2], 2],
        [[1.5, 2], 2],
        [[1, 2], 3],
        [[1, 2], 1],
        [[1, 2, 3], 2.5],
      ] as const) {
        assert.throws(() => dealScalar(group, secret, points, threshold, random), RangeError)
      }
    })
  })

  describe(`imageAt() in ${name}`, () => {
    it('goes on when a sum on the way is the identity', () => {
      const leading = group.multiplyBase(secret)
      const minus = group.multiplyBase(group.subtractScalars(scalarOf(0), secret))
      const constant = group.multiplyBase(scalarOf(5))
      assert.deepEqual(imageAt(group, 1, [constant, minus, leading]), constant)
    })
  })
}
