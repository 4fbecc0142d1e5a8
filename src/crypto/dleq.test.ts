import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ristretto255_hasher, ristretto255_oprf } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { sodiumGroups } from '../adapters/node/sodium-groups.ts'
import { isDleq, PROOF_BYTES, proveDleq } from './dleq.ts'
import { hashToElement, hashToScalar } from './hash-to-group.ts'
import { drawScalar } from './prime-group.ts'

const random = seededRandom(9497)
const { ristretto255: group } = await sodiumGroups()
const octets = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))
/** RFC 9497, section 3.1: mode 1. */
const VOPRF = octets('OPRFV1-\x01-ristretto255-SHA512')

function statementOf(element = group.multiplyBase(drawScalar(group, random))) {
  const scalar = drawScalar(group, random)
  const statement = {
    publicKey: group.multiplyBase(scalar),
    element,
    product: group.multiply(scalar, element),
  }
  return { scalar, statement }
}

describe('hashToElement() and hashToScalar()', () => {
  it('are those of @noble/curves', () => {
    const tag = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 255 })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), tag, (message, text) => {
        const DST = octets(text)
        const element = ristretto255_hasher.hashToCurve(message, { DST }).toBytes()
        assert.deepEqual(hashToElement(group, message, DST), element)
        const scalar = hashToScalar(group, message, DST)
        const number = scalar.reduceRight((sum, octet) => (sum << 8n) | BigInt(octet), 0n)
        assert.equal(number, ristretto255_hasher.hashToScalar(message, { DST }))
      }),
      { seed: 9380, numRuns: 30 },
    )
  })

  it('throw for a tag that is none or too long', () => {
    for (const length of [0, 256]) {
      const tag = new Uint8Array(length)
      assert.throws(() => hashToElement(group, octets('a'), tag), RangeError)
      assert.throws(() => hashToScalar(group, octets('a'), tag), RangeError)
    }
  })
})

describe('proveDleq() beside the VOPRF of @noble/curves', () => {
  const { voprf } = ristretto255_oprf

  it('proves to it', () => {
    const input = octets('input')
    const { blind, blinded } = voprf.blind(input)
    const { scalar, statement } = statementOf(blinded)
    const proof = proveDleq(group, VOPRF, scalar, statement, random)
    const { publicKey, product } = statement
    const output = voprf.finalize(input, blind, product, blinded, publicKey, proof)
    assert.equal(output.length, 64)
    const wrong = proof.slice()
    wrong[40] = (wrong[40] ?? 0) ^ 1
    assert.throws(() => voprf.finalize(input, blind, product, blinded, publicKey, wrong))
  })

  it('takes its proofs', () => {
    const keys = voprf.generateKeyPair()
    const { blinded } = voprf.blind(octets('input'))
    const made = voprf.blindEvaluate(keys.secretKey, keys.publicKey, blinded)
    const statement = { publicKey: keys.publicKey, element: blinded, product: made.evaluated }
    assert.ok(isDleq(group, VOPRF, statement, made.proof))
    assert.ok(!isDleq(group, octets('another'), statement, made.proof))
  })
})

describe('isDleq()', () => {
  const context = octets('test')
  const { scalar, statement } = statementOf()
  const proof = proveDleq(group, context, scalar, statement, random)

  it('is true of what was proven, and of nothing else', () => {
    assert.ok(isDleq(group, context, statement, proof))
    const other = statementOf().statement
    for (const change of [
      { product: other.product },
      { element: other.element },
      { publicKey: other.publicKey },
      { product: group.identity },
      { product: new Uint8Array(5) },
    ]) {
      assert.ok(!isDleq(group, context, { ...statement, ...change }, proof))
    }
  })

  it('is false for a proof with any bit changed, and for what is no proof', () => {
    for (let bit = 0; bit < PROOF_BYTES * 8; bit++) {
      const wrong = proof.slice()
      wrong[bit >> 3] = (wrong[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.ok(!isDleq(group, context, statement, wrong))
    }
    for (const nonsense of [proof.subarray(1), new Uint8Array(64), new Uint8Array(0)]) {
      assert.ok(!isDleq(group, context, statement, nonsense))
    }
    assert.ok(!isDleq(group, context, statement, Uint8Array.of(...proof, 0)))
  })
})
