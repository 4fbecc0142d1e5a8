import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ed25519_FROST as noble } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { sodiumGroups } from '../adapters/node/sodium-groups.ts'
import { fromHex, toHex } from '../ground/hex.ts'
import type { Random } from '../ground/random.ts'
import {
  dealScalar,
  type GroupKey,
  groupKeyOf,
  hasImage,
  imageAt,
  type KeyShare,
} from './feldman.ts'
import { aggregateSignature, isCommitment, SigningNonces } from './frost.ts'
import { drawScalar, isSameOctets, isScalar, scalarOf } from './prime-group.ts'

const SEED = 9591
const random = seededRandom(SEED)
const { ed25519: group } = await sodiumGroups()

/** RFC 9591, appendix E.1, as its authors publish it. */
const vector = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../test/fixtures/frost-ed25519-sha512.json'), 'utf8'),
)

/** Ed25519 by OpenSSL. */
function isPlainSignature(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array) {
  const key = createPublicKey({
    key: Buffer.from(publicKey),
    format: 'raw-public',
    asymmetricKeyType: 'ed25519',
  })
  return verify(null, message, key, signature)
}

/** A key dealt to `n` holders at points 1 to n. */
function deal(n: number, threshold: number, chance: Random) {
  const points = Array.from({ length: n }, (_, i) => i + 1)
  const dealing = dealScalar(group, drawScalar(group, chance), points, threshold, chance)
  const key = groupKeyOf(group, dealing.commitments, points)
  const shares: KeyShare[] = points.map((point, i) => ({
    point,
    share: dealing.shares[i] as Uint8Array,
  }))
  return { key, shares }
}

function begin(holders: readonly KeyShare[], chance: Random = random) {
  const nonces = holders.map((share) => new SigningNonces(group, share, chance))
  return { nonces, commitments: nonces.map(({ commitment }) => commitment) }
}

function signAll(key: GroupKey, holders: readonly KeyShare[], message: Uint8Array) {
  const { nonces, commitments } = begin(holders)
  const shares = new Map(
    holders.map((share, i) => [
      share.point,
      (nonces[i] as SigningNonces).sign(group, key, share, commitments, message),
    ]),
  )
  return { commitments, shares }
}

describe('the vectors of RFC 9591', () => {
  const { inputs, round_one_outputs, round_two_outputs, final_output } = vector
  const message = fromHex(inputs.message)
  const holders: KeyShare[] = inputs.participant_shares.map(
    (one: { identifier: number; participant_share: string }) => ({
      point: one.identifier,
      share: fromHex(one.participant_share),
    }),
  )
  const key: GroupKey = {
    publicKey: fromHex(inputs.group_public_key),
    threshold: Number(vector.config.MIN_PARTICIPANTS),
    images: new Map(holders.map(({ point, share }) => [point, group.multiplyBase(share)])),
  }
  const signers = holders.filter(({ point }) => inputs.participant_list.includes(point))

  it('shares: the polynomial gives them', () => {
    const secret = fromHex(inputs.group_secret_key)
    const coefficient = fromHex(inputs.share_polynomial_coefficients[0])
    assert.deepEqual(group.multiplyBase(secret), key.publicKey)
    const commitments = [key.publicKey, group.multiplyBase(coefficient)]
    for (const { point, share } of holders) {
      const product = group.multiplyScalars(coefficient, scalarOf(point))
      assert.deepEqual(group.addScalars(secret, product), share)
      assert.ok(hasImage(group, share, imageAt(group, point, commitments)))
    }
  })

  it('both rounds and the signature, octet by octet', () => {
    const nonces = signers.map((share, i) => {
      const told = round_one_outputs.outputs[i]
      const chance = [told.hiding_nonce_randomness, told.binding_nonce_randomness]
      return new SigningNonces(group, share, {
        bytes: () => fromHex(chance.shift() ?? ''),
        fraction: () => 0,
      })
    })
    const commitments = nonces.map(({ commitment }) => commitment)
    for (const [i, { hiding, binding }] of commitments.entries()) {
      const told = round_one_outputs.outputs[i]
      assert.equal(toHex(hiding), told.hiding_nonce_commitment)
      assert.equal(toHex(binding), told.binding_nonce_commitment)
    }
    const shares = new Map(
      signers.map((share, i) => {
        const made = (nonces[i] as SigningNonces).sign(group, key, share, commitments, message)
        assert.equal(toHex(made), round_two_outputs.outputs[i].sig_share)
        return [share.point, made] as const
      }),
    )
    const made = aggregateSignature(group, key, commitments, message, shares)
    assert.ok(made.kind === 'signed')
    assert.equal(toHex(made.signature), final_output.sig)
  })
})

