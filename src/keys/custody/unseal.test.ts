import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { sumOfShares } from '../../crypto/shamir.ts'
import {
  readCustodyManifest,
  sealCustodyManifest,
  writeCustodyManifest,
} from '../../wire/custody-manifest.ts'
import { SCHEME } from '../../wire/share-record.ts'
import type { OctetShare } from './octet-shares.ts'
import { beginUnsealing, operatorIds, sealByShares } from './unseal.ts'

const random = seededRandom(20261121)
const reference = random.bytes(16)
const key = random.bytes(32)
const { manifest, shares } = sealByShares(reference, key, operatorIds(5), 3, random)
const pointOf = ({ share }: OctetShare): number => share.at(-1) ?? 0
const [a, b, c, d] = shares as readonly [OctetShare, OctetShare, OctetShare, OctetShare]

describe('beginUnsealing()', () => {
  it('gives the key of any three of five, not of two', () => {
    for (const three of [[a, b, c], [d, a, c], shares.slice(2)]) {
      const unsealing = beginUnsealing(manifest)
      const said = three.map((held) => unsealing.give(reference, held))
      assert.deepEqual(said, [
        { kind: 'sealed', missing: 2 },
        { kind: 'sealed', missing: 1 },
        { kind: 'unsealed', key },
      ])
      // It is over: nothing of it is kept.
      assert.deepEqual(unsealing.state(), { threshold: 3, points: [] })
    }
  })

  it('names a share given twice, and does not count it', () => {
    const unsealing = beginUnsealing(manifest)
    unsealing.give(reference, a)
    const again = unsealing.give(reference, a)
    assert.deepEqual(again, { kind: 'refused', code: 'dup-x', points: [pointOf(a)] })
    assert.deepEqual(unsealing.state().points, [pointOf(a)])
    unsealing.give(reference, b)
    assert.equal(unsealing.give(reference, c).kind, 'unsealed')
  })

  it('names a wrong share at once, and goes on with the good ones', () => {
    const unsealing = beginUnsealing(manifest)
    unsealing.give(reference, a)
    const changed = sumOfShares([b.share, Uint8Array.of(1, ...new Uint8Array(31), pointOf(b))])
    const points = [pointOf(b)]
    const wrong: readonly (readonly [OctetShare, string])[] = [
      [{ ...b, share: changed }, 'share-commit'],
      [{ ...b, salt: a.salt }, 'share-commit'],
      [{ ...b, share: b.share.subarray(1) }, 'share-commit'],
      [{ ...b, generation: 2 }, 'share-gen'],
    ]
    for (const [held, code] of wrong) {
      assert.deepEqual(unsealing.give(reference, held), { kind: 'refused', code, points })
    }
    const other = { kind: 'refused', code: 'share-key', points }
    assert.deepEqual(unsealing.give(random.bytes(16), b), other)
    assert.deepEqual(unsealing.give(new Uint8Array(), b), other)
    // Of another key, under the same reference.
    const [stranger] = sealByShares(reference, random.bytes(32), operatorIds(5), 3, random).shares
    assert.ok(stranger !== undefined)
    assert.equal(unsealing.give(reference, stranger).kind, 'refused')
    assert.deepEqual(unsealing.give(reference, b), { kind: 'sealed', missing: 1 })
    assert.deepEqual(unsealing.give(reference, d), { kind: 'unsealed', key })
  })

  it('does not take a key that is not the one, of shares as committed to', () => {
    const checkValue = random.bytes(8)
    const unsealing = beginUnsealing({ ...manifest, checkValue })
    unsealing.give(reference, a)
    unsealing.give(reference, b)
    assert.deepEqual(unsealing.give(reference, c), { kind: 'refused', code: 'kcv', points: [] })
  })

  it('forgets what it was given, and nothing of the giver', () => {
    const unsealing = beginUnsealing(manifest)
    const given = { ...a, share: Buffer.from(a.share), salt: Buffer.from(a.salt) }
    unsealing.give(reference, given)
    unsealing.forget()
    assert.deepEqual(unsealing.state().points, [])
    assert.deepEqual(new Uint8Array(given.share), a.share)
    assert.throws(() => beginUnsealing({ ...manifest, scheme: SCHEME.ed25519 }), RangeError)
  })
})

describe('sealByShares()', () => {
  it('makes a manifest that can be written and read', () => {
    const bytes = sealCustodyManifest(writeCustodyManifest(manifest), new Uint8Array(64))
    assert.deepEqual(readCustodyManifest(bytes)?.manifest.commitments, manifest.commitments)
    assert.equal(new Set(manifest.holders.map(({ node }) => node.join())).size, 5)
  })
})
