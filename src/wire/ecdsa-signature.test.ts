import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { rawEcdsaSignature } from './ecdsa-signature.ts'

const SEED = 11764952
const number = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .chain((octets) => fc.nat(32).map((zeroes) => octets.fill(0, 0, zeroes)))

/** As X.690 says, of 32 octets. */
function integer(octets: Uint8Array): number[] {
  const digits = [...octets]
  while (digits.length > 1 && digits[0] === 0) digits.shift()
  if ((digits[0] ?? 0) >= 0x80) digits.unshift(0)
  return [2, digits.length, ...digits]
}

function der(r: Uint8Array, s: Uint8Array): Uint8Array {
  const inner = [...integer(r), ...integer(s)]
  return Uint8Array.from([0x30, inner.length, ...inner])
}

describe('rawEcdsaSignature()', () => {
  it('turns what OpenSSL signs into what it verifies in the other form', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    for (let i = 0; i < 300; i++) {
      const message = Buffer.from(`message ${i}`)
      const raw = rawEcdsaSignature(sign('sha256', message, privateKey)) ?? assert.fail()
      const how = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
      assert.ok(verify('sha256', message, how, raw))
    }
  })

  it('reads each pair of positive numbers, however short', () => {
    fc.assert(
      fc.property(number, number, (r, s) => {
        const isZero = [r, s].some((one) => one.every((octet) => octet === 0))
        const raw = rawEcdsaSignature(der(r, s))
        if (isZero) assert.equal(raw, undefined)
        else assert.deepEqual(raw, Uint8Array.from([...r, ...s]))
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })

  it('takes one form only for a pair, whatever is changed', () => {
    const changed = fc
      .tuple(number, number, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }))
      .map(([r, s, changes]) => {
        const bytes = der(r, s)
        for (const [at, octet] of changes) bytes[at % bytes.length] = octet
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 80 })), (bytes) => {
        const raw = rawEcdsaSignature(bytes)
        if (raw !== undefined) assert.deepEqual(der(raw.subarray(0, 32), raw.subarray(32)), bytes)
      }),
      { seed: SEED, numRuns: 5000 },
    )
  })
})
