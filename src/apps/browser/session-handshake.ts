/**
 * The client's half of LSK/1, by WebCrypto: opens a session and rotates its key. The agreed secret goes straight into keys
 * that cannot be exported; what can be stored is in {@link Session}, and IndexedDB keeps it as it is.
 *
 * @module
 */
import { joinOctets } from '../../ground/octets.ts'
import {
  chainSigned,
  deviceSigned,
  EXPORT_CONTEXT,
  keyInfo,
  originInfo,
  previousSigned,
  transcript,
  u32Bytes,
} from '../../keys/session/key-schedule.ts'
import { KEM, type PublicKeyConfig } from '../../wire/key-config.ts'
import {
  CLIENT_TLV,
  MESSAGE_TYPE,
  readKeyMessage,
  readKeyTlvs,
  SERVER_TLV,
  SHARE_BYTES,
  SUITE,
  type Suite,
  writeKeyHeader,
  writeKeyTlvs,
} from '../../wire/key-message.ts'
import { base64 } from './base64.ts'
import { hpkeSender, type KeyPair, owned, type SenderKem } from './hpke-sender.ts'
import { SessionError } from './session-error.ts'

const { subtle } = crypto
type Bytes = Uint8Array<ArrayBuffer>

/** A session as the client holds it. Keys cannot be exported. Times in seconds since 1970. */
export interface Session {
  /** Value of the `SessionKey` field. */
  readonly ticket: string
  readonly sessionId: Bytes
  readonly generation: number
  readonly rotateAfter: number
  readonly expires: number
  /** HMAC: signs requests. */
  readonly requestKey: CryptoKey
  /** HKDF: body sealing. */
  readonly bodyKey: CryptoKey
  /** ECDSA P-256: proves that this is the device the session was opened on. */
  readonly device: KeyPair
}

/** What a browser can do; asked once. */
export interface Abilities {
  readonly x25519: boolean
  readonly mlKem: boolean
}

/** A message to send, and what becomes of its answer. Sending it twice is allowed: the answer is the same. */
export interface Handshake {
  readonly message: Bytes
  /** To be kept until the reply is in; {@link resumeHandshake} goes on with it. */
  readonly pending: PendingHandshake
  /** @throws SessionError `reply_malformed`, `reply_not_authentic` */
  finish(reply: Uint8Array): Promise<Session>
}

/** A handshake under way, as plain data that IndexedDB can keep. Private keys cannot be exported. */
export interface PendingHandshake {
  readonly message: Bytes
  readonly keyId: number
  readonly suite: Suite
  /** HPKE's: an input to the keys, worth nothing without the ephemeral key. */
  readonly exporter: Bytes
  readonly ephemeral: CryptoKey
  /** Of suite 3. */
  readonly mlKem: CryptoKey | undefined
  readonly device: KeyPair
  /** The session whose key rotates. */
  readonly previous: Session | undefined
}

/** Tries what this browser has. */
export async function abilitiesHere(): Promise<Abilities> {
  const can = async (name: string, usages: ('deriveBits' | 'sign')[]) => {
    try {
      await subtle.generateKey({ name }, false, usages)
      return true
    } catch {
      return false
    }
  }
  const [x25519, mlKem] = await Promise.all([
    can('X25519', ['deriveBits']),
    can('ML-KEM-768', ['decapsulateBits'] as unknown as 'sign'[]),
  ])
  return { x25519, mlKem }
}

/** The first key and suite of the server's list that can be done here: what it prefers, not what we would. */
export function chooseKey(
  keys: readonly PublicKeyConfig[],
  abilities: Abilities,
  now: number,
): { readonly key: PublicKeyConfig; readonly suite: Suite } | undefined {
  for (const key of keys) {
    if (now < key.notBefore || now >= key.expires) continue
    if (key.kem === KEM.xWing || (key.kem === KEM.x25519 && !abilities.x25519)) continue
    const suite = key.suites.find((each) => canDo(each, abilities))
    if (suite !== undefined) return { key, suite }
  }
  return undefined
}

function canDo(suite: Suite, { x25519, mlKem }: Abilities): boolean {
  if (suite === SUITE.p256) return true
  return suite === SUITE.x25519 ? x25519 : x25519 && mlKem
}

export interface HandshakeOptions {
  readonly key: PublicKeyConfig
  readonly suite: Suite
  readonly origin: string
  /** Milliseconds since the Unix epoch. */
  readonly now: number
  /** What the application knows of who logged in. */
  readonly auth?: Uint8Array
  /** The session whose key rotates; a new one otherwise. */
  readonly previous?: Session
}

