/**
 * HPKE (RFC 9180), base mode, with HKDF-SHA256 and AES-128-GCM: what LSK/1 opens sessions by. KEMs: DHKEM(X25519), DHKEM(P-256) and
 * X-Wing (draft-connolly-cfrg-xwing-kem: X25519 and ML-KEM-768 together), all by OpenSSL: a pure
 * implementation costs ten times as much. One message per context: sequence number 0 only.
 *
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import type { Random } from '../../ground/random.ts'
import { KEM, type Kem } from '../../wire/key-config.ts'
import { hmacSha256 } from './hmac.ts'

const KDF_HKDF_SHA256 = 0x0001
const AEAD_AES_128_GCM = 0x0001
const KEY_BYTES = 16
const NONCE_BYTES = 12
const HASH_BYTES = 32
const TAG_BYTES = 16
const ML_KEM_CIPHERTEXT_BYTES = 1088
const ML_KEM_SEED_BYTES = 64
const ML_KEM_KEY_BYTES = 1184
const X25519_BYTES = 32
const NOTHING = Buffer.alloc(0)
const VERSION_LABEL = Buffer.from('HPKE-v1')
const LABELS = {
  dkp_prk: Buffer.from('dkp_prk'),
  candidate: Buffer.from('candidate'),
  eae_prk: Buffer.from('eae_prk'),
  shared_secret: Buffer.from('shared_secret'),
  psk_id_hash: Buffer.from('psk_id_hash'),
  info_hash: Buffer.from('info_hash'),
  secret: Buffer.from('secret'),
  key: Buffer.from('key'),
  base_nonce: Buffer.from('base_nonce'),
  exp: Buffer.from('exp'),
  sec: Buffer.from('sec'),
} as const
type Label = keyof typeof LABELS
const FIRST_ROUND = Buffer.of(1)
const X_WING_LABEL = Buffer.from('5c2e2f2f5e5c', 'hex')

/** Bytes of `enc`, by KEM. */
export const ENC_BYTES: Readonly<Record<Kem, number>> = {
  [KEM.p256]: 65,
  [KEM.x25519]: X25519_BYTES,
  [KEM.xWing]: ML_KEM_CIPHERTEXT_BYTES + X25519_BYTES,
}

/** Both ends have the same one afterwards. */
export interface HpkeContext {
  /** undefined when the ciphertext was not made for this context and `aad`. */
  open(ciphertext: Uint8Array, aad: Uint8Array): Buffer | undefined
  seal(plain: Uint8Array, aad: Uint8Array): Buffer
  export(context: Uint8Array, bytes: number): Buffer
}

/** A recipient's key pair. `seed` (32 bytes for both KEMs) is the secret to be kept; zero it after storing. */
export interface HpkeKeyPair {
  readonly kem: Kem
  readonly publicKey: Buffer
  /** undefined for an `enc` that cannot be (wrong length, all-zero share). */
  receive(enc: Uint8Array, info: Uint8Array): HpkeContext | undefined
}

/** @param seed 32 bytes. X25519: the private key itself; P-256: input of DeriveKeyPair (section 7.1.3); X-Wing: section 5.2 of its draft. */
export function hpkeKeyPair(kem: Kem, seed: Uint8Array): HpkeKeyPair {
  if (seed.length !== 32)
    throw new RangeError(`Cannot make a key of a seed of ${seed.length} bytes`)
  if (kem === KEM.p256) return p256Pair(seed)
  return kem === KEM.x25519 ? x25519Pair(seed) : xWingPair(seed)
}

/** Sets up a context to `publicKey`; `enc` goes to the recipient. @throws RangeError for what is no key */
export function hpkeSend(
  kem: Kem,
  publicKey: Uint8Array,
  info: Uint8Array,
  random: Random,
): { readonly enc: Buffer; readonly context: HpkeContext } {
  if (kem === KEM.x25519) {
    const ephemeral = x25519Private(random.bytes(X25519_BYTES))
    const enc = rawOf(createPublicKey(ephemeral))
    const dh = x25519(ephemeral, publicKey)
    if (dh === undefined) throw new RangeError('Cannot send to this X25519 key')
    return { enc, context: schedule(kem, dhkemSecret(kem, dh, enc, publicKey), info) }
  }
  if (kem === KEM.p256) {
    const ephemeral = createECDH('prime256v1')
    const enc = ephemeral.generateKeys()
    const dh = p256(ephemeral, publicKey)
    if (dh === undefined) throw new RangeError('Cannot send to this P-256 key')
    return { enc, context: schedule(kem, dhkemSecret(kem, dh, enc, publicKey), info) }
  }
  if (publicKey.length !== ML_KEM_KEY_BYTES + X25519_BYTES) {
    throw new RangeError(`Cannot send to an X-Wing key of ${publicKey.length} bytes`)
  }
  const mlKem = encapsulate(mlKemPublicKey(publicKey.subarray(0, ML_KEM_KEY_BYTES)))
  const ephemeral = x25519Private(random.bytes(X25519_BYTES))
  const share = rawOf(createPublicKey(ephemeral))
  const peer = publicKey.subarray(ML_KEM_KEY_BYTES)
  const dh = x25519(ephemeral, peer)
  if (dh === undefined) throw new RangeError('Cannot send to this X-Wing key')
  const secret = xWingSecret(mlKem.sharedKey, dh, share, peer)
  const enc = Buffer.concat([mlKem.ciphertext, share])
  return { enc, context: schedule(kem, secret, info) }
}

