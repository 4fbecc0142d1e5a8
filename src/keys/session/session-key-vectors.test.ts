import assert from 'node:assert/strict'
import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  decapsulate,
  diffieHellman,
  hkdfSync,
  type KeyObject,
  verify,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { hpkeKeyPair } from '../../adapters/node/hpke.ts'
import { opensslKeyAgreement } from '../../adapters/node/key-agreement.ts'
import { SealedBodyOpener, SealedBodySealer } from '../../adapters/node/sealed-body.ts'
import { Steks } from '../../adapters/node/session-crypto.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { resumeHandshake } from '../../apps/browser/session-handshake.ts'
import { type Opened, openSession, type SessionOffice } from '../../flows/open-session.ts'
import { SessionGenerations } from '../../flows/session-generations.ts'
import type { Random } from '../../ground/random.ts'
import {
  KEM,
  KEY_CONFIG_LABEL,
  type Kem,
  readKeyConfig,
  sealKeyConfig,
  writeKeyConfig,
} from '../../wire/key-config.ts'
import { readClientInit, readKeyMessage, SUITE, type Suite } from '../../wire/key-message.ts'
import {
  RECORD_KEY_INFO,
  RECORD_NONCE_INFO,
  recordNonce,
  writeSealedBodyHeader,
} from '../../wire/sealed-body.ts'
import {
  cutQueryToken,
  type ProvenRequest,
  proofBase,
  readProofParameters,
  readQueryToken,
  WEBSOCKET_METHOD,
  writeProofParameters,
  writeQueryToken,
} from '../../wire/session-proof.ts'
import {
  readSealedTicket,
  readTicketContents,
  type TicketContents,
} from '../../wire/session-ticket.ts'
import {
  bodyInfo,
  bodyKeyId,
  chainSigned,
  deviceSigned,
  EXPORT_CONTEXT,
  keyInfo,
  originInfo,
  previousSigned,
  transcript,
} from './key-schedule.ts'
import { Revocations } from './revocations.ts'
import { Validator } from './validate-request.ts'

/** Octets in hex. */
type Hex<Name extends string> = Readonly<Record<Name, string>>

interface ConfigurationVector
  extends Hex<'identity_private_key' | 'identity_public_key' | 'authority'>,
    Hex<'signed' | 'signature' | 'bytes'> {
  readonly keys: readonly (Hex<'seed' | 'public_key'> &
    Partial<Hex<'private_key'>> & {
      readonly key_id: number
      readonly kem: Kem
      readonly not_before: number
      readonly expires: number
      readonly suites: readonly Suite[]
    })[]
}

interface HandshakeVector
  extends Hex<'header' | 'device_signed_tlvs' | 'device_hash' | 'device_signed' | 'sealed'>,
    Hex<'device_signature' | 'plain' | 'aad' | 'message'> {
  readonly suite: Suite
  readonly key_id: number
  readonly kem: Kem
  readonly origin: string
  readonly now: number
  readonly input: Hex<'hpke_ephemeral_private_key' | 'share_private_key' | 'share'> &
    Hex<'device_private_key' | 'device_public_key'> &
    Partial<Hex<'ml_kem_seed' | 'ml_kem_key' | 'auth' | 'subject'>> &
    Partial<Hex<'capabilities' | 'channel_binding' | 'previous_session_key_field'>> &
    Partial<Hex<'previous_request_key' | 'mac_hash' | 'mac_input' | 'mac' | 'previous'>> & {
      readonly device: 'ed25519' | 'p256'
      readonly time_ms: number
    }
  readonly hpke: Hex<'info' | 'enc' | 'shared_secret' | 'key' | 'base_nonce' | 'exporter_secret'> &
    Hex<'exporter'> &
    Partial<Hex<'ml_kem_secret'>>
  readonly reply: Hex<'server_share_private_key' | 'server_share' | 'field' | 'header' | 'th'> &
    Hex<'dh' | 'exporter' | 'salt' | 'resp_key' | 'resp_nonce' | 'request_key' | 'body_key'> &
    Hex<'plain' | 'aad' | 'sealed' | 'message'> &
    Partial<Hex<'ml_kem_ciphertext' | 'ml_kem_secret' | 'salt_pq' | 'chain_mac'>>
  readonly ticket: Hex<'sealing_key' | 'plain' | 'aad' | 'nonce' | 'ciphertext' | 'tag' | 'bytes'> &
    Hex<'session_key_field'> & {
      readonly group: number
      readonly epoch: number
      readonly contents: Hex<'session_id' | 'request_key' | 'body_key' | 'device_key_hash'> &
        Readonly<Record<'flags' | 'suite' | 'epoch' | 'generation' | 'policy' | 'tier', number>> &
        Readonly<Record<'not_before' | 'rotate_after' | 'expires', number>> &
        Partial<Hex<'subject'>>
    }
}

