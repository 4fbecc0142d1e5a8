import assert from 'node:assert/strict'
import { hkdfSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { dealScalar, groupKeyOf, type KeyShare } from '../../crypto/feldman.ts'
import { drawScalar } from '../../crypto/prime-group.ts'
import {
  combineProducts,
  multiplyPartially,
  type PartialProduct,
} from '../../crypto/threshold-dh.ts'
import {
  DERIVE_CONTEXT,
  dataKey,
  elementToDerive,
  elementToOpen,
  OPEN_CONTEXT,
  openFromCustody,
  sealToCustody,
} from './threshold-keys.ts'

const random = seededRandom(1989)
const { ristretto255: group } = await sodiumGroups()
const octets = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))
const POINTS = [2, 3, 77, 128, 255]
const secret = drawScalar(group, random)
const { shares, commitments } = dealScalar(group, secret, POINTS, 3, random)
const key = groupKeyOf(group, commitments, POINTS)
const holders: KeyShare[] = POINTS.map((point, i) => ({ point, share: shares[i] as Uint8Array }))

function partsOf(element: Uint8Array, which: readonly number[], context = OPEN_CONTEXT) {
  return which.map((i) => {
    const part = multiplyPartially(group, context, holders[i] as KeyShare, element, random)
    assert.ok(part !== undefined)
    return part
  })
}

/** Three holders or more. */
const some = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 3 })
const info = octets('info')

describe('what is sealed to a key in custody', () => {
  it('is opened by any holders, as many as the threshold or more', () => {
    const text = fc.uint8Array({ maxLength: 100 })
    fc.assert(
      fc.property(text, text, some, (plain, aad, which) => {
        const sealed = sealToCustody(group, key.publicKey, info, aad, plain, random)
        const element = elementToOpen(group, sealed)
        assert.ok(element !== undefined)
        const made = combineProducts(group, OPEN_CONTEXT, key, element, partsOf(element, which))
        assert.ok(made.kind === 'combined')
        assert.deepEqual(made.element, group.multiply(secret, element))
        assert.deepEqual(openFromCustody(made.element, key.publicKey, info, aad, sealed), plain)
        const other = group.multiplyBase(secret)
        assert.equal(openFromCustody(other, key.publicKey, info, aad, sealed), undefined)
      }),
      { seed: 1989, numRuns: 20 },
    )
  })

  it('is nothing when its ephemeral key is no element', () => {
    assert.equal(elementToOpen(group, new Uint8Array(80)), undefined)
    assert.equal(elementToOpen(group, new Uint8Array(80).fill(255)), undefined)
    assert.equal(elementToOpen(group, new Uint8Array(3)), undefined)
  })
})

describe('keys of objects', () => {
  it('are the same whoever derives them, as @noble/curves and OpenSSL have them', () => {
    const number = secret.reduceRight((sum, octet) => (sum << 8n) | BigInt(octet), 0n)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), some, (objectId, which) => {
        const element = elementToDerive(group, objectId)
        const parts = partsOf(element, which, DERIVE_CONTEXT)
        const made = combineProducts(group, DERIVE_CONTEXT, key, element, parts)
        assert.ok(made.kind === 'combined')
        const DST = 'limen/lcu/1 ristretto255_XMD:SHA-512_R255MAP_RO_'
        const hashed = ristretto255_hasher.hashToCurve(objectId, { DST }).toBytes()
        const product = ristretto255.Point.fromBytes(hashed).multiply(number).toBytes()
        const label = Buffer.concat([Buffer.from('limen/lcu/1 data key\0'), objectId])
        const expected = new Uint8Array(hkdfSync('sha256', product, '', label, 32))
        assert.deepEqual(dataKey(made.element, objectId), expected)
      }),
      { seed: 1989, numRuns: 15 },
    )
  })
})

describe('combineProducts()', () => {
  const element = elementToDerive(group, octets('object'))
  const good = partsOf(element, [0, 1, 2, 3])
  const combine = (parts: readonly PartialProduct[]) =>
    combineProducts(group, OPEN_CONTEXT, key, element, parts)

  it('names who multiplied by something else, or proved it elsewhere or for something else', () => {
    const [first, ...rest] = good
    assert.ok(first !== undefined)
    const [elsewhere] = partsOf(element, [0], DERIVE_CONTEXT)
    const [other] = partsOf(group.multiplyBase(secret), [0])
    assert.ok(elsewhere !== undefined && other !== undefined)
    for (const wrong of [
      { ...first, product: group.multiplyBase(secret) },
      { ...first, product: group.identity },
      { ...first, product: new Uint8Array(2) },
      { ...first, proof: new Uint8Array(64) },
      elsewhere,
      other,
    ]) {
      assert.deepEqual(combine([...rest, wrong]), { kind: 'refused', code: 'proof', points: [2] })
    }
    const stranger = { ...first, point: 9 }
    assert.deepEqual(combine([...rest, stranger]), { kind: 'refused', code: 'proof', points: [9] })
  })

  it('refuses too few, and one twice', () => {
    const code = 'below-threshold'
    assert.deepEqual(combine(good.slice(0, 2)), { kind: 'refused', code, points: [] })
    const twice = [...good.slice(0, 2), ...good.slice(0, 1)]
    assert.deepEqual(combine(twice), { kind: 'refused', code: 'dup-x', points: [2] })
  })
})

describe('multiplyPartially()', () => {
  it('does nothing with what is no element', () => {
    const [holder] = holders
    assert.ok(holder !== undefined)
    for (const bad of [group.identity, new Uint8Array(32).fill(255), new Uint8Array(31)]) {
      assert.equal(multiplyPartially(group, OPEN_CONTEXT, holder, bad, random), undefined)
    }
  })
})