describe('aggregateSignature()', () => {
  it('gives signatures that OpenSSL takes for plain ones, for any holders', () => {
    const cases = fc.integer({ min: 2, max: 6 }).chain((n) =>
      fc.integer({ min: 2, max: n }).chain((t) =>
        fc.record({
          n: fc.constant(n),
          t: fc.constant(t),
          message: fc.uint8Array({ maxLength: 300 }),
          chosen: fc.subarray(
            Array.from({ length: n }, (_, i) => i),
            { minLength: t },
          ),
        }),
      ),
    )
    fc.assert(
      fc.property(cases, ({ n, t, message, chosen }) => {
        const { key, shares } = deal(n, t, random)
        const holders = chosen.map((i) => shares[i] as KeyShare)
        const round = signAll(key, holders, message)
        const made = aggregateSignature(group, key, round.commitments, message, round.shares)
        assert.ok(made.kind === 'signed')
        assert.ok(isPlainSignature(made.signature, message, key.publicKey))
        assert.ok(!isPlainSignature(made.signature, Buffer.of(...message, 1), key.publicKey))
      }),
      { seed: SEED, numRuns: 30 },
    )
  })

  it('names those who lie, and those who say nothing or nonsense', () => {
    const { key, shares } = deal(5, 3, random)
    const message = random.bytes(40)
    const holders = [0, 2, 3, 4].map((i) => shares[i] as KeyShare)
    const round = signAll(key, holders, message)
    const refused = (change: (shares: Map<number, Uint8Array>) => void) => {
      const changed = new Map(round.shares)
      change(changed)
      return aggregateSignature(group, key, round.commitments, message, changed)
    }
    const lie = (point: number) => (all: Map<number, Uint8Array>) => {
      all.set(point, group.addScalars(all.get(point) as Uint8Array, scalarOf(1)))
    }
    for (const { point } of holders) {
      assert.deepEqual(refused(lie(point)), { kind: 'refused', signers: [point] })
    }
    const both = refused((all) => {
      lie(1)(all)
      lie(5)(all)
    })
    assert.deepEqual(both, { kind: 'refused', signers: [1, 5] })
    const silent = refused((all) => all.delete(3))
    assert.deepEqual(silent, { kind: 'refused', signers: [3] })
    for (const nonsense of [new Uint8Array(32), new Uint8Array(32).fill(255), new Uint8Array(3)]) {
      const answer = refused((all) => all.set(4, nonsense))
      assert.deepEqual(answer, { kind: 'refused', signers: [4] })
    }
  })

  it('takes shares of another message or key for lies', () => {
    const { key, shares } = deal(3, 2, random)
    const holders = shares.slice(0, 2)
    const round = signAll(key, holders, Uint8Array.of(1))
    const answer = aggregateSignature(group, key, round.commitments, Uint8Array.of(2), round.shares)
    assert.deepEqual(answer, { kind: 'refused', signers: [1, 2] })
  })

  it('throws for commitments below the threshold or out of order', () => {
    const { key, shares } = deal(3, 2, random)
    const { commitments } = begin(shares)
    const call = (used: typeof commitments) => () =>
      aggregateSignature(group, key, used, Uint8Array.of(1), new Map())
    assert.throws(call(commitments.slice(1, 2)), /below the threshold/)
    assert.throws(call([...commitments].reverse()), /do not ascend/)
    assert.throws(call([...commitments.slice(0, 1), ...commitments]), /do not ascend/)
  })
})

describe('SigningNonces', () => {
  it('signs once', () => {
    const { key, shares } = deal(3, 2, random)
    const holders = shares.slice(0, 2)
    const { nonces, commitments } = begin(holders)
    const [first] = nonces
    const [share] = holders
    assert.ok(first !== undefined && share !== undefined)
    first.sign(group, key, share, commitments, Uint8Array.of(1))
    const again = () => first.sign(group, key, share, commitments, Uint8Array.of(1))
    assert.throws(again, /Cannot sign twice/)
  })

  it('is used up by a refusal too: without or with another commitment of its own, or with no elements', () => {
    const { key, shares } = deal(3, 2, random)
    const holders = shares.slice(0, 2)
    const [share] = holders
    assert.ok(share !== undefined)
    const torsion = new Uint8Array(32)
    type Commitments = ReturnType<typeof begin>['commitments']
    const spoiled: readonly [(own: Commitments) => Commitments, RegExp][] = [
      [(own) => own.slice(1), /without our own/],
      [() => begin(holders).commitments, /without our own/],
      [(own) => own.slice(0, 1), /below the threshold/],
      // y = 0 is a point of order 4.
      [([a, b]) => [a, { ...b, hiding: torsion }] as Commitments, /to nothing/],
      [([a, b]) => [a, { ...b, binding: group.identity }] as Commitments, /to nothing/],
      [
        ([a, b]) => [a, { ...b, binding: new Uint8Array(32).fill(255) }] as Commitments,
        /group nonce/,
      ],
    ]
    for (const [spoil, said] of spoiled) {
      const { nonces, commitments } = begin(holders)
      const sign = (used: Commitments) => () =>
        (nonces[0] as SigningNonces).sign(group, key, share, used, Uint8Array.of(1))
      assert.throws(sign(spoil(commitments)), said)
      assert.throws(sign(commitments), /Cannot sign twice/)
    }
  })
})