// --- KEMs ------------------------------------------------------------------------------------------

function x25519Pair(seed: Uint8Array): HpkeKeyPair {
  const privateKey = x25519Private(seed)
  const publicKey = rawOf(createPublicKey(privateKey))
  return {
    kem: KEM.x25519,
    publicKey,
    receive(enc, info) {
      if (enc.length !== X25519_BYTES) return undefined
      const dh = x25519(privateKey, enc)
      if (dh === undefined) return undefined
      return schedule(KEM.x25519, dhkemSecret(KEM.x25519, dh, enc, publicKey), info)
    },
  }
}

/** Section 7.1.3: DeriveKeyPair. A candidate beyond the order comes once in 2^32 times. */
function p256Pair(seed: Uint8Array): HpkeKeyPair {
  const suite = kemSuite(KEM.p256)
  const prk = labeledExtract(suite, NOTHING, 'dkp_prk', seed)
  const ecdh = createECDH('prime256v1')
  for (let counter = 0; ; counter++) {
    const candidate = labeledExpand(suite, prk, 'candidate', Buffer.of(counter), HASH_BYTES)
    try {
      ecdh.setPrivateKey(candidate)
      break
    } catch {
      if (counter === 255) throw new RangeError('Cannot make a P-256 key of this seed')
    }
  }
  const publicKey = ecdh.getPublicKey()
  return {
    kem: KEM.p256,
    publicKey,
    receive(enc, info) {
      if (enc.length !== ENC_BYTES[KEM.p256]) return undefined
      const dh = p256(ecdh, enc)
      if (dh === undefined) return undefined
      return schedule(KEM.p256, dhkemSecret(KEM.p256, dh, enc, publicKey), info)
    },
  }
}

/** undefined for what is no point of the curve. */
function p256(ecdh: ReturnType<typeof createECDH>, share: Uint8Array): Buffer | undefined {
  // Uncompressed points only, as section 7.1.1 has them.
  if (share[0] !== 4) return undefined
  try {
    return ecdh.computeSecret(share)
  } catch {
    return undefined
  }
}

function xWingPair(seed: Uint8Array): HpkeKeyPair {
  const expanded = createHash('shake256', { outputLength: 96 }).update(seed).digest()
  const mlKem = createPrivateKey({
    key: expanded.subarray(0, ML_KEM_SEED_BYTES),
    format: 'raw-seed',
    asymmetricKeyType: 'ml-kem-768',
  })
  const x = x25519Private(expanded.subarray(ML_KEM_SEED_BYTES))
  expanded.fill(0)
  const xPublic = rawOf(createPublicKey(x))
  const publicKey = Buffer.concat([rawOf(createPublicKey(mlKem)), xPublic])
  return {
    kem: KEM.xWing,
    publicKey,
    receive(enc, info) {
      if (enc.length !== ENC_BYTES[KEM.xWing]) return undefined
      const share = enc.subarray(ML_KEM_CIPHERTEXT_BYTES)
      const dh = x25519(x, share)
      if (dh === undefined) return undefined
      // ML-KEM never says that a ciphertext is wrong: the key is then another one (FIPS 203 section 6.3).
      const shared = decapsulate(mlKem, enc.subarray(0, ML_KEM_CIPHERTEXT_BYTES))
      return schedule(KEM.xWing, xWingSecret(shared, dh, share, xPublic), info)
    },
  }
}

const KEM_SUITES = new Map(
  Object.values(KEM).map((kem) => [kem, Buffer.from([...Buffer.from('KEM'), kem >> 8, kem & 255])]),
)

function kemSuite(kem: Kem): Buffer {
  return KEM_SUITES.get(kem) as Buffer
}

/** Section 4.1, ExtractAndExpand of DHKEM. */
function dhkemSecret(kem: Kem, dh: Uint8Array, enc: Uint8Array, publicKey: Uint8Array): Buffer {
  const suite = kemSuite(kem)
  const prk = labeledExtract(suite, NOTHING, 'eae_prk', dh)
  return labeledExpand(suite, prk, 'shared_secret', Buffer.concat([enc, publicKey]), HASH_BYTES)
}

/** X-Wing, section 5.3: SHA3-256 over both secrets, the share, the key and the label. */
function xWingSecret(
  mlKem: Uint8Array,
  dh: Uint8Array,
  share: Uint8Array,
  publicKey: Uint8Array,
): Buffer {
  const hash = createHash('sha3-256').update(mlKem).update(dh).update(share).update(publicKey)
  return hash.update(X_WING_LABEL).digest()
}

