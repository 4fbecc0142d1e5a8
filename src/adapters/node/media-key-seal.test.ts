import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, hkdfSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KEM } from '../../wire/key-config.ts'
import type { MediaKeyOrder } from '../../wire/media-key-message.ts'
import { hpkeKeyPair } from './hpke.ts'
import {
  isMediaAckMac,
  mediaAckKey,
  mediaAckMac,
  type OpenMediaKeyOptions,
  openMediaKeyMessage,
  sealMediaKeyOrder,
} from './media-key-seal.ts'
import { systemRandom } from './system-random.ts'

const SEED = 20_261_121
const NOW = 1_795_000_000_000
const random = systemRandom()
const pair = hpkeKeyPair(KEM.x25519, random.bytes(32))
const keys = generateKeyPairSync('ed25519')
const identity = keys.publicKey.export({ format: 'raw-public' })
const INSTALL: MediaKeyOrder = {
  ...{ kind: 'install', epoch: 9, notAfter: NOW + 1000, device: 'camera-7' },
  ...{ key: random.bytes(16), salt: random.bytes(12) },
}
const seal = (order: MediaKeyOrder = INSTALL, sequence = 7n, party = 'camera-7') =>
  sealMediaKeyOrder(order, {
    ...{ party, publicKey: pair.publicKey, sequence, now: NOW, random },
    sign: (data) => sign(null, data, keys.privateKey),
  })
const open = (bytes: Uint8Array, change: Partial<OpenMediaKeyOptions> = {}) =>
  openMediaKeyMessage(bytes, { party: 'camera-7', pair, identity, last: 6n, now: NOW, ...change })
const codeOf = (bytes: Uint8Array, change: Partial<OpenMediaKeyOptions> = {}) => {
  const opened = open(bytes, change)
  return opened.kind === 'refused' ? opened.code : 'opened'
}
/** Signed anew: what is wrong is then found later than the signature. */
function changed(at: number, octet: number): Uint8Array {
  const bytes = seal().subarray(0, -64)
  bytes[at] = octet
  return Buffer.concat([bytes, sign(null, bytes, keys.privateKey)])
}

describe('openMediaKeyMessage()', () => {
  it('opens what was sealed to this party', () => {
    for (const order of [INSTALL, { kind: 'panic', epoch: 2 }] as const) {
      assert.deepEqual(open(seal(order)), { kind: 'opened', order, sequence: 7n })
    }
  })

  it('refuses each thing that may be wrong with its own code, the first in order', () => {
    const good = seal()
    assert.equal(codeOf(good.subarray(0, 100)), 'malformed')
    assert.equal(codeOf(changed(5, 2)), 'version')
    const forged = Uint8Array.from(good)
    forged[60] = (forged[60] ?? 0) ^ 1
    assert.equal(codeOf(forged, { last: 99n }), 'signature')
    assert.equal(codeOf(good, { identity: random.bytes(32) }), 'signature')
    assert.equal(codeOf(good, { last: 7n, now: 0 }), 'replay')
    assert.equal(codeOf(good, { now: NOW + 30_000 }), 'opened')
    assert.equal(codeOf(good, { now: NOW + 30_001 }), 'stale')
    assert.equal(codeOf(good, { now: NOW - 30_001 }), 'stale')
    assert.equal(codeOf(good, { party: 'camera-8' }), 'sealed')
    assert.equal(codeOf(changed(4, 2)), 'sealed')
    assert.equal(codeOf(changed(30, 0)), 'sealed')
  })

  it('never takes what was changed', () => {
    const good = seal()
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Uint8Array.from(good)
        bytes[at] = (bytes[at] ?? 0) ^ change
        assert.notEqual(codeOf(bytes), 'opened')
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
})

describe('mediaAckMac()', () => {
  it('is an HMAC of the text under a key of party and master key', () => {
    const master = random.bytes(16)
    const key = hkdfSync('sha256', master, '', 'limen/lmk/1 ack\0camera-7', 32)
    const text = '{"v":1,"seq":"7","epoch":9,"st":"active"'
    const wanted = createHmac('sha256', Buffer.from(key)).update(text).digest()
    const mac = mediaAckMac(mediaAckKey(master, 'camera-7'), 7n, 9, 'active')
    assert.ok(isMediaAckMac(mac, wanted))
    assert.ok(!isMediaAckMac(mac.subarray(1), wanted))
    const other = mediaAckKey(master, 'camera-8')
    assert.ok(!isMediaAckMac(mediaAckMac(other, 7n, 9, 'active'), wanted))
  })
})