describe('commitments to nothing', () => {
  it('are refused by all eight points of small order, in either place', () => {
    const { key, shares } = deal(3, 2, random)
    const holders = shares.slice(0, 2)
    const [share] = holders
    assert.ok(share !== undefined)
    const eighth = fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')
    const points = [eighth]
    while (points.length < 8) points.push(group.add(points.at(-1) ?? eighth, eighth))
    assert.ok(points.some((point) => isSameOctets(point, group.identity)))
    assert.equal(new Set(points.map(toHex)).size, 8)
    for (const point of points) {
      for (const change of [{ hiding: point }, { binding: point }]) {
        const { nonces, commitments } = begin(holders)
        const spoiled = commitments.map((one) => (one.point === 1 ? one : { ...one, ...change }))
        const sign = () => nonces[0]?.sign(group, key, share, spoiled, Uint8Array.of(1))
        assert.throws(sign, /to nothing/)
      }
    }
  })
})

describe('parts of small order in commitments', () => {
  it('are refused unless they cancel out, and name who committed to them', () => {
    const { key, shares } = deal(3, 2, random)
    const holders = shares.slice(0, 2)
    // y = 0 is a point of order 4.
    const torsion = new Uint8Array(32)
    const outcomes = new Set<string>()
    for (let i = 0; i < 40; i++) {
      const message = Uint8Array.of(i)
      const { nonces, commitments } = begin(holders)
      const spoiled = commitments.map((one) =>
        one.point === 1 ? one : { ...one, binding: group.add(one.binding, torsion) },
      )
      const [first] = nonces
      const [share] = holders
      assert.ok(first !== undefined && share !== undefined)
      try {
        const made = first.sign(group, key, share, spoiled, message)
        // Its own check names the liar, whatever the liar answers.
        const answer = aggregateSignature(
          ...([group, key, spoiled, message] as const),
          new Map([
            [1, made],
            [2, scalarOf(1)],
          ]),
        )
        assert.deepEqual(answer, { kind: 'refused', signers: [2] })
        outcomes.add('signed')
      } catch (error) {
        assert.match(String(error), /group nonce/)
        outcomes.add('refused')
      }
    }
    assert.deepEqual([...outcomes].sort(), ['refused', 'signed'])
  })
})

describe('isCommitment()', () => {
  it('refuses the identity, points of small order, and what is no point', () => {
    const { shares } = deal(2, 2, random)
    const [good] = begin(shares).commitments
    assert.ok(good !== undefined && isCommitment(group, good))
    const bad = [
      new Uint8Array(32),
      group.identity,
      new Uint8Array(32).fill(255),
      new Uint8Array(31),
    ]
    for (const element of bad) {
      assert.ok(!isCommitment(group, { ...good, hiding: element }))
      assert.ok(!isCommitment(group, { ...good, binding: element }))
    }
  })
})

describe('isScalar()', () => {
  it('is true below the order and above zero only', () => {
    const order = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')
    const below = order.slice()
    below[0] = 0xec
    assert.ok(!isScalar(order))
    assert.ok(isScalar(below))
    assert.ok(!isScalar(new Uint8Array(32)))
    assert.ok(isScalar(scalarOf(1)))
    assert.ok(!isScalar(scalarOf(1).subarray(1)))
    assert.ok(!isScalar(new Uint8Array(32).fill(255)))
  })
})

describe('beside @noble/curves', () => {
  it('signs together: two signers of ours and one of theirs, shares by their dealer', () => {
    const ids = [1, 2, 3, 4, 5].map((i) => noble.Identifier.fromNumber(i))
    const dealt = noble.trustedDealer({ min: 3, max: 5 }, ids)
    const id = (i: number) => ids[i - 1] as (typeof ids)[number]
    const theirs = dealt.secretShares[id(5)]
    assert.ok(theirs !== undefined)
    const images = new Map(
      [1, 2, 3, 4, 5].map((i) => [i, dealt.public.verifyingShares[id(i)] as Uint8Array]),
    )
    const publicKey = dealt.public.commitments[0] as Uint8Array
    const key: GroupKey = { publicKey, threshold: 3, images }
    const ours: KeyShare[] = [1, 3].map((point) => ({
      point,
      share: dealt.secretShares[id(point)]?.signingShare as Uint8Array,
    }))
    const message = random.bytes(100)
    const round = begin(ours)
    const their = noble.commit(theirs)
    const commitments = [
      ...round.commitments,
      { point: 5, hiding: their.commitments.hiding, binding: their.commitments.binding },
    ]
    const forNoble = commitments.map(({ point, hiding, binding }) => ({
      identifier: id(point),
      hiding,
      binding,
    }))
    const shares = new Map(
      ours.map((share, i) => [
        share.point,
        (round.nonces[i] as SigningNonces).sign(group, key, share, commitments, message),
      ]),
    )
    shares.set(5, noble.signShare(theirs, dealt.public, their.nonces, forNoble, message))
    const made = aggregateSignature(group, key, commitments, message, shares)
    assert.ok(made.kind === 'signed')
    assert.ok(isPlainSignature(made.signature, message, publicKey))
  })
})
