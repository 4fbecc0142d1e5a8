import assert from 'node:assert/strict'
import { createCipheriv, createSecretKey } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KEYSTREAM_BYTES_MAX, keystreamBytes, PacketGcm } from './packet-gcm.ts'

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
/** Lengths at which blocks and groups of them end, and any. */
const length = (max: number) =>
  fc.oneof(
    fc
      .nat({ max: Math.floor(max / 16) })
      .chain((n) =>
        fc.integer({ min: -1, max: 1 }).map((by) => Math.min(max, Math.max(0, 16 * n + by))),
      ),
    fc.nat({ max }),
  )
const text = (max: number) => length(max).chain(octets)

function byOpenSsl(key: Uint8Array, nonce: Uint8Array, header: Uint8Array, plain: Uint8Array) {
  const cipher = createCipheriv('aes-128-gcm', key, nonce)
  cipher.setAAD(header)
  return Buffer.concat([header, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function sealed(gcm: PacketGcm, nonce: Uint8Array, header: Uint8Array, plain: Uint8Array): Buffer {
  const packet = Buffer.concat([header, plain])
  const to = Buffer.alloc(packet.length + 16)
  const keystream = gcm.keystreams(1, keystreamBytes(plain.length), () => nonce)
  gcm.seal(packet, header.length, keystream, 0, to)
  assert.deepEqual(packet, Buffer.concat([header, plain]))
  return to
}

describe('PacketGcm', () => {
  it('seals as OpenSSL does, for several keys in turn', () => {
    const keys = [1, 2, 3].map((fill) => Buffer.alloc(16, fill))
    const gcms = keys.map((key) => new PacketGcm(createSecretKey(key)))
    fc.assert(
      fc.property(
        fc.nat({ max: 2 }),
        octets(12),
        text(100),
        text(1500),
        (i, nonce, header, plain) => {
          const key = keys[i] as Buffer
          const ours = sealed(gcms[i] as PacketGcm, nonce, header, plain)
          assert.deepEqual(ours, byOpenSsl(key, nonce, header, plain))
        },
      ),
      { seed: 7714, numRuns: 2000 },
    )
  })

  it('takes any key', () => {
    fc.assert(
      fc.property(octets(16), octets(12), text(64), text(300), (key, nonce, header, plain) => {
        const ours = sealed(new PacketGcm(createSecretKey(key)), nonce, header, plain)
        assert.deepEqual(ours, byOpenSsl(key, nonce, header, plain))
      }),
      { seed: 38, numRuns: 300 },
    )
  })

  it('seals the longest datagram, all of it text or nearly all header', () => {
    const key = Buffer.alloc(16, 5)
    const gcm = new PacketGcm(createSecretKey(key))
    const nonce = Buffer.alloc(12, 6)
    const datagram = Buffer.alloc(65_507, 7).map((_, i) => i % 251)
    for (const headerBytes of [0, 12, 65_507]) {
      const [header, plain] = [datagram.subarray(0, headerBytes), datagram.subarray(headerBytes)]
      assert.deepEqual(sealed(gcm, nonce, header, plain), byOpenSsl(key, nonce, header, plain))
    }
  })

  it('opens what OpenSSL sealed, and nothing else', () => {
    const key = Buffer.alloc(16, 9)
    const gcm = new PacketGcm(createSecretKey(key))
    fc.assert(
      fc.property(octets(12), text(40), text(600), fc.nat(), (nonce, header, plain, n) => {
        const packet = byOpenSsl(key, nonce, header, plain)
        const tagAt = packet.length - 16
        const keystream = gcm.keystreams(1, keystreamBytes(plain.length), () => nonce)
        const changed = Buffer.from(packet)
        const bit = n % (8 * packet.length)
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
        const before = Buffer.from(changed)
        assert.equal(gcm.open(changed, header.length, tagAt, keystream, 0), false)
        assert.deepEqual(changed, before)
        assert.equal(gcm.open(packet, header.length, tagAt, keystream, 0), true)
        assert.deepEqual(packet.subarray(0, tagAt), Buffer.concat([header, plain]))
      }),
      { seed: 16, numRuns: 500 },
    )
  })

  it('makes keystreams of several packets as of each alone', () => {
    const gcm = new PacketGcm(createSecretKey(Buffer.alloc(16, 3)))
    const nonceOf = (i: number) => Buffer.alloc(12, i)
    const together = gcm.keystreams(5, 96, nonceOf)
    const alone = [0, 1, 2, 3, 4].map((i) => gcm.keystreams(1, 96, () => nonceOf(i)))
    assert.deepEqual(together, Buffer.concat(alone))
    assert.throws(() => gcm.keystreams(2, KEYSTREAM_BYTES_MAX, nonceOf), RangeError)
  })

  it('forgets its key', () => {
    const gcm = new PacketGcm(createSecretKey(Buffer.alloc(16, 3)))
    const nonce = Buffer.alloc(12)
    const before = sealed(gcm, nonce, Buffer.alloc(12), Buffer.alloc(40))
    const keystream = gcm.keystreams(1, keystreamBytes(40), () => nonce)
    gcm.zero()
    const after = Buffer.alloc(68)
    gcm.seal(Buffer.alloc(52), 12, keystream, 0, after)
    assert.deepEqual(after.subarray(0, 52), before.subarray(0, 52))
    // H is 0: only the keystream is left of the tag.
    assert.deepEqual(after.subarray(52), keystream.subarray(0, 16))
  })
})
