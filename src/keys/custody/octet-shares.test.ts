import assert from 'node:assert/strict'
import { createHash, createHmac, hkdfSync } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import type { CustodyManifest } from '../../wire/custody-manifest.ts'
import { SCHEME } from '../../wire/share-record.ts'
import {
  combineOctets,
  commitmentTo,
  dealOctets,
  dealReshare,
  faultOfShare,
  holdOctets,
  keyCheckValue,
  type OctetShare,
  proveOctets,
} from './octet-shares.ts'

const SEED = 20261121
const random = seededRandom(SEED)
const keyId = random.bytes(16)
const pointOf = ({ share }: OctetShare): number => share.at(-1) ?? 0

function manifestOf(
  shares: readonly OctetShare[],
  threshold: number,
  checkValue: Uint8Array,
): CustodyManifest {
  const sorted = [...shares].sort((a, b) => pointOf(a) - pointOf(b))
  return {
    scheme: SCHEME.octets,
    keyId,
    generation: shares[0]?.generation ?? 0,
    dealt: 1,
    threshold,
    holders: sorted.map((held) => ({ point: pointOf(held), node: random.bytes(16) })),
    commitments: sorted.map((held) => commitmentTo(keyId, held)),
    checkValue,
  }
}

function deal(secret: Uint8Array, n = 5, threshold = 3) {
  const sharing = { shares: n, threshold }
  const { shares, checkValue } = dealOctets({ keyId, generation: 1 }, secret, sharing, random)
  return { shares, manifest: manifestOf(shares, threshold, checkValue) }
}

/** Those that as many holders as are needed deal anew, to all of them. */
function refresh(shares: readonly OctetShare[], threshold: number): OctetShare[] {
  const points = shares.map(pointOf)
  const some = shares.slice(0, threshold)
  const dealt = some.map((held) => dealReshare(held, some.map(pointOf), points, threshold, random))
  return shares.map(({ generation }, i) => {
    const parts = dealt.map((part) => part[i] as Uint8Array)
    return holdOctets(generation + 1, parts, random)
  })
}

describe('the labels', () => {
  it('are as documented, by OpenSSL', () => {
    const held = { generation: 0x01020304, share: Uint8Array.of(9, 8, 7, 200), salt: keyId }
    const hash = createHash('sha256').update('limen/share/1\0').update(keyId)
    hash.update(Buffer.of(1, 2, 3, 4, 200, 9, 8, 7, 200)).update(keyId)
    assert.deepEqual(commitmentTo(keyId, held), new Uint8Array(hash.digest()))
    const secret = random.bytes(32)
    const key = Buffer.from(hkdfSync('sha256', secret, '', 'limen/kcv/1', 32))
    const mac = createHmac('sha256', key)
      .update(keyId)
      .update(Buffer.of(1, 2, 3, 4))
      .digest()
    const value = keyCheckValue({ keyId, generation: 0x01020304 }, secret)
    assert.deepEqual(value, new Uint8Array(mac.subarray(0, 8)))
  })
})

