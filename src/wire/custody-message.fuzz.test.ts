import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { joinOctets } from '../ground/octets.ts'
import { DELETION_BYTES, readCustodyDeletion, writeCustodyDeletion } from './custody-deletion.ts'
import {
  CUSTODY_MESSAGE_BYTES_MAX,
  FIELD,
  OPERATIONS,
  type OperationName,
  OUTCOMES,
  readCustodyAnswer,
  readCustodyRequest,
  writeCustodyAnswer,
  writeCustodyRequest,
} from './custody-message.ts'
import {
  CARD_BYTES,
  type CustodyPlan,
  PLAN_BYTES_MAX,
  readCustodyPlan,
  readNodeCard,
  writeCustodyPlan,
  writeNodeCard,
} from './custody-plan.ts'
import { SCHEME } from './share-record.ts'

const SEED = 11764948
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const names = Object.keys(OPERATIONS) as OperationName[]
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })

/** Fields that these rules allow, none longer than 200 octets beyond the least, nor more often than three times beyond the few. */
const fieldsOf = (rules: readonly (readonly number[])[]) =>
  fc
    .tuple(
      ...rules.map(([tag = 0, least = 0, most = 0, few = 0, many = 0]) =>
        fc
          .array(fc.uint8Array({ minLength: least, maxLength: Math.min(most, least + 200) }), {
            minLength: few,
            maxLength: Math.min(many, few + 3),
          })
          .map((values) => [tag, values] as const),
      ),
    )
    .map((fields) => new Map(fields.filter(([, values]) => values.length > 0)))

const request = fc
  .tuple(fc.constantFrom(...names), bytes(16), fc.maxSafeNat(), bytes(16), u32)
  .chain(([operation, requestId, time, keyId, generation]) =>
    fieldsOf(OPERATIONS[operation].request).map((fields) => ({
      ...{ operation, requestId, time, keyId, generation, fields },
    })),
  )
const answer = fc
  .tuple(fc.constantFrom(...names), fc.constantFrom(...OUTCOMES), bytes(16), u32)
  .chain(([operation, outcome, requestId, generation]) =>
    (outcome === 'done'
      ? fieldsOf(OPERATIONS[operation].answer)
      : fc.constant(new Map([[FIELD.point, [Uint8Array.of(3)]]]))
    ).map((fields) => ({ operation, outcome, requestId, generation, fields })),
  )

/** Whole ones with a few octets changed, cut or added, and anything. */
const damaged = (whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(
        whole,
        fc.array(fc.tuple(fc.oneof(fc.nat(70), fc.nat()), fc.nat(255)), { maxLength: 3 }),
        fc.option(fc.nat(), { nil: undefined, freq: 1 }),
        fc.constantFrom([], [], [], [0]),
      )
      .map(([good, changes, cut, added]) => {
        const kept = cut === undefined ? good : good.subarray(0, cut % (good.length + 1))
        const copy = new Uint8Array([...kept, ...added])
        for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value
        return copy
      }),
  )

/** What is read of `input` is written as `input` again; how often that was so. */
function assertCanonical(whole: fc.Arbitrary<Uint8Array>, again: (input: Uint8Array) => unknown) {
  let taken = 0
  fc.assert(
    fc.property(damaged(whole), (input) => {
      const written = again(input)
      if (written === undefined) return
      taken++
      assert.deepEqual(written, input)
    }),
    { seed: SEED, numRuns: 3000 },
  )
  assert.ok(taken > 100, String(taken))
}

describe('readCustodyRequest()', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(request, (one) => {
        assert.deepEqual(readCustodyRequest(writeCustodyRequest(one)), one)
      }),
      { seed: SEED },
    )
  })

  it('takes nothing but what it would write, and never throws', () => {
    assertCanonical(request.map(writeCustodyRequest), (input) => {
      const read = readCustodyRequest(input)
      return read && writeCustodyRequest(read)
    })
  })

  it('holds fields to their length, number and order', () => {
    const head = writeCustodyRequest({
      ...{ operation: 'list', requestId: new Uint8Array(16), time: 1, keyId: new Uint8Array(16) },
      ...{ generation: 0, fields: new Map() },
    })
    head[5] = OPERATIONS.prove.code
    const field = (tag: number, length: number) =>
      Uint8Array.of(tag, 0, 0, 0, length, ...new Uint8Array(length))
    const read = (...fields: Uint8Array[]) => readCustodyRequest(joinOctets(head, ...fields))
    assert.ok(read(field(FIELD.challenge, 32)) !== undefined)
    const bad = [
      [],
      [field(FIELD.challenge, 31)],
      [field(FIELD.challenge, 33)],
      [field(FIELD.challenge, 32), field(FIELD.challenge, 32)],
      [field(FIELD.challenge, 32), field(FIELD.session, 16)],
      [field(FIELD.session, 16), field(FIELD.challenge, 32)],
      [field(FIELD.challenge, 32).subarray(0, 36)],
    ]
    for (const fields of bad) assert.equal(read(...fields), undefined)
    const large = new Uint8Array(CUSTODY_MESSAGE_BYTES_MAX + 1)
    large.set(head)
    assert.equal(readCustodyRequest(large), undefined)
  })
})

describe('readCustodyAnswer()', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(answer, (one) => {
        assert.deepEqual(readCustodyAnswer(writeCustodyAnswer(one)), one)
      }),
      { seed: SEED },
    )
  })

  it('takes nothing but what it would write, and never throws', () => {
    assertCanonical(answer.map(writeCustodyAnswer), (input) => {
      const read = readCustodyAnswer(input)
      return read && writeCustodyAnswer(read)
    })
  })
})

