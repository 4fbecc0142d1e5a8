import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  recordContent,
  recordNonce,
  SealedBodyReader,
  SealedBodyWriter,
  writeSealedBodyHeader,
} from './sealed-body.ts'

const SEED = 20_261_121
const salt = Uint8Array.from({ length: 16 }, (_, i) => i)
const pieces = fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 8 })

describe('SealedBodyReader', () => {
  it(`takes anything, in any pieces, without an exception, and holds one record (seed ${SEED})`, () => {
    const whole = fc
      .tuple(fc.integer({ min: 18, max: 64 }), fc.uint8Array({ maxLength: 255 }), pieces)
      .map(([recordBytes, keyId, rest]) => [
        writeSealedBodyHeader({ salt, recordBytes, keyId }),
        ...rest,
      ])
    fc.assert(
      fc.property(fc.oneof(pieces, whole), (given) => {
        const reader = new SealedBodyReader({ recordBytesMax: 64 })
        let bytes = 0
        for (const piece of given) {
          const records = reader.push(piece)
          if (typeof records === 'string') return assert.equal(records, 'body_malformed')
          bytes += piece.length
          for (const record of records) {
            assert.equal(record.bytes.length, reader.header?.recordBytes)
            assert.equal(record.isLast, false)
            bytes -= record.bytes.length
          }
        }
        const last = reader.end()
        if (typeof last === 'string') return assert.equal(last, 'body_truncated')
        const { keyId } = reader.header ?? { keyId: new Uint8Array(0) }
        assert.equal(last.bytes.length, bytes - 21 - keyId.length)
        assert.ok(last.bytes.length <= 64)
      }),
      { seed: SEED, numRuns: 3000 },
    )
  })

  it('reads the header that was written', () => {
    const keyId = Uint8Array.of(1, 2, 3)
    const reader = new SealedBodyReader()
    reader.push(writeSealedBodyHeader({ salt, recordBytes: 4096, keyId }))
    assert.deepEqual(reader.header, { salt, recordBytes: 4096, keyId })
  })
})

describe('SealedBodyWriter', () => {
  it('cuts full records, and a last one that may be full too', () => {
    const writer = new SealedBodyWriter(18)
    const cut = [...writer.push(Uint8Array.of(7, 8, 9)), writer.end()]
    assert.deepEqual(
      cut.map(({ sequence, plain }) => [sequence, ...plain]),
      [
        [0, 7, 1],
        [1, 8, 1],
        [2, 9, 2],
      ],
    )
    assert.throws(() => new SealedBodyWriter(17), RangeError)
  })
})

describe('recordContent()', () => {
  it('is what comes before the delimiter, whatever the padding', () => {
    assert.deepEqual(recordContent(Uint8Array.of(5, 1, 0, 0), false), Uint8Array.of(5))
    assert.deepEqual(recordContent(Uint8Array.of(5, 0, 2), true), Uint8Array.of(5, 0))
    assert.deepEqual(recordContent(Uint8Array.of(2), true), new Uint8Array(0))
  })

  it('is none without the right delimiter', () => {
    assert.equal(recordContent(new Uint8Array(4), false), 'body_malformed')
    assert.equal(recordContent(new Uint8Array(0), true), 'body_malformed')
    assert.equal(recordContent(Uint8Array.of(5, 3), true), 'body_malformed')
    assert.equal(recordContent(Uint8Array.of(5, 2), false), 'body_malformed')
    assert.equal(recordContent(Uint8Array.of(5, 1), true), 'body_truncated')
  })
})

describe('recordNonce()', () => {
  it('has the sequence number in its last bytes', () => {
    const base = new Uint8Array(12).fill(0xff)
    assert.deepEqual(recordNonce(base, 1), Uint8Array.of(...Array(11).fill(255), 254))
    const far = recordNonce(new Uint8Array(12), 2 ** 32 + 5)
    assert.deepEqual(far, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5))
  })
})

describe('writeSealedBodyHeader()', () => {
  it('refuses what a header cannot say', () => {
    const good = { salt, recordBytes: 18, keyId: new Uint8Array(255) }
    assert.equal(writeSealedBodyHeader(good).length, 276)
    for (const bad of [
      { salt: salt.subarray(1) },
      { recordBytes: 17 },
      { recordBytes: 2 ** 32 },
      { keyId: new Uint8Array(256) },
    ]) {
      assert.throws(() => writeSealedBodyHeader({ ...good, ...bad }), RangeError)
    }
  })
})
