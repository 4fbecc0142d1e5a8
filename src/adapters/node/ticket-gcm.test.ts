import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TAG_BYTES, TicketGcm } from './ticket-gcm.ts'

const SEED = 20_261_122
const hex = (text: string) => Buffer.from(text, 'hex')
const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength })
const anyMessage = fc.tuple(bytes(32), bytes(12), bytes(0, 16), bytes(1, 1008))

function byOpenSsl(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

describe('TicketGcm', () => {
  it("passes test cases 14 and 15 of GCM's specification (McGrew and Viega)", () => {
    const cases = [
      [
        '00'.repeat(32),
        '00'.repeat(12),
        '00'.repeat(16),
        'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919',
      ],
      [
        'feffe9928665731c6d6a8f9467308308'.repeat(2),
        'cafebabefacedbaddecaf888',
        'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72' +
          '1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255',
        '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa' +
          '8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad' +
          'b094dac5d93471bdec1a502270e3cc6c',
      ],
    ] as const
    for (const [key, nonce, plain, sealed] of cases) {
      const gcm = new TicketGcm(hex(key))
      assert.equal(gcm.seal(hex(nonce), Buffer.of(), hex(plain)).toString('hex'), sealed)
    }
  })

  it('seals as OpenSSL does, and opens that', () => {
    fc.assert(
      fc.property(anyMessage, ([key, nonce, aad, plain]) => {
        const gcm = new TicketGcm(key)
        const sealed = byOpenSsl(key, nonce, aad, plain)
        assert.deepEqual(gcm.seal(nonce, aad, plain), sealed)
        const end = sealed.length - TAG_BYTES
        const opened = gcm.open(nonce, aad, sealed.subarray(0, end), sealed.subarray(end))
        assert.deepEqual(opened, Buffer.from(plain))
      }),
      { seed: SEED, numRuns: 1000 },
    )
  })

  it('opens nothing of which a bit is another', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), fc.integer({ min: 0, max: 7 }), (message, place, bit) => {
        const [key, nonce, aad, plain] = message
        const sealed = byOpenSsl(key, nonce, aad, plain)
        const whole = Buffer.concat([nonce, aad, sealed])
        const at = place % whole.length
        whole[at] = (whole[at] as number) ^ (1 << bit)
        const textAt = 12 + aad.length
        const parts = [
          ...[whole.subarray(0, 12), whole.subarray(12, textAt)],
          ...[whole.subarray(textAt, -TAG_BYTES), whole.subarray(-TAG_BYTES)],
        ] as const
        const [toNonce, toAad, toText, toTag] = parts as [Buffer, Buffer, Buffer, Buffer]
        assert.equal(new TicketGcm(key).open(toNonce, toAad, toText, toTag), undefined)
      }),
      { seed: SEED, numRuns: 1000 },
    )
  })

  it('opens nothing with a tag cut short, or under another key', () => {
    const [key, nonce, aad, plain] = [32, 12, 5, 200].map((n) => randomBytes(n)) as [
      ...[Buffer, Buffer, Buffer, Buffer],
    ]
    const sealed = byOpenSsl(key, nonce, aad, plain)
    const [text, tag] = [sealed.subarray(0, -TAG_BYTES), sealed.subarray(-TAG_BYTES)]
    const gcm = new TicketGcm(key)
    assert.equal(gcm.open(nonce, aad, text, tag.subarray(0, 12)), undefined)
    assert.equal(new TicketGcm(randomBytes(32)).open(nonce, aad, text, tag), undefined)
    // Keys take turns.
    assert.deepEqual(Buffer.from(gcm.open(nonce, aad, text, tag) ?? assert.fail()), plain)
  })

  it('takes what fits its memory, under keys of 32 bytes', () => {
    const gcm = new TicketGcm(randomBytes(32))
    const [nonce, aad] = [Buffer.alloc(12), Buffer.alloc(5)]
    assert.throws(() => new TicketGcm(Buffer.alloc(16)), RangeError)
    assert.throws(() => gcm.seal(nonce, aad, Buffer.alloc(0)), RangeError)
    assert.throws(() => gcm.seal(nonce, aad, Buffer.alloc(1009)), RangeError)
    assert.throws(() => gcm.seal(nonce, Buffer.alloc(17), Buffer.alloc(1)), RangeError)
    assert.throws(() => gcm.seal(Buffer.alloc(11), aad, Buffer.alloc(1)), RangeError)
  })
})
