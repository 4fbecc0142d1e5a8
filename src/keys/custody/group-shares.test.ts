import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import {
  type Dealing,
  dealScalar,
  groupKeyOf,
  hasImage,
  type KeyShare,
} from '../../crypto/feldman.ts'
import { aggregateSignature, SigningNonces } from '../../crypto/frost.ts'
import { drawScalar, type PrimeGroup, weightAtZero } from '../../crypto/prime-group.ts'
import {
  dealNewKey,
  dealShare,
  type Purpose,
  type Received,
  type Receivers,
  takeDealings,
} from './group-shares.ts'

const SEED = 1991
const random = seededRandom(SEED)
const { ed25519, ristretto255 } = await sodiumGroups()
const context = random.bytes(20)

/** A key of which all receivers have taken their shares. */
interface Held {
  readonly shares: readonly KeyShare[]
  readonly commitments: readonly Uint8Array[]
}

type Dealt = ReadonlyMap<number, Dealing & { readonly proof?: Uint8Array }>

const receivedAt = (dealt: Dealt, i: number): Received[] =>
  [...dealt].map(([dealer, { commitments, shares, proof }]) => ({
    dealer,
    commitments,
    share: shares[i] as Uint8Array,
    ...(proof === undefined ? {} : { proof }),
  }))

/** Everybody takes, and all see the same commitments. */
function takeAll(group: PrimeGroup, purpose: Purpose, to: Receivers, dealt: Dealt): Held {
  const taken = to.points.map((point, i) => {
    const one = takeDealings(group, purpose, to.threshold, point, receivedAt(dealt, i))
    assert.ok(one.kind === 'taken')
    return { point, share: one.share, commitments: one.commitments }
  })
  const [first] = taken
  assert.ok(first !== undefined)
  for (const { commitments } of taken) assert.deepEqual(commitments, first.commitments)
  return { shares: taken, commitments: first.commitments }
}

function make(group: PrimeGroup, to: Receivers, dealers = to.points): Held {
  const dealt = new Map(dealers.map((d) => [d, dealNewKey(group, d, context, to, random)]))
  return takeAll(group, { kind: 'make', dealers, context }, to, dealt)
}

function reshare(group: PrimeGroup, old: Held, by: readonly KeyShare[], to: Receivers): Held {
  const dealers = by.map(({ point }) => point)
  const dealt = new Map(by.map((one) => [one.point, dealShare(group, one, dealers, to, random)]))
  return takeAll(group, { kind: 'reshare', dealers, commitments: old.commitments }, to, dealt)
}

/** The secret that shares come to: what nobody ever computes. */
function secretOf(group: PrimeGroup, shares: readonly KeyShare[]): Uint8Array {
  const points = shares.map(({ point }) => point)
  return shares.reduce<Uint8Array>(
    (sum, { point, share }) =>
      group.addScalars(sum, group.multiplyScalars(weightAtZero(group, points, point), share)),
    new Uint8Array(32),
  )
}

for (const [name, group] of [
  ['ed25519', ed25519],
  ['ristretto255', ristretto255],
] as const) {
  describe(`shares in ${name}`, () => {
    it('made, refreshed and reshared are of one key', () => {
      const cases = fc.tuple(
        fc.integer({ min: 2, max: 4 }),
        fc.shuffledSubarray([1, 2, 3, 4], { minLength: 4 }),
        fc.shuffledSubarray([9, 17, 200, 255, 3], { minLength: 3 }),
      )
      fc.assert(
        fc.property(cases, ([threshold, order, points]) => {
          const to = { points: [1, 2, 3, 4], threshold }
          const first = make(group, to)
          const publicKey = first.commitments[0]
          const holders = order.slice(0, threshold).map((p) => first.shares[p - 1] as KeyShare)
          assert.deepEqual(group.multiplyBase(secretOf(group, holders)), publicKey)
          const second = reshare(group, first, holders, to)
          assert.deepEqual(second.commitments[0], publicKey)
          const fresh = order.slice(0, threshold).map((p) => second.shares[p - 1] as KeyShare)
          assert.deepEqual(secretOf(group, fresh), secretOf(group, holders))
          const mixed = [...fresh.slice(1), ...holders.slice(0, 1)]
          assert.notDeepEqual(secretOf(group, mixed), secretOf(group, fresh))
          const third = reshare(group, second, fresh, { points, threshold: 3 })
          assert.deepEqual(third.commitments[0], publicKey)
          assert.deepEqual(secretOf(group, third.shares.slice(0, 3)), secretOf(group, fresh))
          const { images } = groupKeyOf(group, third.commitments, points)
          for (const { point, share } of third.shares) {
            assert.ok(hasImage(group, share, images.get(point) as Uint8Array))
          }
        }),
        { seed: SEED, numRuns: 6 },
      )
    })
  })
}