export async function beginHandshake(options: HandshakeOptions): Promise<Handshake> {
  const { key, suite, previous } = options
  const isRotate = previous !== undefined
  const device = previous?.device ?? (await newDevice())
  const info = originInfo(options.origin, isRotate ? 'rotate' : 'init')
  const context = await hpkeSender(key.kem as SenderKem, key.publicKey, info)
  const type = isRotate ? MESSAGE_TYPE.rotate : MESSAGE_TYPE.init
  const header = writeKeyHeader(type, key.keyId, suite, context.enc)
  const ephemeral = await newEphemeral(suite)
  const tlvs = new Map<number, Uint8Array>([
    [CLIENT_TLV.share, ephemeral.share],
    [CLIENT_TLV.deviceKey, await exportRaw(device.publicKey)],
    [CLIENT_TLV.time, timeBytes(options.now)],
  ])
  if (ephemeral.mlKemKey !== undefined) tlvs.set(CLIENT_TLV.mlKemKey, ephemeral.mlKemKey)
  if (options.auth !== undefined) tlvs.set(CLIENT_TLV.auth, options.auth)
  if (previous !== undefined) {
    const shares = await sha256(
      joinOctets(header, ephemeral.share, ephemeral.mlKemKey ?? new Uint8Array(0)),
    )
    const mac = await subtle.sign('HMAC', previous.requestKey, owned(previousSigned(shares)))
    const { sessionId, generation } = previous
    tlvs.set(CLIENT_TLV.previous, joinOctets(sessionId, u32Bytes(generation), new Uint8Array(mac)))
  }
  const signed = deviceSigned(await sha256(joinOctets(header, writeKeyTlvs(tlvs))))
  const signature = await subtle.sign(
    { name: 'ECDSA', hash: 'SHA-256' },
    device.privateKey,
    owned(signed),
  )
  tlvs.set(CLIENT_TLV.deviceSignature, new Uint8Array(signature))
  return resumeHandshake({
    message: owned(joinOctets(header, await context.seal(writeKeyTlvs(tlvs), header))),
    keyId: key.keyId,
    suite,
    exporter: await context.export(EXPORT_CONTEXT, 32),
    ephemeral: ephemeral.privateKey,
    mlKem: ephemeral.mlKem,
    device,
    previous,
  })
}

export function resumeHandshake(pending: PendingHandshake): Handshake {
  return { message: pending.message, pending, finish: (reply) => finish(pending, reply) }
}

async function finish(pending: PendingHandshake, reply: Uint8Array): Promise<Session> {
  const { suite, keyId, previous, message, device } = pending
  const read = readKeyMessage(reply)
  const type = previous === undefined ? MESSAGE_TYPE.initReply : MESSAGE_TYPE.rotateReply
  if (read.kind !== 'read') throw new SessionError('reply_malformed')
  const { message: answer } = read
  const expected = answer.type === type && answer.suite === suite && answer.keyId === keyId
  if (!expected || answer.field.length !== SHARE_BYTES[suite].server) {
    throw new SessionError('reply_malformed')
  }
  const th = await sha256(transcript(message, answer.header))
  const { ikm, mlKem } = await agree(pending, answer.field)
  let salt = pending.exporter
  if (mlKem !== undefined) salt = await hkdfBits(mlKem, salt, keyInfo('pq', th), 32)
  if (previous !== undefined) {
    const chain = await subtle.sign('HMAC', previous.requestKey, owned(chainSigned(th)))
    salt = await sha256(joinOctets(salt, new Uint8Array(chain)))
  }
  const plain = await openReply(
    await hkdfBits(ikm, salt, keyInfo('resp', th), 28),
    th,
    answer.sealed,
  )
  const tlvs = readKeyTlvs(plain, new Set(Object.values(SERVER_TLV)))
  if (tlvs === undefined) throw new SessionError('reply_malformed')
  const field = (tlv: number, bytes: number | undefined): Bytes => {
    const value = tlvs.get(tlv)
    const fits = value !== undefined && (bytes === undefined || value.length === bytes)
    if (!fits) throw new SessionError('reply_malformed')
    return new Uint8Array(value)
  }
  const number = (tlv: number) => new DataView(field(tlv, 4).buffer).getUint32(0)
  const requestKey = await subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt, info: owned(keyInfo('req', th)) },
    ikm,
    { name: 'HMAC', hash: 'SHA-256', length: 256 },
    false,
    ['sign'],
  )
  // No browser derives an HKDF key from another (deriveKey): the body key passes through bytes once.
  const bodyBits = await hkdfBits(ikm, salt, keyInfo('body', th), 32)
  const bodyKey = await subtle.importKey('raw', bodyBits, 'HKDF', false, [
    'deriveBits',
    'deriveKey',
  ])
  bodyBits.fill(0)
  return {
    ticket: `:${base64(field(SERVER_TLV.ticket, undefined))}:`,
    sessionId: field(SERVER_TLV.sessionId, 16),
    generation: number(SERVER_TLV.generation),
    rotateAfter: number(SERVER_TLV.rotateAfter),
    expires: number(SERVER_TLV.expires),
    requestKey,
    bodyKey,
    device,
  }
}

