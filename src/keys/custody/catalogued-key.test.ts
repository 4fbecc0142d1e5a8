import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type CataloguedKey,
  configured,
  deleted,
  KEY_NAME,
  type KeyChange,
  type KeyVersion,
  labelOf,
  latestOf,
  newKey,
  rotated,
  trimmed,
  VERSIONS_MAX,
  versionToRead,
  versionToWrite,
} from './catalogued-key.ts'
import { writeKeyLabel } from './key-label.ts'

const SEED = 11764950
const made = (version: number): KeyVersion => ({
  ...{ version, createdAt: 1000 * version, mark: '00112233445566ff' },
  publicKey: new Uint8Array(32).fill(version),
})
const FIRST = newKey('card', 'ristretto255-hpke', false, made(1), 1)

function ofChange(change: KeyChange): CataloguedKey {
  return change.kind === 'changed' ? change.key : assert.fail(change.why)
}

/** With so many versions. */
function withVersions(count: number): CataloguedKey {
  let key = FIRST
  while (latestOf(key) < count) key = ofChange(rotated(key, made(latestOf(key) + 1)))
  return key
}

describe('rotated()', () => {
  it('adds the next version and no other', () => {
    const key = withVersions(3)
    assert.deepEqual(
      key.versions.map(({ version }) => version),
      [1, 2, 3],
    )
    assert.equal(key.serial, 3)
    for (const other of [3, 5]) assert.equal(rotated(key, made(other)).kind, 'refused')
  })

  it('ends where a record would be too long', () => {
    const key = withVersions(VERSIONS_MAX)
    assert.equal(rotated(key, made(VERSIONS_MAX + 1)).kind, 'refused')
    const set = ofChange(configured(key, { minDecryption: 2, minEncryption: 2 }))
    assert.equal(rotated(ofChange(trimmed(set, 2)), made(VERSIONS_MAX + 1)).kind, 'changed')
  })
})

describe('configured()', () => {
  const key = withVersions(4)
  const cases = [
    [{ minDecryption: 4, minEncryption: 4 }, 'changed'],
    [{ minDecryption: 0 }, 'changed'],
    [{ minDecryption: 5 }, 'refused'],
    [{ minEncryption: 5 }, 'refused'],
    [{ minDecryption: 3, minEncryption: 2 }, 'refused'],
    [{ minDecryption: 3, minEncryption: 0 }, 'changed'],
    [{ deletionAllowed: true }, 'changed'],
  ] as const
  for (const [settings, kind] of cases) {
    it(`${JSON.stringify(settings)}: ${kind}`, () => {
      assert.equal(configured(key, settings).kind, kind)
    })
  }

  it('leaves alone what is not said', () => {
    const set = ofChange(configured(key, { minDecryption: 2, deletionAllowed: true }))
    const more = ofChange(configured(set, { minEncryption: 3 }))
    assert.deepEqual(
      [more.minDecryption, more.minEncryption, more.deletionAllowed, more.serial],
      [2, 3, true, key.serial + 2],
    )
  })
})

describe('trimmed()', () => {
  const key = withVersions(4)
  const set = ofChange(configured(key, { minDecryption: 2, minEncryption: 3 }))

  it('takes versions away that nothing may be done with', () => {
    const trim = ofChange(trimmed(set, 2))
    assert.deepEqual(
      trim.versions.map(({ version }) => version),
      [2, 3, 4],
    )
    assert.equal(trim.minAvailable, 2)
    assert.equal(configured(trim, { minDecryption: 1 }).kind, 'refused')
    assert.equal(trimmed(trim, 1).kind, 'refused')
  })

  it('takes away no others', () => {
    for (const [from, to] of [
      [key, 1],
      [set, 3],
      [set, 0],
    ] as const) {
      assert.equal(trimmed(from, to).kind, 'refused')
    }
  })
})

describe('deleted()', () => {
  it('is only for keys that may be, and leaves a record without versions', () => {
    assert.equal(deleted(FIRST).kind, 'refused')
    const key = ofChange(deleted(ofChange(configured(FIRST, { deletionAllowed: true }))))
    assert.deepEqual([key.isDeleted, key.versions, key.serial], [true, [], 3])
  })
})

describe('versionToWrite(), versionToRead()', () => {
  it('never choose what the minima forbid, whatever was changed before', () => {
    const change = fc.oneof(
      fc.constant((key: CataloguedKey) => rotated(key, made(latestOf(key) + 1))),
      fc.tuple(fc.nat(6), fc.nat(6)).map(
        ([minDecryption, minEncryption]) =>
          (key: CataloguedKey) =>
            configured(key, { minDecryption, minEncryption }),
      ),
      fc.nat(6).map((at) => (key: CataloguedKey) => trimmed(key, at)),
    )
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), fc.nat(8), (changes, wanted) => {
        let key = FIRST
        for (const one of changes) {
          const next = one(key)
          if (next.kind === 'changed') key = next.key
        }
        const write = versionToWrite(key, wanted)
        if (write.kind === 'chosen') {
          const { version } = write.version
          assert.equal(version, wanted === 0 ? latestOf(key) : wanted)
          assert.ok(version >= key.minEncryption && version >= key.minDecryption)
        }
        // The latest can always be written with, and what was written be read.
        assert.equal(versionToWrite(key, 0).kind, 'chosen')
        const read = versionToRead(key, wanted, 'ciphertext')
        const isIn = wanted >= key.minDecryption && wanted <= latestOf(key)
        assert.equal(read.kind === 'chosen', isIn)
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })
})

describe('labelOf()', () => {
  it('takes the longest name there may be', () => {
    const name = 'n'.repeat(100)
    assert.match(name, KEY_NAME)
    const label = labelOf({ name, type: 'derive' }, made(2 ** 32 - 1))
    assert.deepEqual(label.name, `transit/${name}/00112233445566ff`)
    assert.ok(writeKeyLabel(label).length > 100)
  })

  it('is of names as Vault takes them', () => {
    for (const name of ['a', 'a.b-c_d', '_', '0.0']) assert.match(name, KEY_NAME)
    for (const name of ['', '-a', 'a-', 'a/b', '..', 'a b', 'ä', 'n'.repeat(101), 'a\n']) {
      assert.doesNotMatch(name, KEY_NAME)
    }
  })
})
