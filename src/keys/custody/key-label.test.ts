import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { toHex } from '../../ground/hex.ts'
import { SCHEME } from '../../wire/share-record.ts'
import { keyIdOf, readKeyLabel, schemeOf, writeKeyLabel } from './key-label.ts'

const SEED = 11764948
const uses = fc.constantFrom('sign', 'open', 'derive', 'encrypt', 'mac', 'sign-assembled' as const)

describe('readKeyLabel()', () => {
  it('reads what was written', () => {
    const labels = fc.record({
      use: uses,
      version: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      name: fc.string({ minLength: 1, maxLength: 128, unit: fc.constantFrom(...'aZ09/._-~!') }),
    })
    fc.assert(
      fc.property(labels, (label) => {
        assert.deepEqual(readKeyLabel(writeKeyLabel(label)), { ...label })
      }),
      { seed: SEED },
    )
  })

  it('takes nothing but what it would write, and never throws', () => {
    let taken = 0
    const start = fc.tuple(fc.nat(7), fc.nat(1), fc.nat(1))
    const inputs = fc
      .tuple(start, fc.uint8Array({ maxLength: 140 }), fc.boolean())
      .map(([[use, high, low], rest, isText]) =>
        Uint8Array.of(use, high, 0, 0, low, ...rest.map((o) => (isText ? 33 + (o % 94) : o))),
      )
    fc.assert(
      fc.property(fc.oneof(inputs, fc.uint8Array({ maxLength: 6 })), (input) => {
        const label = readKeyLabel(input)
        if (label === undefined) return
        taken++
        assert.deepEqual(writeKeyLabel(label), input)
      }),
      { seed: SEED, numRuns: 2000 },
    )
    assert.ok(taken > 100)
  })
})

describe('writeKeyLabel()', () => {
  it('throws for names and versions that are none', () => {
    for (const name of ['', ' ', 'a b', 'ä', 'a\n', 'a'.repeat(129)]) {
      assert.throws(() => writeKeyLabel({ use: 'sign', version: 1, name }), RangeError)
    }
    for (const version of [0, -1, 1.5, 2 ** 32, Number.NaN]) {
      assert.throws(() => writeKeyLabel({ use: 'sign', version, name: 'a' }), RangeError)
    }
  })
})

describe('keyIdOf()', () => {
  it('tells use, version and name apart', () => {
    const label = { use: 'open', version: 1, name: 'box' } as const
    const ids = [
      label,
      { ...label, use: 'derive' as const },
      { ...label, version: 2 },
      { ...label, name: 'bo' },
    ].map((one) => toHex(keyIdOf(writeKeyLabel(one))))
    assert.equal(new Set(ids).size, 4)
    // printf 'limen/lcu/1 key\0\2\0\0\0\1box' | sha256sum
    assert.equal(ids[0], '4e1c2cddda0cab576330dbd0a1e0282c')
  })
})

describe('schemeOf()', () => {
  it('says what shares such a key has', () => {
    assert.equal(schemeOf('sign'), SCHEME.ed25519)
    assert.equal(schemeOf('open'), SCHEME.ristretto255)
    assert.equal(schemeOf('derive'), SCHEME.ristretto255)
    for (const use of ['encrypt', 'mac', 'sign-assembled'] as const) {
      assert.equal(schemeOf(use), SCHEME.octets)
    }
  })
})