/** undefined when the shared secret would be all zero (RFC 7748 section 6.1) or `share` is no key. */
export function x25519(privateKey: KeyObject, share: Uint8Array): Buffer | undefined {
  try {
    const key = Buffer.from(share)
    // A KeyObject of its own would cost a tenth of the agreement. Node takes a key in this form; its types do not say so yet.
    const publicKey: unknown = { key, format: 'raw-public', asymmetricKeyType: 'x25519' }
    return diffieHellman({ privateKey, publicKey: publicKey as KeyObject })
  } catch {
    return undefined
  }
}

function x25519Private(raw: Uint8Array): KeyObject {
  const key = Buffer.from(raw)
  const privateKey = createPrivateKey({ key, format: 'raw-private', asymmetricKeyType: 'x25519' })
  key.fill(0)
  return privateKey
}

export function mlKemPublicKey(raw: Uint8Array): KeyObject {
  const key = Buffer.from(raw)
  return createPublicKey({ key, format: 'raw-public', asymmetricKeyType: 'ml-kem-768' })
}

export function newX25519(): { readonly privateKey: KeyObject; readonly share: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519', {
    publicKeyEncoding: { format: 'raw-public' },
  })
  return { privateKey, share: publicKey }
}

function rawOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'raw-public' })
}

// --- Key schedule (section 5.1) --------------------------------------------------------------------

interface Suite {
  readonly id: Buffer
  readonly pskIdHash: Buffer
  /** Hashes of the few `info`s in use: one per origin. */
  readonly infoHashes: Map<string, Buffer>
}

/** Origins whose hash is kept; the oldest goes. */
const INFOS_MAX = 256
const SUITES = new Map<Kem, Suite>()

function suiteOf(kem: Kem): Suite {
  const known = SUITES.get(kem)
  if (known !== undefined) return known
  const numbers = [kem, KDF_HKDF_SHA256, AEAD_AES_128_GCM].flatMap((n) => [n >> 8, n & 255])
  const id = Buffer.concat([Buffer.from('HPKE'), Buffer.from(numbers)])
  const suite = {
    id,
    pskIdHash: labeledExtract(id, NOTHING, 'psk_id_hash', NOTHING),
    infoHashes: new Map<string, Buffer>(),
  }
  SUITES.set(kem, suite)
  return suite
}

function infoHash({ id, infoHashes }: Suite, info: Uint8Array): Buffer {
  const name = Buffer.from(info).toString('latin1')
  const known = infoHashes.get(name)
  if (known !== undefined) return known
  const hash = labeledExtract(id, NOTHING, 'info_hash', info)
  if (infoHashes.size >= INFOS_MAX) infoHashes.delete(infoHashes.keys().next().value ?? '')
  infoHashes.set(name, hash)
  return hash
}

function schedule(kem: Kem, shared: Uint8Array, info: Uint8Array): HpkeContext {
  const suite = suiteOf(kem)
  const { id } = suite
  const context = Buffer.concat([Buffer.of(0), suite.pskIdHash, infoHash(suite, info)])
  const secret = labeledExtract(id, shared, 'secret', NOTHING)
  const key = labeledExpand(id, secret, 'key', context, KEY_BYTES)
  const nonce = labeledExpand(id, secret, 'base_nonce', context, NONCE_BYTES)
  const exporter = labeledExpand(id, secret, 'exp', context, HASH_BYTES)
  return {
    open(ciphertext, aad) {
      if (ciphertext.length < TAG_BYTES) return undefined
      const tagAt = ciphertext.length - TAG_BYTES
      const decipher = createDecipheriv('aes-128-gcm', key, nonce)
      decipher.setAAD(aad).setAuthTag(ciphertext.subarray(tagAt))
      const plain = decipher.update(ciphertext.subarray(0, tagAt))
      try {
        decipher.final()
        return plain
      } catch {
        return undefined
      }
    },
    seal(plain, aad) {
      const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(aad)
      return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
    },
    export: (of, bytes) => labeledExpand(id, exporter, 'sec', of, bytes),
  }
}

function labeledExtract(
  suite: Uint8Array,
  salt: Uint8Array,
  label: Label,
  ikm: Uint8Array,
): Buffer {
  return hmacSha256(salt, VERSION_LABEL, suite, LABELS[label], ikm)
}

/** Of at most 32 bytes: one round of HKDF-Expand. */
function labeledExpand(
  suite: Uint8Array,
  prk: Uint8Array,
  label: Label,
  info: Uint8Array,
  bytes: number,
): Buffer {
  if (bytes > HASH_BYTES) throw new RangeError(`Cannot expand to ${bytes} bytes: at most 32`)
  const length = Buffer.of(0, bytes)
  const mac = hmacSha256(prk, length, VERSION_LABEL, suite, LABELS[label], info, FIRST_ROUND)
  return mac.subarray(0, bytes)
}
