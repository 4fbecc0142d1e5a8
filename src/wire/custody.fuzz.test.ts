import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { toHex } from '../ground/hex.ts'
import {
  type CustodyManifest,
  readCustodyManifest,
  sealCustodyManifest,
  writeCustodyManifest,
} from './custody-manifest.ts'
import {
  readShareRecord,
  SCHEME,
  SECRET_BYTES_MAX,
  writeShareHeader,
  writeShareRecord,
} from './share-record.ts'

const SEED = 11764948
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const schemes = fc.constantFrom(...Object.values(SCHEME))
/** n and t. */
const sharing = fc
  .integer({ min: 2, max: 255 })
  .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 2, max: n })))

/** Anything, and whole things with a few octets changed, cut or added. */
const damaged = (whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .tuple(
        whole,
        fc.array(fc.tuple(fc.oneof(fc.nat(90), fc.nat()), fc.nat(255)), { maxLength: 3 }),
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

const record = fc
  .tuple(schemes, sharing, fc.integer({ min: 1, max: 255 }), u32, fc.nat(100), bytes(60))
  .chain(([scheme, [holders, threshold], point, generation, secret, chance]) => {
    const header = {
      scheme,
      keyId: chance.subarray(0, 16),
      generation,
      holders,
      threshold,
      point,
      node: chance.subarray(16, 32),
      wrappingKey: chance.subarray(32, 48),
    }
    const length = scheme === SCHEME.octets ? secret + 34 : 32
    return bytes(length).map((ciphertext) => ({
      header,
      sealed: { nonce: chance.subarray(48, 60), ciphertext, tag: chance.subarray(3, 19) },
    }))
  })
const wholeRecord = record.map(({ header, sealed }) =>
  writeShareRecord(writeShareHeader(header), sealed),
)

const manifest: fc.Arbitrary<CustodyManifest> = fc
  .tuple(schemes, sharing, u32, fc.nat(), bytes(16))
  .chain(([scheme, [n, threshold], generation, dealt, keyId]) =>
    fc
      .tuple(
        fc.uniqueArray(fc.integer({ min: 1, max: 255 }), { minLength: n, maxLength: n }),
        fc.uniqueArray(bytes(16), { minLength: n, maxLength: n, selector: toHex }),
        bytes(32),
        bytes(8),
      )
      .map(([points, nodes, commitment, checkValue]) => {
        const isOctets = scheme === SCHEME.octets
        const count = isOctets ? n : threshold
        return {
          scheme,
          keyId,
          generation,
          dealt: dealt % (generation + 1),
          threshold,
          holders: points
            .sort((a, b) => a - b)
            .map((point, i) => ({ point, node: nodes[i] as Uint8Array })),
          commitments: Array.from({ length: count }, (_, i) => commitment.map((o) => o ^ i)),
          checkValue: isOctets ? checkValue : undefined,
        }
      }),
  )
const wholeManifest = manifest.map((one) =>
  sealCustodyManifest(writeCustodyManifest(one), new Uint8Array(64).fill(7)),
)

describe('readShareRecord()', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(record, ({ header, sealed }) => {
        const head = writeShareHeader(header)
        const read = readShareRecord(writeShareRecord(head, sealed))
        assert.deepEqual(read, { ...header, ...sealed, aad: head })
      }),
      { seed: SEED },
    )
  })

  it('takes nothing but what it would write, and never throws', () => {
    let taken = 0
    fc.assert(
      fc.property(damaged(wholeRecord), (input) => {
        const read = readShareRecord(input)
        if (read === undefined) return
        taken++
        assert.deepEqual(writeShareRecord(writeShareHeader(read), read), input)
      }),
      { seed: SEED, numRuns: 3000 },
    )
    assert.ok(taken > 100)
  })

  it('refuses secrets beyond the limit, and of nothing', () => {
    const header = {
      scheme: SCHEME.octets,
      keyId: new Uint8Array(16),
      generation: 1,
      holders: 5,
      threshold: 3,
      point: 1,
      node: new Uint8Array(16),
      wrappingKey: new Uint8Array(16),
    }
    const read = (length: number) => {
      const ciphertext = new Uint8Array(length)
      const sealed = { nonce: new Uint8Array(12), ciphertext, tag: new Uint8Array(16) }
      return readShareRecord(writeShareRecord(writeShareHeader(header), sealed))
    }
    assert.ok(read(SECRET_BYTES_MAX + 33) !== undefined)
    assert.equal(read(SECRET_BYTES_MAX + 34), undefined)
    assert.equal(read(33), undefined)
  })
})

describe('readCustodyManifest()', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(manifest, (one) => {
        const signed = writeCustodyManifest(one)
        const signature = new Uint8Array(64).fill(9)
        const read = readCustodyManifest(sealCustodyManifest(signed, signature))
        assert.deepEqual(read, { manifest: one, signed, signature })
      }),
      { seed: SEED },
    )
  })

  it('takes nothing but what it would write, and never throws', () => {
    let taken = 0
    fc.assert(
      fc.property(damaged(wholeManifest), (input) => {
        const read = readCustodyManifest(input)
        if (read === undefined) return
        taken++
        const again = sealCustodyManifest(writeCustodyManifest(read.manifest), read.signature)
        assert.deepEqual(again, input)
      }),
      { seed: SEED, numRuns: 1000 },
    )
    assert.ok(taken > 100)
  })
})

describe('writeCustodyManifest()', () => {
  it('throws for a node or a point twice, commitments too few, and a check value of a group', () => {
    const node = (n: number) => new Uint8Array(16).fill(n)
    const good: CustodyManifest = {
      scheme: SCHEME.ed25519,
      keyId: new Uint8Array(16),
      generation: 2,
      dealt: 1,
      threshold: 2,
      holders: [1, 2, 3].map((point) => ({ point, node: node(point) })),
      commitments: [node(1), node(2)].map((half) => new Uint8Array([...half, ...half])),
      checkValue: undefined,
    }
    assert.ok(writeCustodyManifest(good).length > 0)
    const holders = (points: number[], nodes: number[]) =>
      points.map((point, i) => ({ point, node: node(nodes[i] ?? 0) }))
    const bad: readonly Partial<CustodyManifest>[] = [
      { holders: holders([1, 2, 3], [1, 2, 1]) },
      { holders: holders([1, 1, 3], [1, 2, 3]) },
      { holders: holders([3, 2, 1], [1, 2, 3]) },
      { holders: holders([0, 2, 3], [1, 2, 3]) },
      { threshold: 4 },
      { threshold: 1 },
      { dealt: 3 },
      { commitments: good.commitments.slice(1) },
      { checkValue: new Uint8Array(8) },
      { scheme: SCHEME.octets },
    ]
    for (const change of bad) {
      assert.throws(() => writeCustodyManifest({ ...good, ...change }), RangeError)
    }
  })
})
