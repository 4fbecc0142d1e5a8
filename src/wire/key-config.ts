/**
 * The signed configuration of the key server: which public keys clients may open sessions under
 * (`GET /.well-known/limen/keys`, LSK/1).
 *
 * TLVs (`key-message.ts`): 0x8001, 0x8002, ... one per key, the preferred first:
 *   u16 key id | u16 KEM | u32 not before | u32 expires | u16 count | u16 suites ... | public key
 * then 0x8fff: Ed25519 signature over "limen/lsk/1 keys" 0x00 and all bytes before that TLV.
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'
import { readKeyTlvs, SUITE, type Suite, writeKeyTlvs } from './key-message.ts'

/** HPKE KEM ids (RFC 9180 section 7.1; X-Wing: draft-connolly-cfrg-xwing-kem). */
export const KEM = { p256: 0x0010, x25519: 0x0020, xWing: 0x647a } as const
export type Kem = (typeof KEM)[keyof typeof KEM]
export const KEM_KEY_BYTES: Readonly<Record<Kem, number>> = {
  [KEM.p256]: 65,
  [KEM.x25519]: 32,
  [KEM.xWing]: 1216,
}

export interface PublicKeyConfig {
  readonly keyId: number
  readonly kem: Kem
  /** Seconds since 1970. */
  readonly notBefore: number
  readonly expires: number
  /** The preferred first: a client takes the first it can do. */
  readonly suites: readonly Suite[]
  readonly publicKey: Uint8Array
}

export interface KeyConfig {
  readonly keys: readonly PublicKeyConfig[]
  /** What the signature is over, without the label. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

export const KEY_CONFIG_LABEL = 'limen/lsk/1 keys\0'
const FIRST_KEY = 0x8001
/** Two keys overlap at a rollover, in two kinds each; twice that is more than enough. */
const KEYS_MAX = 8
const SIGNATURE = 0x8fff
const SIGNATURE_BYTES = 64
const FIXED_BYTES = 14
const CONFIG_BYTES_MAX = KEYS_MAX * 1300 + 100
const KNOWN: ReadonlySet<number> = new Set([
  ...Array.from({ length: KEYS_MAX }, (_, i) => FIRST_KEY + i),
  SIGNATURE,
])

/** undefined for anything but a whole configuration. The signature is not looked at here. Never throws. */
export function readKeyConfig(bytes: Uint8Array): KeyConfig | undefined {
  if (bytes.length > CONFIG_BYTES_MAX) return undefined
  const tlvs = readKeyTlvs(bytes, KNOWN)
  const signature = tlvs?.get(SIGNATURE)
  if (tlvs === undefined || signature?.length !== SIGNATURE_BYTES) return undefined
  const keys: PublicKeyConfig[] = []
  for (let i = 0; i < tlvs.size - 1; i++) {
    const value = tlvs.get(FIRST_KEY + i)
    const key = value === undefined ? undefined : readKey(value)
    if (key === undefined) return undefined
    if (key !== 'of the future') keys.push(key)
  }
  if (keys.length === 0) return undefined
  const signed = bytes.subarray(0, bytes.length - SIGNATURE_BYTES - 4)
  return { keys, signed, signature }
}

/** One of a KEM that is not known is no reason to refuse the others. */
function readKey(value: Uint8Array): PublicKeyConfig | 'of the future' | undefined {
  if (value.length < FIXED_BYTES) return undefined
  const kem = u16(value, 2)
  const end = FIXED_BYTES + u16(value, 12) * 2
  if (!isKem(kem)) return value.length > end ? 'of the future' : undefined
  if (value.length !== end + KEM_KEY_BYTES[kem]) return undefined
  const suites: Suite[] = []
  for (let at = FIXED_BYTES; at < end; at += 2) {
    const suite = u16(value, at)
    // A suite of the future is no reason to refuse those that are known.
    if (isSuite(suite)) suites.push(suite)
  }
  return {
    keyId: u16(value, 0),
    kem,
    notBefore: u32(value, 4),
    expires: u32(value, 8),
    suites,
    publicKey: value.subarray(end),
  }
}

/** Bytes to be signed, for {@link sealKeyConfig}. @throws RangeError for more keys than a configuration holds */
export function writeKeyConfig(keys: readonly PublicKeyConfig[]): Uint8Array {
  if (keys.length === 0 || keys.length > KEYS_MAX) {
    throw new RangeError(
      `Cannot write a configuration of ${keys.length} keys: want 1 to ${KEYS_MAX}`,
    )
  }
  return writeKeyTlvs(new Map(keys.map((key, i) => [FIRST_KEY + i, writeKey(key)])))
}

export function sealKeyConfig(signed: Uint8Array, signature: Uint8Array): Uint8Array {
  const tail = writeKeyTlvs(new Map([[SIGNATURE, signature]]))
  const bytes = new Uint8Array(signed.length + tail.length)
  bytes.set(signed)
  bytes.set(tail, signed.length)
  return bytes
}

function writeKey(key: PublicKeyConfig): Uint8Array {
  const { keyId, kem, notBefore, expires, suites, publicKey } = key
  const head = new Uint8Array(FIXED_BYTES + suites.length * 2 + publicKey.length)
  const view = new DataView(head.buffer)
  view.setUint16(0, keyId)
  view.setUint16(2, kem)
  view.setUint32(4, notBefore)
  view.setUint32(8, expires)
  view.setUint16(12, suites.length)
  for (const [i, suite] of suites.entries()) view.setUint16(FIXED_BYTES + i * 2, suite)
  head.set(publicKey, FIXED_BYTES + suites.length * 2)
  return head
}

function isKem(kem: number): kem is Kem {
  return kem === KEM.p256 || kem === KEM.x25519 || kem === KEM.xWing
}

function isSuite(suite: number): suite is Suite {
  return suite >= SUITE.x25519 && suite <= SUITE.x25519MlKem768
}