async function openReply(key: Bytes, th: Bytes, sealed: Uint8Array): Promise<Bytes> {
  const aes = await subtle.importKey('raw', key.slice(0, 16), 'AES-GCM', false, ['decrypt'])
  const how = { name: 'AES-GCM', iv: key.slice(16), additionalData: th }
  try {
    return new Uint8Array(await subtle.decrypt(how, aes, owned(sealed)))
  } catch {
    throw new SessionError('reply_not_authentic')
  }
}

/** Our half of an agreement, used once. */
interface Ephemeral {
  readonly share: Bytes
  readonly mlKemKey: Bytes | undefined
  readonly privateKey: CryptoKey
  readonly mlKem: CryptoKey | undefined
}

const ephemeralAlgorithm = (suite: Suite) =>
  suite === SUITE.p256 ? { name: 'ECDH', namedCurve: 'P-256' } : { name: 'X25519' }

async function newEphemeral(suite: Suite): Promise<Ephemeral> {
  const algorithm = ephemeralAlgorithm(suite)
  const pair = (await subtle.generateKey(algorithm, false, ['deriveKey'])) as KeyPair
  const share = await exportRaw(pair.publicKey)
  const own = { share, privateKey: pair.privateKey }
  if (suite !== SUITE.x25519MlKem768) return { ...own, mlKemKey: undefined, mlKem: undefined }
  const kem = await modern.generateKey('ML-KEM-768', false, ['decapsulateKey'])
  const mlKemKey = new Uint8Array(await modern.exportKey('raw-public', kem.publicKey))
  return { ...own, mlKemKey, mlKem: kem.privateKey }
}

async function agree(
  { suite, ephemeral, mlKem }: PendingHandshake,
  field: Uint8Array,
): Promise<{ readonly ikm: CryptoKey; readonly mlKem: CryptoKey | undefined }> {
  const algorithm = ephemeralAlgorithm(suite)
  const shareBytes = SHARE_BYTES[suite].client
  const theirs = owned(field.slice(0, shareBytes))
  const peer = await subtle.importKey('raw', theirs, algorithm, true, [])
  const how = { name: algorithm.name, public: peer }
  const uses = ['deriveKey', 'deriveBits'] as const
  const ikm = await subtle.deriveKey(how, ephemeral, { name: 'HKDF' }, false, [...uses])
  if (mlKem === undefined) return { ikm, mlKem }
  const ciphertext = owned(field.slice(shareBytes))
  const kind = { name: 'HKDF' }
  const secret = await modern.decapsulateKey('ML-KEM-768', mlKem, ciphertext, kind, false, [
    'deriveBits',
  ])
  return { ikm, mlKem: secret }
}

/** ML-KEM in WebCrypto (Modern Algorithms): newer than the types of the DOM. */
interface MlKemSubtle {
  generateKey(name: string, extractable: boolean, usages: readonly string[]): Promise<KeyPair>
  exportKey(format: string, key: CryptoKey): Promise<ArrayBuffer>
  decapsulateKey(
    name: string,
    key: CryptoKey,
    ciphertext: Bytes,
    kind: { readonly name: string },
    extractable: boolean,
    usages: readonly string[],
  ): Promise<CryptoKey>
}
const modern = subtle as unknown as MlKemSubtle

async function newDevice(): Promise<KeyPair> {
  return await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
}

async function exportRaw(key: CryptoKey): Promise<Bytes> {
  return new Uint8Array(await subtle.exportKey('raw', key))
}

async function sha256(bytes: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await subtle.digest('SHA-256', owned(bytes)))
}

async function hkdfBits(
  ikm: CryptoKey,
  salt: Bytes,
  info: Uint8Array,
  bytes: number,
): Promise<Bytes> {
  const how = { name: 'HKDF', hash: 'SHA-256', salt, info: owned(info) }
  return new Uint8Array(await subtle.deriveBits(how, ikm, bytes * 8))
}

function timeBytes(ms: number): Uint8Array {
  return joinOctets(u32Bytes(Math.floor(ms / 2 ** 32)), u32Bytes(ms % 2 ** 32))
}
