import assert from 'node:assert/strict'
import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { dealScalar } from '../../crypto/feldman.ts'
import { weightAtZero } from '../../crypto/prime-group.ts'
import { sharesAt } from '../../crypto/shamir.ts'
import { combineProducts, multiplyPartially } from '../../crypto/threshold-dh.ts'
import { fromHex, toHex } from '../../ground/hex.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import {
  MANIFEST_LABEL,
  readCustodyManifest,
  sealCustodyManifest,
  writeCustodyManifest,
} from '../../wire/custody-manifest.ts'
import { SCHEME, writeShareHeader } from '../../wire/share-record.ts'
import { dealNewKey, dealShare } from './group-shares.ts'
import { combineOctets, commitmentTo, keyCheckValue } from './octet-shares.ts'
import {
  DERIVE_CONTEXT,
  dataKey,
  elementToDerive,
  openFromCustody,
  sealToCustody,
} from './threshold-keys.ts'

const { ed25519, ristretto255 } = await sodiumGroups()

/** Hex throughout; what `docs/wire/custody.md` points other implementations to. */
const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../test/fixtures/custody-vectors.json'), 'utf8'),
)

const told = (...values: string[]): Random => ({
  bytes: (length) => {
    const value = fromHex(values.shift() ?? '')
    assert.equal(value.length, length)
    return value
  },
  fraction: () => 0,
})
const hex = (all: readonly Uint8Array[]): string[] => all.map(toHex)

describe('the vectors of LCU/1', () => {
  it('octets: shares, commitments, check value, header and manifest', () => {
    const { given, wanted } = vectors.octets
    const keyId = fromHex(given.keyId)
    const secret = fromHex(given.secret)
    const { generation, points, threshold } = given
    const shares = sharesAt(points, secret, threshold, told(...given.coefficients))
    assert.deepEqual(hex(shares), wanted.shares)
    const held = shares.map((share, i) => ({ generation, share, salt: fromHex(given.salts[i]) }))
    const commitments = held.map((one) => commitmentTo(keyId, one))
    assert.deepEqual(hex(commitments), wanted.commitments)
    const checkValue = keyCheckValue({ keyId, generation }, secret)
    assert.equal(toHex(checkValue), wanted.checkValue)
    const nodes: Uint8Array[] = given.nodes.map(fromHex)
    const header = writeShareHeader({
      scheme: SCHEME.octets,
      keyId,
      generation,
      holders: points.length,
      threshold,
      point: points[0],
      node: nodes[0] as Uint8Array,
      wrappingKey: fromHex(given.wrappingKey),
    })
    assert.equal(toHex(header), wanted.header)
    const manifest = writeCustodyManifest({
      scheme: SCHEME.octets,
      keyId,
      generation,
      dealt: generation,
      threshold,
      holders: nodes.map((node, i) => ({ point: points[i], node })),
      commitments,
      checkValue,
    })
    assert.equal(toHex(manifest), wanted.manifest)
    const identity = createPrivateKey({
      key: Buffer.from(given.identity, 'hex'),
      format: 'raw-private',
      asymmetricKeyType: 'ed25519',
    })
    const signature = sign(null, joinOctets(octetsOf(MANIFEST_LABEL), manifest), identity)
    assert.equal(toHex(signature), wanted.signature)
    const read = readCustodyManifest(sealCustodyManifest(manifest, signature))
    assert.ok(read !== undefined)
    assert.deepEqual(read.signed, manifest)
    assert.equal(toHex(read.signature), wanted.signature)
    assert.deepEqual(combineOctets(read.manifest, held.slice(1)), { kind: 'combined', secret })
  })

  it('ed25519: dealing with its proof, and a reshare', () => {
    const { given, wanted } = vectors.ed25519
    const to = { points: given.points, threshold: given.threshold }
    const chance = [given.secretWide, ...given.coefficientsWide, given.proofNonceWide]
    const made = dealNewKey(ed25519, given.dealer, fromHex(given.context), to, told(...chance))
    assert.deepEqual(hex(made.shares), wanted.shares)
    assert.deepEqual(hex(made.commitments), wanted.commitments)
    assert.equal(toHex(made.proof), wanted.proof)
    const dealers: number[] = given.reshare.dealers
    const [point = 0] = dealers
    const share = made.shares[to.points.indexOf(point)] as Uint8Array
    const again = dealShare(
      ed25519,
      { point, share },
      dealers,
      { points: given.reshare.points, threshold: given.reshare.threshold },
      told(...given.reshare.coefficientsWide),
    )
    assert.deepEqual(hex(again.shares), wanted.reshare.shares)
    assert.deepEqual(hex(again.commitments), wanted.reshare.commitments)
    assert.equal(toHex(weightAtZero(ed25519, dealers, point)), wanted.reshare.weight)
  })

  it('ristretto255: parts, proofs, the key of an object, and what is sealed to a key', () => {
    const { given, wanted } = vectors.ristretto255
    const { points, threshold } = given
    const secret = ristretto255.reduce(fromHex(given.secretWide))
    const random = told(...given.coefficientsWide)
    const { shares, commitments } = dealScalar(ristretto255, secret, points, threshold, random)
    assert.deepEqual(hex(commitments), wanted.commitments)
    const objectId = fromHex(given.objectId)
    const element = elementToDerive(ristretto255, objectId)
    assert.equal(toHex(element), wanted.element)
    const parts = [0, 1].map((i) => {
      const holder = { point: points[i], share: shares[i] as Uint8Array }
      const chance = told(given.proofNoncesWide[i])
      const part = multiplyPartially(ristretto255, DERIVE_CONTEXT, holder, element, chance)
      assert.ok(part !== undefined)
      return part
    })
    assert.deepEqual(
      parts.map(({ product, proof }) => ({ product: toHex(product), proof: toHex(proof) })),
      wanted.parts,
    )
    const publicKey = commitments[0] as Uint8Array
    const images = new Map(
      shares.map((share, i) => [points[i] as number, ristretto255.multiplyBase(share)]),
    )
    const key = { publicKey, threshold, images }
    const made = combineProducts(ristretto255, DERIVE_CONTEXT, key, element, parts)
    assert.ok(made.kind === 'combined')
    assert.equal(toHex(made.element), wanted.product)
    assert.equal(toHex(dataKey(made.element, objectId)), wanted.dataKey)
    const [info, aad, plain] = [given.info, given.aad, given.plain].map(fromHex)
    assert.ok(info !== undefined && aad !== undefined && plain !== undefined)
    const chance = told(given.ephemeralWide)
    const sealed = sealToCustody(ristretto255, publicKey, info, aad, plain, chance)
    assert.equal(toHex(sealed), wanted.sealed)
    const dh = ristretto255.multiply(secret, sealed.subarray(0, 32))
    assert.deepEqual(openFromCustody(dh, publicKey, info, aad, sealed), plain)
  })
})