describe('a key reshared 3 of 5 to 4 of 7', () => {
  const message = random.bytes(50)
  const from = { points: [1, 2, 3, 4, 5], threshold: 3 }
  const to = { points: [11, 12, 13, 14, 15, 16, 17], threshold: 4 }

  function sign(shares: readonly KeyShare[], held: Held, points: readonly number[]) {
    const key = groupKeyOf(ed25519, held.commitments, points)
    const nonces = shares.map((share) => new SigningNonces(ed25519, share, random))
    const commitments = nonces.map(({ commitment }) => commitment)
    const signed = new Map(
      shares.map((share, i) => [
        share.point,
        (nonces[i] as SigningNonces).sign(ed25519, key, share, commitments, message),
      ]),
    )
    return aggregateSignature(ed25519, key, commitments, message, signed)
  }

  it('signs as before; who still has an old share is named', () => {
    const old = make(ed25519, from)
    const publicKey = createPublicKey({
      key: Buffer.from(old.commitments[0] ?? []),
      format: 'raw-public',
      asymmetricKeyType: 'ed25519',
    })
    const fresh = reshare(ed25519, old, old.shares.slice(1, 4), to)
    for (const made of [
      sign(old.shares.slice(0, 3), old, from.points),
      sign(fresh.shares.slice(2, 6), fresh, to.points),
    ]) {
      assert.ok(made.kind === 'signed')
      assert.ok(verify(null, message, publicKey, made.signature))
    }
    const again = reshare(ed25519, fresh, fresh.shares.slice(0, 4), to)
    const late = [fresh.shares[0] as KeyShare, ...again.shares.slice(1, 4)]
    assert.deepEqual(sign(late, again, to.points), { kind: 'refused', signers: [11] })
  })
})

describe('one dealer', () => {
  it('makes a key too', () => {
    const to = { points: [1, 2, 3], threshold: 2 }
    const { shares, commitments } = make(ristretto255, to, [9])
    const secret = secretOf(ristretto255, shares.slice(0, 2))
    assert.deepEqual(ristretto255.multiplyBase(secret), commitments[0])
  })
})

describe('takeDealings()', () => {
  const group = ristretto255
  const to: Receivers = { points: [1, 2, 3], threshold: 2 }
  const one = drawScalar(group, random)

  /** What receiver 1 says when dealer 2 does something else. */
  function refused(purpose: Purpose, dealt: Dealt, change: (good: Received) => Received[]) {
    const received = receivedAt(dealt, 0).flatMap((each) =>
      each.dealer === 2 ? change(each) : each,
    )
    return takeDealings(group, purpose, to.threshold, 1, received)
  }
  const named = { kind: 'refused', dealers: [2] } as const
  const newKey = () =>
    new Map(to.points.map((d) => [d, dealNewKey(group, d, context, to, random)] as const))
  const making: Purpose = { kind: 'make', dealers: to.points, context }

  it('names a dealer of nothing, twice, a wrong share, or wrong commitments', () => {
    const other = dealNewKey(group, 2, context, to, random)
    const changes: readonly ((good: Received) => Received[])[] = [
      () => [],
      (good) => [good, good],
      (good) => [{ ...good, share: group.addScalars(good.share, one) }],
      (good) => [{ ...good, share: new Uint8Array(32) }],
      (good) => [{ ...good, share: new Uint8Array(5) }],
      (good) => [{ ...good, commitments: other.commitments }],
      (good) => [{ ...good, commitments: good.commitments.slice(1) }],
      (good) => [{ ...good, commitments: [...good.commitments, group.multiplyBase(one)] }],
      (good) => [{ ...good, commitments: [good.commitments[0] ?? one, new Uint8Array(32)] }],
      (good) => [{ ...good, commitments: [new Uint8Array(31).fill(1), group.multiplyBase(one)] }],
    ]
    const dealt = newKey()
    assert.equal(refused(making, dealt, (good) => [good]).kind, 'taken')
    for (const change of changes) assert.deepEqual(refused(making, dealt, change), named)
  })

  it('names a dealer who does not know what it dealt, or proved it elsewhere', () => {
    const dealt = newKey()
    const elsewhere = dealNewKey(group, 2, random.bytes(20), to, random)
    const asAnother = dealNewKey(group, 3, context, to, random)
    const proofOf = (proof: Uint8Array) => (good: Received) => [{ ...good, proof }]
    const changes = [
      (good: Received) => {
        const { proof: _, ...rest } = good
        return [rest]
      },
      proofOf(new Uint8Array(64)),
      proofOf(new Uint8Array(3)),
      proofOf(asAnother.proof),
      ...[elsewhere, asAnother].map((wrong) => () => [
        { dealer: 2, ...wrong, share: wrong.shares[0] as Uint8Array },
      ]),
    ]
    for (const change of changes) assert.deepEqual(refused(making, dealt, change), named)
  })

  it('names who reshares something else than its share', () => {
    const { shares, commitments } = make(group, to)
    const dealers = [2, 3]
    const by = shares.slice(1)
    const dealt = new Map(by.map((s) => [s.point, dealShare(group, s, dealers, to, random)]))
    const purpose: Purpose = { kind: 'reshare', dealers, commitments }
    assert.equal(refused(purpose, dealt, (good) => [good]).kind, 'taken')
    const wrong = dealScalar(group, one, to.points, to.threshold, random)
    const change = () => [{ dealer: 2, ...wrong, share: wrong.shares[0] as Uint8Array }]
    assert.deepEqual(refused(purpose, dealt, change), named)
  })
})
