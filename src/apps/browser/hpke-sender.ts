/**
 * HPKE (RFC 9180), base mode, the sender's side, by WebCrypto alone: DHKEM(X25519, HKDF-SHA256), or
 * DHKEM(P-256, HKDF-SHA256) where a browser has no X25519; HKDF-SHA256; AES-128-GCM. One message per context.
 *
 * @module
 */
import { joinOctets } from '../../ground/octets.ts'
import { KEM, type Kem } from '../../wire/key-config.ts'

const { subtle } = crypto
const encode = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value)
const NOTHING = new Uint8Array(0)
const HASH_BYTES = 32

export interface SenderContext {
  readonly enc: Uint8Array<ArrayBuffer>
  seal(plain: Uint8Array, aad: Uint8Array): Promise<Uint8Array<ArrayBuffer>>
  export(context: Uint8Array, bytes: number): Promise<Uint8Array<ArrayBuffer>>
}

/** As WebCrypto has it; named here because only some of its types are the same in all hosts. */
export interface KeyPair {
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

/** The KEMs that can be done here. */
export type SenderKem = typeof KEM.x25519 | typeof KEM.p256

const ALGORITHM: Readonly<
  Record<SenderKem, { readonly name: string; readonly namedCurve?: string }>
> = {
  [KEM.x25519]: { name: 'X25519' },
  [KEM.p256]: { name: 'ECDH', namedCurve: 'P-256' },
}

/** @throws DOMException when the browser cannot do this KEM, or `publicKey` is no key of it */
export async function hpkeSender(
  kem: SenderKem,
  publicKey: Uint8Array,
  info: Uint8Array,
): Promise<SenderContext> {
  const algorithm = ALGORITHM[kem]
  const peer = await subtle.importKey('raw', owned(publicKey), algorithm, true, [])
  const pair = (await subtle.generateKey(algorithm, false, ['deriveBits'])) as KeyPair
  const enc = new Uint8Array(await subtle.exportKey('raw', pair.publicKey))
  const dh = await subtle.deriveBits({ name: algorithm.name, public: peer }, pair.privateKey, 256)
  const suite = joinOctets(encode('KEM'), u16(kem))
  const prk = await labeledExtract(suite, NOTHING, 'eae_prk', new Uint8Array(dh))
  const kemContext = joinOctets(enc, publicKey)
  const shared = await labeledExpand(suite, prk, 'shared_secret', kemContext, HASH_BYTES)
  return { enc, ...(await schedule(kem, shared, info)) }
}

/** Section 5.1. */
async function schedule(
  kem: Kem,
  shared: Uint8Array,
  info: Uint8Array,
): Promise<Omit<SenderContext, 'enc'>> {
  const suite = joinOctets(encode('HPKE'), u16(kem), u16(1), u16(1))
  const context = joinOctets(
    Uint8Array.of(0),
    await labeledExtract(suite, NOTHING, 'psk_id_hash', NOTHING),
    await labeledExtract(suite, NOTHING, 'info_hash', info),
  )
  const secret = await labeledExtract(suite, shared, 'secret', NOTHING)
  const key = await labeledExpand(suite, secret, 'key', context, 16)
  const nonce = await labeledExpand(suite, secret, 'base_nonce', context, 12)
  const exporter = await labeledExpand(suite, secret, 'exp', context, HASH_BYTES)
  return {
    async seal(plain, aad) {
      const aes = await subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt'])
      const how = { name: 'AES-GCM', iv: nonce, additionalData: owned(aad) }
      return new Uint8Array(await subtle.encrypt(how, aes, owned(plain)))
    },
    export: (of, bytes) => labeledExpand(suite, exporter, 'sec', of, bytes),
  }
}

function labeledExtract(
  suite: Uint8Array,
  salt: Uint8Array,
  label: string,
  ikm: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  return hmac(salt, joinOctets(encode('HPKE-v1'), suite, encode(label), ikm))
}

/** Of at most 32 bytes. */
async function labeledExpand(
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const labeled = joinOctets(
    u16(bytes),
    encode('HPKE-v1'),
    suite,
    encode(label),
    info,
    Uint8Array.of(1),
  )
  return (await hmac(prk, labeled)).slice(0, bytes)
}

async function hmac(key: Uint8Array, data: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  // WebCrypto takes no empty key; HMAC pads with zeros, so 32 of them are the same key (RFC 2104).
  const raw = key.length === 0 ? new Uint8Array(HASH_BYTES) : owned(key)
  const imported = await subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ])
  return new Uint8Array(await subtle.sign('HMAC', imported, owned(data)))
}

/** WebCrypto's types want to know that nobody shares the memory. */
export function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
    ? (bytes as Uint8Array<ArrayBuffer>)
    : new Uint8Array(bytes)
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255)
}
