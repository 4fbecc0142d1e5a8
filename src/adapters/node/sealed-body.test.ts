import assert from 'node:assert/strict'
import { createSecretKey, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SealedBodyOpener, SealedBodySealer } from './sealed-body.ts'

const SEED = 20_261_121
const bytes = (base64url: string): Buffer => Buffer.from(base64url, 'base64url')
const NONE = new Uint8Array(0)

/** Opens `body` in pieces of `size`. */
function open(opener: SealedBodyOpener, body: Uint8Array, size = body.length + 1): string {
  const pieces: Buffer[] = []
  for (let at = 0; at < body.length; at += size) {
    const piece = opener.push(body.subarray(at, at + size))
    if (typeof piece === 'string') return piece
    pieces.push(piece)
  }
  const last = opener.end()
  return typeof last === 'string' ? last : `=${Buffer.concat([...pieces, last]).toString('latin1')}`
}

const RFC_8188 = [
  {
    section: '3.1',
    ikm: 'yqdlZ-tYemfogSmv7Ws5PQ',
    keyId: '',
    body: 'I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg',
  },
  {
    section: '3.2',
    ikm: 'BO3ZVPxUlnLORbVGMpbT1Q',
    keyId: 'a1',
    body: 'uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA',
  },
]

describe('SealedBodyOpener', () => {
  for (const { section, ikm, keyId, body } of RFC_8188) {
    it(`opens the example of RFC 8188 section ${section}, in any pieces`, () => {
      for (const size of [1, 2, 7, 25, 100]) {
        const opener = new SealedBodyOpener(createSecretKey(bytes(ikm)), Buffer.from(keyId))
        assert.equal(open(opener, bytes(body), size), '=I am the walrus')
      }
    })
  }

  const ikm = createSecretKey(randomBytes(32))
  const keyId = randomBytes(20)
  const seal = (content: Uint8Array, recordBytes: number, piece = content.length + 1): Buffer => {
    const sealer = new SealedBodySealer(ikm, keyId, randomBytes(16), recordBytes)
    const pieces: Buffer[] = []
    for (let at = 0; at < content.length; at += piece) {
      pieces.push(sealer.push(content.subarray(at, at + piece)))
    }
    return Buffer.concat([...pieces, sealer.end()])
  }

  it(`opens what was sealed, of any length and in any pieces (seed ${SEED})`, () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 18, max: 120 }),
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 90 }),
        (content, recordBytes, written, read) => {
          const body = seal(content, recordBytes, written)
          const expected = `=${Buffer.from(content).toString('latin1')}`
          assert.equal(open(new SealedBodyOpener(ikm, keyId), body, read), expected)
        },
      ),
      { seed: SEED, numRuns: 500 },
    )
  })

  it('opens an empty body', () => {
    assert.equal(open(new SealedBodyOpener(ikm, keyId), seal(NONE, 65_536)), '=')
  })

  const body = seal(Buffer.from('I am the walrus, and I am more than one record'), 25)

  it('says body_keyid when it was sealed under another key', () => {
    const other = new SealedBodyOpener(ikm, Buffer.from('other'))
    assert.equal(open(other, body), 'body_keyid')
  })

  it('says body_auth when it was changed, or the key is another', () => {
    const changed = Buffer.from(body)
    changed[60] = (changed[60] as number) ^ 1
    assert.equal(open(new SealedBodyOpener(ikm, keyId), changed), 'body_auth')
    const other = new SealedBodyOpener(createSecretKey(randomBytes(32)), keyId)
    assert.equal(open(other, body), 'body_auth')
  })

  it('says body_truncated when whole records are cut off, or the header is not there', () => {
    const head = 16 + 5 + keyId.length
    assert.equal(
      open(new SealedBodyOpener(ikm, keyId), body.subarray(0, head + 25)),
      'body_truncated',
    )
    assert.equal(open(new SealedBodyOpener(ikm, keyId), body.subarray(0, head)), 'body_truncated')
    assert.equal(open(new SealedBodyOpener(ikm, keyId), body.subarray(0, 10)), 'body_truncated')
    assert.equal(open(new SealedBodyOpener(ikm, keyId), NONE), 'body_truncated')
  })

  it('says body_malformed when records are larger than is allowed, or too small', () => {
    const sized = (recordBytes: number): Buffer => {
      const copy = Buffer.from(body)
      copy.writeUInt32BE(recordBytes, 16)
      return copy
    }
    for (const size of [0, 17, 65_537, 2 ** 32 - 1]) {
      assert.equal(open(new SealedBodyOpener(ikm, keyId), sized(size)), 'body_malformed')
    }
  })

  it('refuses records that change places', () => {
    const head = 16 + 5 + keyId.length
    const swapped = Buffer.concat([
      ...[body.subarray(0, head), body.subarray(head + 25, head + 50)],
      ...[body.subarray(head, head + 25), body.subarray(head + 50)],
    ])
    assert.equal(open(new SealedBodyOpener(ikm, keyId), swapped), 'body_auth')
  })
})