interface ProofVector
  extends Hex<'method' | 'scheme' | 'authority' | 'target' | 'path' | 'query'>,
    Hex<'session_key_field' | 'request_key' | 'nonce' | 'key_id' | 'signature_base' | 'signature'>,
    Partial<Hex<'body' | 'content_digest' | 'signature_input'>>,
    Partial<Hex<'query_token' | 'target_with_token'>> {
  readonly created: number
}

interface BodyVector
  extends Hex<'session_id' | 'body_key' | 'info' | 'ikm' | 'salt' | 'key_id' | 'content' | 'bytes'>,
    Hex<'content_encryption_key' | 'nonce_base' | 'content_digest'> {
  readonly direction: 'c2s' | 's2c'
  readonly generation: number
  readonly record_bytes: number
  readonly records: readonly Hex<'nonce' | 'plain' | 'ciphertext'>[]
}

interface Vectors {
  readonly configuration: ConfigurationVector
  readonly init: readonly HandshakeVector[]
  readonly rotate: HandshakeVector
  readonly proofs: readonly ProofVector[]
  readonly bodies: readonly BodyVector[]
}

/** Made by another implementation: `docs/wire/session-keys.md`. */
const VECTORS: Vectors = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/session-key-vectors.json', import.meta.url), 'utf8'),
)
const hex = (text: string | undefined): Buffer => Buffer.from(text ?? assert.fail(), 'hex')
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const sha256 = (...parts: Uint8Array[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest()
const hmac = (key: Uint8Array, data: Uint8Array | string): Buffer =>
  createHmac('sha256', key).update(data).digest()
const url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')

const { configuration, init, rotate, proofs, bodies } = VECTORS
const [opened = assert.fail()] = init
const handshakes: readonly HandshakeVector[] = [...init, rotate]

/** Gives what a vector holds instead of chance. */
const given = (...values: (string | undefined)[]): Random => {
  const left = [...values]
  return {
    bytes(length) {
      const bytes = hex(left.shift())
      assert.equal(bytes.length, length)
      return bytes
    },
    fraction: () => assert.fail(),
  }
}

const pairs = configuration.keys.map(({ key_id, kem, seed, not_before, expires }) => ({
  ...{ keyId: key_id, pair: hpkeKeyPair(kem, hex(seed)), notBefore: not_before, expires },
}))

const privateKey = (suite: Suite, key: string): KeyObject =>
  suite === SUITE.p256
    ? createPrivateKey({
        ...{ key: hex(key), format: 'raw-private', asymmetricKeyType: 'ec' },
        namedCurve: 'P-256',
      })
    : createPrivateKey({ key: hex(key), format: 'raw-private', asymmetricKeyType: 'x25519' })

const publicKey = (suite: Suite, share: Uint8Array): KeyObject => {
  const key = Buffer.from(share)
  return suite === SUITE.p256
    ? createPublicKey({
        ...{ key, format: 'raw-public', asymmetricKeyType: 'ec', namedCurve: 'P-256' },
      })
    : createPublicKey({ key, format: 'raw-public', asymmetricKeyType: 'x25519' })
}

const stekIdOf = ({ group, epoch }: HandshakeVector['ticket']): number =>
  ((group << 24) | epoch) >>> 0

function steksOf(ticket: HandshakeVector['ticket']): Steks {
  const steks = new Steks()
  steks.add(stekIdOf(ticket), hex(ticket.sealing_key))
  return steks
}

function contentsOf({ contents: of }: HandshakeVector['ticket']): TicketContents {
  const { flags, suite, epoch, generation, policy, tier, expires } = of
  return {
    ...{ flags, suite, epoch, generation, policy, tier, expires },
    notBefore: of.not_before,
    rotateAfter: of.rotate_after,
    sessionId: hex(of.session_id),
    requestKey: hex(of.request_key),
    bodyKey: hex(of.body_key),
    subject: of.subject === undefined ? undefined : hex(of.subject),
    backend: undefined,
    softBinding: undefined,
    deviceKey: hex(of.device_key_hash),
  }
}

/** The key server, with the keys of a vector where it would make its own. */
function answer(vector: HandshakeVector, message = hex(vector.message)): Opened {
  const { suite, origin, now, reply, ticket, input } = vector
  const real = opensslKeyAgreement(() => pairs)
  const office: SessionOffice = {
    agreement: {
      ...real,
      agree(agreed, share) {
        assert.equal(agreed, suite)
        const ours = privateKey(suite, reply.server_share_private_key)
        const dh = diffieHellman({ privateKey: ours, publicKey: publicKey(suite, share) })
        assert.equal(hexOf(dh), reply.dh)
        const mlKem = reply.ml_kem_secret === undefined ? undefined : hex(reply.ml_kem_secret)
        return { field: hex(reply.field), dh, mlKem }
      },
    },
    random: given(ticket.contents.session_id),
    policy: {
      suites: new Set(Object.values(SUITE)),
      ...{ ticketS: 900, policyId: ticket.contents.policy, flags: 0, login: true },
    },
    seal: (contents) => steksOf(ticket).sealTicket(stekIdOf(ticket), contents, given(ticket.nonce)),
    epoch: () => ticket.epoch,
    encodeUrl: url,
    isFollowed: () => false,
    sessions: new SessionGenerations(10),
  }
  const request = { message, origin, tier: 1, rotateS: 600 } as const
  const previous = vector === rotate ? contentsOf(opened.ticket) : undefined
  const asked = openSession(
    office,
    { ...request, subject: undefined, softBinding: undefined, previous },
    now,
  )
  if (asked.kind !== 'login') return asked
  assert.equal(hexOf(asked.proof), input.auth)
  return asked.finish(hex(input.subject))
}

const mlKemKey = (seed: string): KeyObject =>
  createPrivateKey({ key: hex(seed), format: 'raw-seed', asymmetricKeyType: 'ml-kem-768' })

/** AES-GCM with the tag behind. */
function openGcm(key: string, nonce: string, aad: string, sealed: string): string {
  const split = hex(sealed).length - 16
  const name = hex(key).length === 32 ? 'aes-256-gcm' : 'aes-128-gcm'
  const decipher = createDecipheriv(name, hex(key), hex(nonce)).setAAD(hex(aad))
  decipher.setAuthTag(hex(sealed).subarray(split))
  return decipher.update(hex(sealed).subarray(0, split), undefined, 'hex') + decipher.final('hex')
}

const hkdf = (ikm: string | undefined, salt: string, info: Uint8Array, bytes: number): string =>
  hexOf(new Uint8Array(hkdfSync('sha256', hex(ikm), hex(salt), info, bytes)))

/** Of a raw private key. */
function publicOf(kind: 'x25519' | 'ed25519' | 'p256', key: string | undefined): string {
  const how = { key: hex(key), format: 'raw-private' } as const
  const made =
    kind === 'p256'
      ? createPrivateKey({ ...how, asymmetricKeyType: 'ec', namedCurve: 'P-256' })
      : createPrivateKey({ ...how, asymmetricKeyType: kind })
  const point = kind === 'p256' ? ({ type: 'uncompressed' } as const) : {}
  return hexOf(createPublicKey(made).export({ format: 'raw-public', ...point } as never))
}

const codeOf = (of: Opened): string => (of.kind === 'refused' ? of.code : of.kind)
const flipped = (bytes: Uint8Array, at: number): Buffer => {
  const other = Buffer.from(bytes)
  other[at] = (other[at] ?? assert.fail()) ^ 1
  return other
}

describe('the key configuration', () => {
  const { identity_public_key, authority, signed, signature, bytes, keys } = configuration
  const read = readKeyConfig(hex(bytes)) ?? assert.fail()

  it('is read', () => {
    assert.equal(hexOf(read.signed), signed)
    assert.equal(hexOf(read.signature), signature)
    assert.deepEqual(
      read.keys.map(({ publicKey: key, ...others }) => ({ ...others, publicKey: hexOf(key) })),
      keys.map(({ key_id, kem, not_before, expires, suites, public_key }) => ({
        ...{ keyId: key_id, kem, notBefore: not_before, expires, suites, publicKey: public_key },
      })),
    )
  })

  it('is written', () => {
    assert.equal(hexOf(sealKeyConfig(writeKeyConfig(read.keys), hex(signature))), bytes)
  })

  it('is signed by the authority', () => {
    assert.equal(hexOf(Buffer.from(authority, 'base64')), identity_public_key)
    const key = createPublicKey({
      ...{ key: hex(identity_public_key), format: 'raw-public', asymmetricKeyType: 'ed25519' },
    })
    const data = Buffer.concat([Buffer.from(KEY_CONFIG_LABEL), hex(signed)])
    assert.ok(verify(null, data, key, hex(signature)))
  })

  it('has the public keys of its seeds', () => {
    assert.equal(publicOf('ed25519', configuration.identity_private_key), identity_public_key)
    for (const { kem, private_key, public_key } of keys.filter((key) => key.kem !== KEM.xWing)) {
      const kind = kem === KEM.p256 ? 'p256' : 'x25519'
      assert.equal(publicOf(kind, private_key), public_key)
    }
    assert.deepEqual(
      pairs.map(({ pair }) => hexOf(pair.publicKey)),
      keys.map(({ public_key }) => public_key),
    )
  })
})

for (const vector of handshakes) {
  const { suite, key_id, origin, now, input, hpke, header, plain, reply } = vector
  const purpose = vector === rotate ? 'rotate' : 'init'

  describe(`${purpose} of suite ${suite}, key ${key_id}`, () => {
    const read = readKeyMessage(hex(vector.message))
    if (read.kind !== 'read') assert.fail()
    const { message } = read
    const info = originInfo(origin, purpose)
    const client = readClientInit(hex(plain), suite)
    if (client.kind !== 'read') assert.fail()
    const shown = client.init

    it('is opened', () => {
      assert.equal(message.keyId, key_id)
      assert.equal(message.suite, suite)
      assert.equal(hexOf(message.header), header)
      assert.equal(hexOf(message.header), vector.aad)
      assert.equal(hexOf(message.field), hpke.enc)
      assert.equal(hexOf(message.sealed), vector.sealed)
      assert.equal(hexOf(info), hpke.info)
      const { pair } = pairs.find(({ keyId }) => keyId === key_id) ?? assert.fail()
      const context = pair.receive(message.field, info) ?? assert.fail()
      assert.equal(hexOf(context.open(message.sealed, message.header) ?? assert.fail()), plain)
      assert.equal(hexOf(context.export(EXPORT_CONTEXT, 32)), hpke.exporter)
    })

    it('is sealed by HPKE, step by step (RFC 9180 section 5.1)', () => {
      const { public_key, kem } =
        configuration.keys.find((key) => key.key_id === key_id) ?? assert.fail()
      assert.equal(vector.kem, kem)
      const isXWing = kem === KEM.xWing
      const kind = kem === KEM.p256 ? 'p256' : 'x25519'
      const share = publicOf(kind, input.hpke_ephemeral_private_key)
      assert.equal(isXWing ? hpke.enc.slice(1088 * 2) : hpke.enc, share)
      if (isXWing) {
        const theirs = hex(public_key).subarray(1184)
        const ours = privateKey(SUITE.x25519, input.hpke_ephemeral_private_key)
        const dh = diffieHellman({ privateKey: ours, publicKey: publicKey(SUITE.x25519, theirs) })
        const parts = [hex(hpke.ml_kem_secret), dh, hex(share), theirs, hex('5c2e2f2f5e5c')]
        const secret = createHash('sha3-256').update(Buffer.concat(parts)).digest('hex')
        assert.equal(hpke.shared_secret, secret)
      }
      const of = Buffer.concat([Buffer.from('HPKE'), Buffer.of(kem >> 8, kem & 255, 0, 1, 0, 1)])
      const extract = (salt: Buffer, label: string, ikm: Buffer) =>
        hmac(salt, Buffer.concat([Buffer.from('HPKE-v1'), of, Buffer.from(label), ikm]))
      const expand = (prk: Buffer, label: string, about: Uint8Array, bytes: number) => {
        const parts = [Buffer.of(0, bytes), Buffer.from('HPKE-v1'), of, Buffer.from(label), about]
        return hexOf(hmac(prk, Buffer.concat([...parts, Buffer.of(1)])).subarray(0, bytes))
      }
      const nothing = Buffer.of()
      const pskHash = extract(nothing, 'psk_id_hash', nothing)
      const context = Buffer.concat([
        Buffer.of(0),
        pskHash,
        extract(nothing, 'info_hash', hex(hpke.info)),
      ])
      const secret = extract(hex(hpke.shared_secret), 'secret', nothing)
      assert.equal(expand(secret, 'key', context, 16), hpke.key)
      assert.equal(expand(secret, 'base_nonce', context, 12), hpke.base_nonce)
      assert.equal(expand(secret, 'exp', context, 32), hpke.exporter_secret)
      assert.equal(expand(hex(hpke.exporter_secret), 'sec', EXPORT_CONTEXT, 32), hpke.exporter)
      assert.equal(openGcm(hpke.key, hpke.base_nonce, vector.aad, vector.sealed), plain)
    })

    it('holds what was put in', () => {
      const mlKemKey = input.ml_kem_key === undefined ? undefined : hex(input.ml_kem_key)
      assert.equal(hexOf(shown.share), input.share)
      assert.deepEqual(shown.mlKemKey && Buffer.from(shown.mlKemKey), mlKemKey)
      assert.equal(hexOf(shown.deviceKey), input.device_public_key)
      assert.equal(shown.time, input.time_ms)
      assert.equal(shown.auth && hexOf(shown.auth), input.auth)
      assert.equal(shown.channelBinding && hexOf(shown.channelBinding), input.channel_binding)
      assert.equal(shown.capabilities, Number.parseInt(input.capabilities ?? '0', 16))
      assert.equal(publicOf(input.device, input.device_private_key), input.device_public_key)
    })

    it('is signed by the device', () => {
      assert.equal(hexOf(shown.signed), vector.device_signed_tlvs)
      const hash = sha256(message.header, shown.signed)
      assert.equal(hexOf(hash), vector.device_hash)
      assert.equal(hexOf(deviceSigned(hash)), vector.device_signed)
      assert.equal(hexOf(shown.deviceSignature), vector.device_signature)
      const agreement = opensslKeyAgreement(() => pairs)
      const key = hex(input.device_public_key)
      const check = (signature: Uint8Array) =>
        agreement.verifyDevice(key, hex(vector.device_signed), signature)
      assert.ok(check(shown.deviceSignature))
      assert.ok(!check(flipped(shown.deviceSignature, 40)))
    })

    it('is answered, octet by octet', () => {
      const done = answer(vector)
      if (done.kind !== 'opened') assert.fail(done.code)
      assert.equal(hexOf(done.reply), reply.message)
      assert.equal(hexOf(done.ticket), vector.ticket.bytes)
    })

    it('is answered under keys that come out step by step', () => {
      const th = hex(reply.th)
      const kind = suite === SUITE.p256 ? 'p256' : 'x25519'
      assert.equal(publicOf(kind, reply.server_share_private_key), reply.server_share)
      assert.equal(`${reply.server_share}${reply.ml_kem_ciphertext ?? ''}`, reply.field)
      assert.equal(reply.exporter, hpke.exporter)
      let salt = reply.exporter
      if (suite === SUITE.x25519MlKem768) {
        salt = hkdf(reply.ml_kem_secret, salt, keyInfo('pq', th), 32)
        assert.equal(reply.salt_pq, salt)
      }
      if (vector === rotate) {
        const mac = hmac(hex(input.previous_request_key), chainSigned(th))
        assert.equal(reply.chain_mac, hexOf(mac))
        salt = hexOf(sha256(hex(salt), mac))
      }
      assert.equal(reply.salt, salt)
      const key = (label: 'resp' | 'req' | 'body', bytes: number) =>
        hkdf(reply.dh, salt, keyInfo(label, th), bytes)
      assert.equal(key('resp', 28), `${reply.resp_key}${reply.resp_nonce}`)
      assert.equal(key('req', 32), reply.request_key)
      assert.equal(key('body', 32), reply.body_key)
      assert.equal(reply.aad, reply.th)
      assert.equal(reply.message, `${reply.header}${reply.sealed}`)
      assert.equal(openGcm(reply.resp_key, reply.resp_nonce, reply.aad, reply.sealed), reply.plain)
    })

    it('is not answered when it was changed, or is for another origin', () => {
      const bytes = hex(vector.message)
      assert.equal(codeOf(answer(vector, flipped(bytes, bytes.length - 1))), 'not_for_us')
      assert.equal(codeOf(answer({ ...vector, origin: 'https://other.test' })), 'not_for_us')
    })

    it('has an answer that the client understands', async () => {
      assert.equal(hexOf(sha256(transcript(hex(vector.message), hex(reply.header)))), reply.th)
      const algorithm =
        suite === SUITE.p256 ? { name: 'ECDH', namedCurve: 'P-256' } : { name: 'X25519' }
      const ephemeral = privateKey(suite, input.share_private_key).toCryptoKey(algorithm, false, [
        ...['deriveKey', 'deriveBits'],
      ] as never)
      const signing = (key: string | undefined) =>
        createSecretKey(hex(key)).toCryptoKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
      const mlKem =
        input.ml_kem_seed === undefined
          ? undefined
          : mlKemKey(input.ml_kem_seed).toCryptoKey('ML-KEM-768', false, [
              'decapsulateKey',
            ] as never)
      const session = await resumeHandshake({
        message: new Uint8Array(hex(vector.message)),
        ...{ keyId: key_id, suite, ephemeral, mlKem },
        exporter: new Uint8Array(hex(hpke.exporter)),
        // A reply is not signed with it.
        device: { privateKey: ephemeral, publicKey: ephemeral },
        previous:
          vector === rotate
            ? ({ requestKey: signing(input.previous_request_key) } as never)
            : undefined,
      }).finish(hex(reply.message))
      assert.equal(session.ticket, vector.ticket.session_key_field)
      assert.equal(hexOf(session.sessionId), vector.ticket.contents.session_id)
      assert.equal(session.generation, vector.ticket.contents.generation)
      assert.equal(session.rotateAfter, now + 600)
      assert.equal(session.expires, now + 900)
      const data = Buffer.from('request')
      const mac = await crypto.subtle.sign('HMAC', session.requestKey, data)
      assert.deepEqual(Buffer.from(mac), hmac(hex(reply.request_key), data))
      const how = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: data }
      const derived = await crypto.subtle.deriveBits(how, session.bodyKey, 256)
      const expected = hkdfSync('sha256', hex(reply.body_key), new Uint8Array(0), data, 32)
      assert.deepEqual(Buffer.from(derived), Buffer.from(expected))
    })

    it('has a ticket that an edge opens', () => {
      const { ticket } = vector
      const sealed = readSealedTicket(hex(ticket.bytes)) ?? assert.fail()
      assert.equal(sealed.stekId, stekIdOf(ticket))
      const octets = steksOf(ticket).openTicket(sealed)
      if (!(octets instanceof Uint8Array)) assert.fail()
      assert.equal(hexOf(octets), ticket.plain)
      assert.equal(hexOf(sealed.aad), ticket.aad)
      assert.equal(hexOf(sealed.nonce), ticket.nonce)
      assert.equal(hexOf(sealed.ciphertext), ticket.ciphertext)
      assert.equal(hexOf(sealed.tag), ticket.tag)
      const { sessionId, requestKey, bodyKey, subject, deviceKey, ...others } =
        readTicketContents(octets) ?? assert.fail()
      const read = { sessionId, requestKey, bodyKey, deviceKey }
      const copies = Object.entries(read).map(([name, bytes]) => [name, Buffer.from(bytes)])
      assert.deepEqual(
        {
          ...others,
          ...Object.fromEntries(copies),
          subject: subject && Buffer.from(subject),
        },
        contentsOf(ticket),
      )
    })
  })
}

describe('parts of the handshakes', () => {
  it('have the MAC of a rotation', () => {
    const { input } = rotate
    const hash = sha256(hex(rotate.header), hex(input.share))
    assert.equal(hexOf(hash), input.mac_hash)
    assert.equal(hexOf(previousSigned(hash)), input.mac_input)
    assert.equal(input.previous_session_key_field, opened.ticket.session_key_field)
    assert.equal(input.previous_request_key, opened.reply.request_key)
    assert.equal(hexOf(hmac(hex(input.previous_request_key), hex(input.mac_input))), input.mac)
    const { session_id } = opened.ticket.contents
    assert.equal(input.previous, `${session_id}00000001${input.mac}`)
  })

  it('have the ML-KEM secret of suite 3', () => {
    const { input, reply } =
      init.find((each) => each.suite === SUITE.x25519MlKem768) ?? assert.fail()
    const secret = decapsulate(mlKemKey(input.ml_kem_seed ?? ''), hex(reply.ml_kem_ciphertext))
    assert.equal(hexOf(secret), reply.ml_kem_secret)
  })
})

describe('proofs', () => {
  const steks = steksOf(opened.ticket)
  const revocations = new Revocations()
  revocations.take({ seq: 1, kind: 'checkpoint' }, opened.now)

  for (const proof of proofs) {
    const isToken = proof.query_token !== undefined
    const { method, authority, path, query, created, nonce } = proof
    it(`${method} ${proof.target}${isToken ? ', by a token' : ''}`, () => {
      const seen = isToken ? shownByToken(proof) : shownByFields(proof)
      assert.equal(proof.request_key, opened.reply.request_key)
      assert.equal(`${proof.scheme}://${authority}`, opened.origin)
      assert.equal(proof.target, `${path}${query === '?' ? '' : query}`)
      if (isToken) assert.equal(method, 'GET')
      const request: ProvenRequest = {
        ...{ authority, path, query, sessionKey: seen.sessionKey },
        method: isToken ? WEBSOCKET_METHOD : method,
        contentDigest: proof.content_digest,
      }
      const parameters = writeProofParameters({
        ...{ created, nonce, keyId: proof.key_id },
        coversDigest: proof.body !== undefined,
      })
      assert.equal(`lim=${parameters.raw}`, seen.input)
      assert.equal(proofBase(request, parameters), proof.signature_base)
      const validator = new Validator(steks, revocations, systemRandom())
      const validate = (change: Partial<ProvenRequest> = {}) => {
        const needsDigest = proof.body !== undefined
        const outcome = validator.validate(
          { ...request, ...change },
          { input: seen.input, signature: seen.signature, needsDigest, group: 3 },
          created,
        )
        return outcome.kind === 'refused' ? outcome.code : outcome.session.id
      }
      assert.equal(validate({ path: '/other' }), 'sig_invalid')
      assert.equal(validate(), url(hex(opened.ticket.contents.session_id)))
      assert.equal(validate(), 'replay')
    })
  }

  const shownByFields = (proof: ProofVector) => {
    const input = proof.signature_input ?? assert.fail()
    const read = readProofParameters(input) ?? assert.fail()
    assert.equal(read.coversDigest, proof.body !== undefined)
    if (proof.body !== undefined) {
      const digest = sha256(hex(proof.body)).toString('base64')
      assert.equal(proof.content_digest, `sha-256=:${digest}:`)
    }
    return { input, signature: proof.signature, sessionKey: proof.session_key_field }
  }

  const shownByToken = (proof: ProofVector) => {
    const cut = cutQueryToken(proof.target_with_token ?? '') ?? assert.fail()
    assert.equal(cut.target, proof.target)
    assert.equal(`limen=${cut.token}`, proof.query_token)
    const { sessionKey, parameters, signature } = readQueryToken(cut.token) ?? assert.fail()
    assert.equal(sessionKey, proof.session_key_field)
    const mac = hex(proof.signature).toString('base64')
    assert.equal(signature, `lim=:${mac}:`)
    assert.equal(writeQueryToken(sessionKey, parameters, mac), proof.query_token)
    return { input: `lim=${parameters.raw}`, signature, sessionKey }
  }
})

describe('sealed bodies', () => {
  for (const body of bodies) {
    const { direction, bytes, content } = body
    const ikm = hkdfSync('sha256', hex(body.body_key), Buffer.of(), bodyInfo(direction), 32)
    const keyId = bodyKeyId(hex(body.session_id), body.generation)
    const key = createSecretKey(Buffer.from(ikm))

    it(`${direction}: is opened`, () => {
      assert.equal(hexOf(bodyInfo(direction)), body.info)
      assert.equal(hexOf(new Uint8Array(ikm)), body.ikm)
      assert.equal(hkdf(body.ikm, body.salt, RECORD_KEY_INFO, 16), body.content_encryption_key)
      assert.equal(hkdf(body.ikm, body.salt, RECORD_NONCE_INFO, 12), body.nonce_base)
      const header = { salt: hex(body.salt), recordBytes: body.record_bytes, keyId }
      const sealed = body.records.map(({ ciphertext }) => ciphertext).join('')
      assert.equal(`${hexOf(writeSealedBodyHeader(header))}${sealed}`, bytes)
      for (const [i, { nonce, plain, ciphertext }] of body.records.entries()) {
        assert.equal(hexOf(recordNonce(hex(body.nonce_base), i)), nonce)
        assert.equal(openGcm(body.content_encryption_key, nonce, '', ciphertext), plain)
      }
      assert.equal(hexOf(keyId), body.key_id)
      const digest = sha256(hex(bytes)).toString('base64')
      assert.equal(`sha-256=:${digest}:`, body.content_digest)
      for (const size of [1, 50, bytes.length]) {
        const opener = new SealedBodyOpener(key, keyId)
        const pieces: Uint8Array[] = []
        const take = (piece: Buffer | string) => {
          if (typeof piece === 'string') assert.fail(piece)
          pieces.push(piece)
        }
        for (let at = 0; at < hex(bytes).length; at += size) {
          take(opener.push(hex(bytes).subarray(at, at + size)))
        }
        take(opener.end())
        assert.equal(hexOf(Buffer.concat(pieces)), content)
      }
    })
  }

  it('s2c: is sealed, octet by octet', () => {
    const body = bodies.find(({ direction }) => direction === 's2c') ?? assert.fail()
    const key = createSecretKey(hex(body.ikm))
    const sealer = new SealedBodySealer(key, hex(body.key_id), hex(body.salt), body.record_bytes)
    const sealed = Buffer.concat([sealer.push(hex(body.content)), sealer.end()])
    assert.equal(hexOf(sealed), body.bytes)
  })
})
