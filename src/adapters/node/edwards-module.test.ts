import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { edwardsModule, FIELD_BYTES, FREE_AT, limbBits } from './edwards-module.ts'

const SEED = 25519
const P = 2n ** 255n - 19n
const { memory, multiply, square } = edwardsModule()
const limbs = new BigInt64Array(memory.buffer)
const [A, B, TO] = [FREE_AT, FREE_AT + FIELD_BYTES, FREE_AT + 2 * FIELD_BYTES] as const
const LIMBS = FIELD_BYTES / 8

const at = (address: number): bigint[] => [...limbs.subarray(address / 8, address / 8 + LIMBS)]
const elementOf = (parts: readonly bigint[]): bigint =>
  parts.reduceRight((sum, part, i) => (sum << BigInt(limbBits(i))) + part, 0n)
const modulo = (value: bigint): bigint => ((value % P) + P) % P

/** Four times what a product leaves in a limb: the most that sums of points make of it. */
const most = (i: number): bigint => 1n << BigInt(limbBits(i) + 1)
const anyLimbs = fc.tuple(
  ...Array.from({ length: LIMBS }, (_, i) =>
    fc.oneof(fc.constantFrom(-most(i), most(i), 0n), fc.bigInt(-most(i), most(i))),
  ),
)

/** As it has to be for the next sums. */
function assertCarried(address: number): void {
  for (const [i, limb] of at(address).entries()) {
    const size = limb < 0n ? -limb : limb
    assert.ok(size <= (most(i) >> 2n) + (most(i) >> 8n), `limb ${i}: ${limb}`)
  }
}

describe('edwardsModule()', () => {
  it('multiplies modulo 2^255 - 19, of the largest limbs too', () => {
    fc.assert(
      fc.property(anyLimbs, anyLimbs, (a, b) => {
        limbs.set(a, A / 8)
        limbs.set(b, B / 8)
        multiply(TO, A, B)
        assert.equal(modulo(elementOf(at(TO))), modulo(elementOf(a) * elementOf(b)))
        assertCarried(TO)
        multiply(B, A, B)
        assert.deepEqual(at(B), at(TO))
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })

  it('squares as often as it is told', () => {
    fc.assert(
      fc.property(anyLimbs, fc.integer({ min: 1, max: 30 }), (a, times) => {
        limbs.set(a, A / 8)
        square(TO, A, times)
        let expected = modulo(elementOf(a))
        for (let i = 0; i < times; i++) expected = modulo(expected * expected)
        assert.equal(modulo(elementOf(at(TO))), expected)
        assertCarried(TO)
      }),
      { seed: SEED, numRuns: 1000 },
    )
  })
})