describe('combineOctets()', () => {
  it('gives the secret of any shares, as many as the threshold or more, also refreshed and reshared', () => {
    const cases = fc.tuple(
      fc.uint8Array({ minLength: 1, maxLength: 50 }),
      fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 3 }),
      fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6], { minLength: 4 }),
    )
    fc.assert(
      fc.property(cases, ([secret, some, others]) => {
        const first = deal(secret)
        const value = first.manifest.checkValue ?? new Uint8Array()
        const pick = (shares: readonly OctetShare[], which: readonly number[]) =>
          which.map((i) => shares[i] as OctetShare)
        const combined = { kind: 'combined', secret } as const
        assert.deepEqual(combineOctets(first.manifest, pick(first.shares, some)), combined)
        const second = refresh(first.shares, 3)
        const secondManifest = manifestOf(second, 3, value)
        assert.deepEqual(combineOctets(secondManifest, pick(second, some)), combined)
        const contributors = pick(second, some)
        const points = [7, 6, 5, 4, 3, 2, 1]
        const dealt = contributors.map((held) =>
          dealReshare(held, contributors.map(pointOf), points, 4, random),
        )
        const third = points.map((_, i) =>
          holdOctets(
            3,
            dealt.map((parts) => parts[i] as Uint8Array),
            random,
          ),
        )
        const thirdManifest = manifestOf(third, 4, value)
        assert.deepEqual(combineOctets(thirdManifest, pick(third, others)), combined)
        assert.deepEqual(proveOctets(thirdManifest, third), { kind: 'proven' })
      }),
      { seed: SEED, numRuns: 60 },
    )
  })

  it('refuses too few, and one share twice', () => {
    const { shares, manifest } = deal(random.bytes(32))
    const [a, b] = shares
    assert.ok(a !== undefined && b !== undefined)
    assert.deepEqual(combineOctets(manifest, [a, b]), {
      kind: 'refused',
      code: 'below-threshold',
      points: [],
    })
    assert.deepEqual(combineOctets(manifest, [a, b, a]), {
      kind: 'refused',
      code: 'dup-x',
      points: [pointOf(a)],
    })
  })

  it('names shares of another generation, and those that were changed or are of nobody', () => {
    const { shares, manifest } = deal(random.bytes(32))
    const fresh = refresh(shares, 3)
    const [a, b] = shares
    const other = fresh[2]
    assert.ok(a !== undefined && b !== undefined && other !== undefined)
    const answer = (third: OctetShare) => combineOctets(manifest, [a, b, third])
    const points = [pointOf(other)]
    assert.deepEqual(answer(other), { kind: 'refused', code: 'share-gen', points })
    // The same share, said to be of this generation.
    const posing = { ...other, generation: 1 }
    assert.deepEqual(answer(posing), { kind: 'refused', code: 'share-commit', points })
    const stranger = { ...other, share: Uint8Array.of(...new Uint8Array(32), 0), generation: 1 }
    assert.deepEqual(answer(stranger), { kind: 'refused', code: 'share-commit', points: [0] })
    const good = shares[2] as OctetShare
    const salted = { ...good, salt: random.bytes(32) }
    assert.equal(faultOfShare(manifest, salted), 'share-commit')
    assert.equal(faultOfShare(manifest, good), undefined)
  })

  it('refuses a secret that is not the one that was dealt, though all shares are as committed to', () => {
    const { shares, manifest } = deal(random.bytes(32))
    const points = shares.map(pointOf)
    // One holder deals something else than zeroes: nobody can see it, the sum can.
    const dealt = dealReshare(shares[0] as OctetShare, points, points, 3, random)
    const lied = shares.map(({ share }, i) =>
      holdOctets(2, [share, dealt[i] as Uint8Array], random),
    )
    const next = manifestOf(lied, 3, manifest.checkValue ?? new Uint8Array())
    assert.deepEqual(proveOctets(next, lied), { kind: 'refused', code: 'kcv', points: [] })
  })

  it('refuses shares that are not of one polynomial', () => {
    const { shares, manifest } = deal(random.bytes(32))
    const lied = shares.map(({ share, salt }, i) => ({
      generation: 1,
      salt,
      share: share.map((octet, k) => (i === 4 && k === 0 ? octet ^ 1 : octet)),
    }))
    const next = manifestOf(lied, 3, manifest.checkValue ?? new Uint8Array())
    assert.deepEqual(proveOctets(next, lied), { kind: 'refused', code: 'inconsistent', points: [] })
    assert.deepEqual(proveOctets(next, lied.slice(1)), {
      kind: 'refused',
      code: 'below-threshold',
      points: [],
    })
  })

  it('refuses shares of different lengths, or without octets, though committed to', () => {
    const { shares, manifest } = deal(random.bytes(32))
    const refused = { kind: 'refused', code: 'inconsistent', points: [] }
    for (const cut of [(i: number) => (i === 0 ? 1 : 0), () => 32]) {
      const short = shares.map((held, i) => ({ ...held, share: held.share.subarray(cut(i)) }))
      const next = manifestOf(short, 3, manifest.checkValue ?? new Uint8Array())
      assert.deepEqual(combineOctets(next, short), refused)
    }
  })

  it('throws for a manifest of a group', () => {
    const { shares, manifest } = deal(random.bytes(32))
    const group = { ...manifest, scheme: SCHEME.ed25519, checkValue: undefined }
    assert.throws(() => combineOctets(group, shares), RangeError)
  })
})