const plan: fc.Arbitrary<CustodyPlan> = fc
  .tuple(
    fc.constantFrom('make' as const, 'reshare' as const, 'import' as const),
    fc.constantFrom(...Object.values(SCHEME)),
    fc.integer({ min: 2, max: 12 }),
    fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { minLength: 2, maxLength: 9 }),
    fc.tuple(bytes(16), bytes(16), bytes(32)),
    fc.integer({ min: 1, max: 2 ** 31 }),
  )
  .chain(([kind, scheme, n, dealers, [keyId, attempt, sealingKey], from]) =>
    fc.tuple(fc.integer({ min: 2, max: n }), fc.integer({ min: 1, max: 1000 })).map(
      ([threshold, more]): CustodyPlan => ({
        ...{ kind, scheme, keyId, threshold, attempt },
        generation: from + more,
        from: kind === 'reshare' ? from : 0,
        dealers: kind === 'import' ? [0] : dealers.sort((a, b) => a - b),
        receivers: Array.from({ length: n }, (_, i) => ({
          point: 2 * i + 1,
          node: keyId.map((octet) => octet ^ i),
          sealingKey,
        })),
      }),
    ),
  )
const wholePlan = plan.map((one) => joinOctets(writeCustodyPlan(one), new Uint8Array(64).fill(8)))

describe('readCustodyPlan()', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(plan, (one) => {
        const signed = writeCustodyPlan(one)
        const signature = new Uint8Array(64).fill(8)
        const read = readCustodyPlan(joinOctets(signed, signature))
        assert.deepEqual(read, { value: one, signed, signature })
      }),
      { seed: SEED },
    )
  })

  it('takes nothing but what it would write, and never throws', () => {
    assertCanonical(wholePlan, (input) => {
      const read = readCustodyPlan(input)
      return read && joinOctets(writeCustodyPlan(read.value), read.signature)
    })
  })

  it('takes no plan that contradicts itself', () => {
    const receivers = [1, 2, 3].map((point) => ({
      ...{ point, node: new Uint8Array(16).fill(point), sealingKey: new Uint8Array(32) },
    }))
    const good: CustodyPlan = {
      ...{ kind: 'reshare', scheme: SCHEME.ed25519, keyId: new Uint8Array(16), threshold: 2 },
      ...{ generation: 3, from: 2, attempt: new Uint8Array(16), dealers: [1, 3], receivers },
    }
    assert.ok(writeCustodyPlan(good).length < PLAN_BYTES_MAX)
    const [first = assert.fail(), ...others] = receivers
    const bad: readonly Partial<CustodyPlan>[] = [
      { threshold: 1 },
      { threshold: 4 },
      { generation: 2 },
      { from: 0 },
      { dealers: [3, 1] },
      { dealers: [1, 1] },
      { dealers: [1] },
      { dealers: [0, 1] },
      { kind: 'make' },
      { kind: 'import', from: 0 },
      { kind: 'make', from: 0, generation: 0 },
      { receivers: [...others, first] },
      { receivers: [first, { ...first, point: 2 }] },
      { receivers: [{ ...first, point: 0 }, ...others] },
    ]
    for (const change of bad) {
      assert.throws(() => writeCustodyPlan({ ...good, ...change }), RangeError)
    }
  })

  it('has room for as many holders and dealers as there are points', () => {
    const points = Array.from({ length: 255 }, (_, i) => i + 1)
    const bytesOf = writeCustodyPlan({
      ...{ kind: 'make', scheme: SCHEME.ed25519, keyId: new Uint8Array(16), threshold: 2 },
      ...{ generation: 1, from: 0, attempt: new Uint8Array(16), dealers: points },
      receivers: points.map((point) => ({
        ...{ point, node: new Uint8Array(16).fill(point), sealingKey: new Uint8Array(32) },
      })),
    })
    assert.ok(bytesOf.length + 64 <= PLAN_BYTES_MAX)
  })
})

describe('readNodeCard()', () => {
  it('reads what was written, and nothing of another length or kind', () => {
    const card = {
      node: new Uint8Array(16),
      sealingKey: new Uint8Array(32).fill(1),
      signingKey: new Uint8Array(32).fill(2),
    }
    const signed = writeNodeCard(card)
    const signature = new Uint8Array(64).fill(3)
    const whole = joinOctets(signed, signature)
    assert.equal(whole.length, CARD_BYTES)
    assert.deepEqual(readNodeCard(whole), { value: card, signed, signature })
    assertCanonical(fc.constant(whole), (input) => {
      const read = readNodeCard(input)
      return read && joinOctets(writeNodeCard(read.value), read.signature)
    })
  })
})

const deletion = fc.tuple(bytes(16), u32).map(([keyId, generation]) => ({ keyId, generation }))
const wholeDeletion = deletion.map((one) =>
  joinOctets(writeCustodyDeletion(one), new Uint8Array(64).fill(8)),
)

describe('readCustodyDeletion()', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(deletion, (one) => {
        const signed = writeCustodyDeletion(one)
        const signature = new Uint8Array(64).fill(8)
        const read = readCustodyDeletion(joinOctets(signed, signature))
        assert.deepEqual(read, { value: one, signed, signature })
        assert.equal(joinOctets(signed, signature).length, DELETION_BYTES)
      }),
      { seed: SEED },
    )
  })

  it('takes nothing but what it would write, and never throws', () => {
    assertCanonical(wholeDeletion, (input) => {
      const read = readCustodyDeletion(input)
      return read && joinOctets(writeCustodyDeletion(read.value), read.signature)
    })
  })
})
