import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { SrtpReceiver } from '../../adapters/media/srtp-receiver.ts'
import { SrtpSender } from '../../adapters/media/srtp-sender.ts'
import { hpkeKeyPair } from '../../adapters/node/hpke.ts'
import {
  mediaAckKey,
  mediaAckMac,
  openMediaKeyMessage,
  sealMediaKeyOrder,
} from '../../adapters/node/media-key-seal.ts'
import { KEM } from '../../wire/key-config.ts'
import { readMediaKeyAnswer, writeMediaKeyAnswer } from '../../wire/media-key-answer.ts'

const ROOT = join(import.meta.dirname, '../../..')
const { given, wanted } = JSON.parse(
  readFileSync(join(ROOT, 'test/fixtures/media-key-vectors.json'), 'utf8'),
)
const hex = (text: string) => Buffer.from(text, 'hex')
const { party, epoch, time, notAfter } = given
const master = { key: hex(given.masterKey), salt: hex(given.masterSalt) }

/** Computed by an implementation of its own (Python's hashlib, hmac and cryptography) as well, on 2026-11-21. */
describe('test/fixtures/media-key-vectors.json', () => {
  it('SRTP and SRTCP', () => {
    const sender = new SrtpSender()
    sender.install(epoch, master)
    sender.activate(epoch)
    const receiver = new SrtpReceiver<object>()
    receiver.install(epoch, {}, master)
    for (const [plain, sealed] of [
      [given.rtp, wanted.srtp],
      [given.rtcp, wanted.srtcp],
    ]) {
      assert.deepEqual(sender.protect(hex(plain)), hex(sealed))
      const out = receiver.unprotect(hex(sealed))
      assert.ok(out.kind === 'clean')
      assert.deepEqual(out.packet, hex(plain))
    }
  })

  it('INSTALL, and its answer', () => {
    const identityKey = createPrivateKey({
      ...{ key: hex(given.identitySecret), format: 'raw-private', asymmetricKeyType: 'ed25519' },
    })
    const identity = createPublicKey(identityKey).export({ format: 'raw-public' })
    assert.deepEqual(identity, hex(wanted.identity))
    const pair = hpkeKeyPair(KEM.x25519, hex(given.partySecret))
    assert.deepEqual(pair.publicKey, hex(wanted.partyKey))
    const order = { kind: 'install', epoch, notAfter, device: party, ...master } as const
    const sequence = BigInt(given.sequence)
    const message = sealMediaKeyOrder(order, {
      ...{ party, publicKey: pair.publicKey, sequence, now: time },
      random: { bytes: () => hex(given.ephemeralSecret), fraction: () => 0 },
      sign: (data) => sign(null, data, identityKey),
    })
    assert.equal(Buffer.from(message).toString('hex'), wanted.install)
    const opened = openMediaKeyMessage(message, { party, pair, identity, last: 6n, now: time })
    assert.ok(opened.kind === 'opened' && opened.order.kind === 'install')
    assert.deepEqual(Buffer.from(opened.order.key), master.key)

    const mac = mediaAckMac(mediaAckKey(master.key, party), sequence, epoch, 'installed')
    const ack = { kind: 'ack', sequence, epoch, state: 'installed', mac } as const
    assert.equal(Buffer.from(writeMediaKeyAnswer(ack)).toString(), wanted.installed)
    const read = readMediaKeyAnswer(Buffer.from(wanted.installed))
    assert.ok(read?.kind === 'ack')
    assert.deepEqual(Buffer.from(read.mac), mac)
  })

  it('are those that docs/wire/device-keys.md shows', () => {
    const page = readFileSync(join(ROOT, 'docs/wire/device-keys.md'), 'utf8')
    for (const text of [given.masterKey, given.rtp, wanted.srtp, wanted.srtcp, wanted.installed]) {
      assert.ok(page.includes(text), text)
    }
  })
})
