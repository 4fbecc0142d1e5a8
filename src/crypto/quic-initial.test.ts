import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gcm } from '@noble/ciphers/aes.js'
import { readCryptoFrames, readLongPacket } from '../wire/quic-packet.ts'
import { clientInitialKeys, openInitial } from './quic-initial.ts'

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))

/** RFC 9001 appendix A and RFC 9369 appendix A have the same connection id and frames. */
const CONNECTION_ID = hex('8394c8f03e515708')
const CRYPTO_FRAME = hex(
  '060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868' +
    '04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578' +
    '616d706c652e636f6dff01000100000a00080006001d00170018001000070005' +
    '04616c706e000500050100000000003300260024001d00209370b2c9caa47fba' +
    'baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400' +
    '0d0010000e0403050306030203080408050806002d00020101001c0002400100' +
    '3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000' +
    '75300901100f088394c8f03e51570806048000ffff',
)
/** "the payload is padded to 1162 bytes" */
const PAYLOAD_BYTES = 1162

const VECTORS = [
  {
    name: 'RFC 9001 appendix A (version 1)',
    version: 0x00000001,
    key: '1f369613dd76d5467730efcbe3b1a22d',
    iv: 'fa044b2f42a3fd3b46fb255c',
    headerProtection: '9f50449e04a0e810283a1e9933adedd2',
    header: 'c300000001088394c8f03e5157080000449e00000002',
    protectedHeader: 'c000000001088394c8f03e5157080000449e7b9aec34',
    sealedBegins: 'd1b1c98dd7689fb8ec11d242b123dc9b',
  },
  {
    name: 'RFC 9369 appendix A (version 2)',
    version: 0x6b3343cf,
    key: '8b1a0bc121284290a29e0971b5cd045d',
    iv: '91f73e2351d8fa91660e909f',
    headerProtection: '45b95e15235d6f45a6b19cbcb0294ba9',
    header: 'd36b3343cf088394c8f03e5157080000449e00000002',
    protectedHeader: 'd76b3343cf088394c8f03e5157080000449ea0c95e82',
    sealedBegins: 'ffe67b6abcdb4298b485dd04de806071',
  },
] as const

/** The protected packet of the RFC, sealed here with the keys it publishes (packet number 2). */
function protectedPacket(vector: (typeof VECTORS)[number]): Uint8Array {
  const payload = new Uint8Array(PAYLOAD_BYTES)
  payload.set(CRYPTO_FRAME)
  const nonce = hex(vector.iv)
  nonce[11] = (nonce[11] ?? 0) ^ 2
  const sealed = gcm(hex(vector.key), nonce, hex(vector.header)).encrypt(payload)
  assert.deepEqual(sealed.subarray(0, 16), hex(vector.sealedBegins))
  return Uint8Array.from([...hex(vector.protectedHeader), ...sealed])
}

for (const vector of VECTORS) {
  describe(vector.name, () => {
    const keys = clientInitialKeys(vector.version, CONNECTION_ID)
    const datagram = protectedPacket(vector)
    const packet = readLongPacket(datagram, 0)

    it('derives the client keys', () => {
      assert.deepEqual(keys?.key, hex(vector.key))
      assert.deepEqual(keys?.iv, hex(vector.iv))
      assert.deepEqual(keys?.headerProtection, hex(vector.headerProtection))
    })

    it('opens the client Initial', () => {
      assert.equal(datagram.length, 1200)
      assert.ok(packet?.kind === 'initial' && keys !== undefined)
      assert.deepEqual(packet.destinationId, CONNECTION_ID)
      const payload = openInitial(datagram, packet, keys)
      assert.ok(payload !== undefined)
      const [frame, ...others] = readCryptoFrames(payload)
      assert.equal(others.length, 0)
      assert.equal(frame?.offset, 0)
      assert.deepEqual(frame?.bytes, CRYPTO_FRAME.subarray(4))
    })

    it('answers undefined when a bit is wrong or the keys are of another connection', () => {
      assert.ok(packet?.kind === 'initial' && keys !== undefined)
      for (const at of [5, 30, 600, 1199]) {
        const changed = datagram.slice()
        changed[at] = (changed[at] ?? 0) ^ 1
        assert.equal(openInitial(changed, packet, keys), undefined)
      }
      const others = clientInitialKeys(vector.version, hex('0102030405060708'))
      assert.ok(others !== undefined)
      assert.equal(openInitial(datagram, packet, others), undefined)
      assert.equal(openInitial(datagram.subarray(0, 30), packet, keys), undefined)
    })
  })
}

it('has no keys for versions it does not know', () => {
  assert.equal(clientInitialKeys(0xbabababa, CONNECTION_ID), undefined)
})
