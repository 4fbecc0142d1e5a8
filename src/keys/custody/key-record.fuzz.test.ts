import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { CataloguedKey } from './catalogued-key.ts'
import {
  KEY_RECORD_CHARS_MAX,
  keyRecordToSign,
  readKeyRecord,
  writeKeyRecord,
} from './key-record.ts'
import { KEY_TYPES, type KeyType } from './key-type.ts'

const SEED = 11764951
const RUNS = { seed: SEED, numRuns: 1000 }
const hexDigits = (length: number) =>
  fc
    .uint8Array({ minLength: length / 2, maxLength: length / 2 })
    .map((octets) => Buffer.from(octets).toString('hex'))

const keys: fc.Arbitrary<CataloguedKey> = fc
  .record({
    name: fc.stringMatching(/^\w(?:[\w.-]{0,98}\w)?$/),
    type: fc.constantFrom(...(Object.keys(KEY_TYPES) as KeyType[])),
    serial: fc.integer({ min: 1, max: 2 ** 40 }),
    isDeleted: fc.boolean(),
    isDerived: fc.boolean(),
    deletionAllowed: fc.boolean(),
    first: fc.nat(5),
    count: fc.integer({ min: 1, max: 4 }),
    minima: fc.tuple(fc.nat(3), fc.nat(3)),
    mark: hexDigits(16),
    publicKey: fc.uint8Array({ minLength: 32, maxLength: 91 }),
    signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  })
  .map(({ first, count, minima, mark, publicKey, signature: _, ...rest }) => {
    const from = Math.max(1, first)
    const shown = KEY_TYPES[rest.type].hasPublicKey ? publicKey : new Uint8Array()
    const versions = Array.from({ length: rest.isDeleted ? 0 : count }, (_one, i) => ({
      ...{ version: from + i, createdAt: i, mark, publicKey: shown },
    }))
    const within = (of: number): number => Math.min(of, count - 1)
    return {
      ...rest,
      minAvailable: rest.isDeleted ? 0 : first,
      minDecryption: from + within(minima[0]),
      minEncryption: within(minima[1]) === 0 ? 0 : from + within(minima[1]),
      versions,
    }
  })
const SIGNATURE = new Uint8Array(64).fill(7)

describe('readKeyRecord()', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(keys, (key) => {
        const read = readKeyRecord(writeKeyRecord(key, SIGNATURE))
        assert.deepEqual(read?.key, key)
        assert.deepEqual(read.signature, SIGNATURE)
        assert.deepEqual(read.signed, keyRecordToSign(key))
      }),
      RUNS,
    )
  })

  it('reads nothing else: what is read has one text only', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.constantFrom(...'0129af{}[]",: \n-truefalse\u00e9'),
      fc.boolean(),
    )
    const changed = fc
      .tuple(keys, fc.array(change, { minLength: 1, maxLength: 3 }))
      .map(([key, changes]) => {
        let text = writeKeyRecord(key, SIGNATURE)
        for (const [at, char, isAdded] of changes) {
          const i = at % (text.length + 1)
          text = text.slice(0, i) + char + text.slice(isAdded ? i : i + 1)
        }
        return text
      })
    fc.assert(
      fc.property(fc.oneof(changed, fc.json(), fc.string()), (text) => {
        const read = readKeyRecord(text)
        if (read !== undefined) assert.equal(writeKeyRecord(read.key, read.signature), text)
      }),
      RUNS,
    )
  })

  const key: CataloguedKey = {
    ...{ name: 'a', type: 'hmac', serial: 1, isDeleted: false, isDerived: false },
    ...{ deletionAllowed: false, minAvailable: 0, minDecryption: 1, minEncryption: 0 },
    versions: [{ version: 1, createdAt: 5, mark: '0'.repeat(16), publicKey: new Uint8Array() }],
  }
  const [version] = key.versions
  const bad: Readonly<Record<string, Partial<CataloguedKey>>> = {
    'no version': { versions: [] },
    'a version when deleted': { isDeleted: true },
    'a gap': {
      versions: version === undefined ? [] : [version, { ...version, version: 3 }],
    },
    'a first version that was not trimmed to': {
      versions: version === undefined ? [] : [{ ...version, version: 2 }],
      minDecryption: 2,
    },
    'a minimum above the latest': { minDecryption: 2 },
    'a minimum that is no number': { minEncryption: 0.5 },
    'a public key of a type without': {
      versions: version === undefined ? [] : [{ ...version, publicKey: Uint8Array.of(1) }],
    },
    'no public key of a type with one': { type: 'ed25519' },
    'a name that is a path': { name: 'a/b' },
    'serial 0': { serial: 0 },
  }
  assert.ok(readKeyRecord(writeKeyRecord(key, SIGNATURE)))
  for (const [name, change] of Object.entries(bad)) {
    it(`refuses ${name}`, () => {
      assert.throws(() => writeKeyRecord({ ...key, ...change }, SIGNATURE), RangeError)
    })
  }

  it('refuses what is too long, before it is parsed', () => {
    assert.equal(readKeyRecord(' '.repeat(KEY_RECORD_CHARS_MAX + 1)), undefined)
  })
})
