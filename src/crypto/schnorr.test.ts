import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ed25519 as noble } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { sodiumGroups } from '../adapters/node/sodium-groups.ts'
import { systemRandom } from '../adapters/node/system-random.ts'
import { joinOctets, octetsOf } from '../ground/octets.ts'
import { drawScalar } from './prime-group.ts'
import { isLogarithmKnown, proveLogarithm } from './schnorr.ts'

const random = systemRandom()
const { ed25519, ristretto255 } = await sodiumGroups()
const context = { prefix: octetsOf('test\0'), context: octetsOf('attempt 1') }

describe('proveLogarithm()', () => {
  for (const [name, group] of [
    ['edwards25519', ed25519],
    ['ristretto255', ristretto255],
  ] as const) {
    it(`proves to know a logarithm, for one context and element, in ${name}`, () => {
      const secret = drawScalar(group, random)
      const element = group.multiplyBase(secret)
      const proof = proveLogarithm(group, secret, context, random)
      const isKnown = (of = element, within = context, by = proof) =>
        isLogarithmKnown(group, by, of, within)
      assert.ok(isKnown())
      assert.ok(!isKnown(group.multiplyBase(drawScalar(group, random))))
      assert.ok(!isKnown(element, { ...context, context: octetsOf('attempt 2') }))
      assert.ok(!isKnown(element, { ...context, prefix: octetsOf('other\0') }))
      for (let at = 0; at < proof.length; at += 7) {
        const other = proof.slice()
        other[at] = (other[at] ?? 0) ^ 1
        assert.ok(!isKnown(element, context, other), String(at))
      }
      assert.ok(!isKnown(element, context, new Uint8Array(64)))
      assert.ok(!isKnown(element, context, proof.subarray(1)))
      assert.notDeepEqual(proveLogarithm(group, secret, context, random), proof)
    })
  }

  it('is as said, by other arithmetic', () => {
    const secret = drawScalar(ed25519, random)
    const proof = proveLogarithm(ed25519, secret, context, random)
    const { Point } = noble
    const { Fn } = Point
    const element = Point.BASE.multiply(Fn.fromBytes(secret))
    const hash = sha512(
      joinOctets(context.prefix, element.toBytes(), proof.subarray(0, 32), context.context),
    )
    const challenge = Fn.create(hash.reduceRight((sum, octet) => (sum << 8n) | BigInt(octet), 0n))
    const left = Point.BASE.multiply(Fn.fromBytes(proof.subarray(32)))
    const right = Point.fromBytes(proof.subarray(0, 32)).add(element.multiply(challenge))
    assert.ok(left.equals(right))
  })
})
