/**
 * LMK1: what the key service tells devices and transports about keys of media, sealed to one of them and signed
 * (`docs/wire/device-keys.md`). Bytes only; what seals and signs is `adapters/node/media-key-seal.ts`, answers are
 * `media-key-answer.ts`.
 *
 *  0  4  "LMK1"                      24  32  HPKE's enc (DHKEM X25519)
 *  4  1  type                        56      sealed TLVs; AAD: the first 56 bytes
 *  5  1  1 (version)                -64      Ed25519 signature over all before it
 *  6  2  0 (flags)
 *  8  8  sequence number
 * 16  8  milliseconds since 1970
 *
 * Sequence numbers begin at the milliseconds of the service's start times 65536 and grow with each message, also with one that says
 * the same again: nobody takes one twice, and none that is older than the last.
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'
import { type KeyTlvs, readKeyTlvs, writeKeyTlvs } from './key-message.ts'

export const MEDIA_KEY_TYPE = { install: 1, activate: 2, retire: 3, panic: 4 } as const
export type MediaKeyType = (typeof MEDIA_KEY_TYPE)[keyof typeof MEDIA_KEY_TYPE]

/** What is said. */
export type MediaKeyOrder =
  | {
      readonly kind: 'install'
      readonly epoch: number
      /** 16 octets. */
      readonly key: Uint8Array
      /** 12 octets. */
      readonly salt: Uint8Array
      /** Milliseconds since 1970; nothing is sent or taken under it after. */
      readonly notAfter: number
      /** Whose epoch it is. */
      readonly device: string
    }
  | { readonly kind: 'activate' | 'retire' | 'panic'; readonly epoch: number }

export interface MediaKeyMessage {
  readonly type: MediaKeyType
  readonly sequence: bigint
  /** Milliseconds since 1970, by the service's clock. */
  readonly time: number
  /** With `enc`: what the sealed part is bound to. */
  readonly head: Uint8Array
  readonly enc: Uint8Array
  readonly sealed: Uint8Array
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

export type MediaKeyRead =
  | { readonly kind: 'read'; readonly message: MediaKeyMessage }
  | { readonly kind: 'refused'; readonly code: 'malformed' | 'version' }

export const MEDIA_KEY_VERSION = 1
const MAGIC = [0x4c, 0x4d, 0x4b, 0x31]
const FIXED_BYTES = 24
const ENC_BYTES = 32
const HEAD_BYTES = FIXED_BYTES + ENC_BYTES
const TAG_BYTES = 16
const SIGNATURE_BYTES = 64
/** An INSTALL with the longest name has 274. */
const MESSAGE_BYTES_MAX = 512
const KEY_BYTES = 16
const SALT_BYTES = 12
const TLV = { epoch: 0x8001, key: 0x8002, salt: 0x8003, notAfter: 0x8004, device: 0x8005 } as const
const TLVS: ReadonlySet<number> = new Set(Object.values(TLV))
/** Names go into topics of MQTT and paths of URLs: no level, no wildcard, not `.` nor `..`. */
const DEVICE = /^(?!\.{1,2}$)[\w.-]{1,64}$/

/** Whether it can be the name of a device or a transport. */
export function isMediaParty(id: string): boolean {
  return DEVICE.test(id)
}

/** Views of `bytes`; what is wrong, else. Never throws. */
export function readMediaKeyMessage(bytes: Uint8Array): MediaKeyRead {
  const end = bytes.length - SIGNATURE_BYTES
  const isSize = end >= HEAD_BYTES + TAG_BYTES && bytes.length <= MESSAGE_BYTES_MAX
  if (!isSize || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    return { kind: 'refused', code: 'malformed' }
  }
  if (bytes[5] !== MEDIA_KEY_VERSION) return { kind: 'refused', code: 'version' }
  const type = bytes[4] ?? 0
  if (!isType(type) || u16(bytes, 6) !== 0) return { kind: 'refused', code: 'malformed' }
  const message: MediaKeyMessage = {
    type,
    sequence: (BigInt(u32(bytes, 8)) << 32n) | BigInt(u32(bytes, 12)),
    time: u32(bytes, 16) * 2 ** 32 + u32(bytes, 20),
    head: bytes.subarray(0, HEAD_BYTES),
    enc: bytes.subarray(FIXED_BYTES, HEAD_BYTES),
    sealed: bytes.subarray(HEAD_BYTES, end),
    signed: bytes.subarray(0, end),
    signature: bytes.subarray(end),
  }
  return { kind: 'read', message }
}

/** What comes before the sealed part. @param enc 32 octets */
export function writeMediaKeyHead(
  type: MediaKeyType,
  sequence: bigint,
  time: number,
  enc: Uint8Array,
): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES)
  head.set([...MAGIC, type, MEDIA_KEY_VERSION, 0, 0])
  const view = new DataView(head.buffer)
  view.setBigUint64(8, sequence)
  view.setBigUint64(16, BigInt(time))
  head.set(enc, FIXED_BYTES)
  return head
}

/** What gets sealed. Zero it afterwards: of an INSTALL it holds the key. @throws RangeError for what cannot be said */
export function writeMediaKeyOrder(order: MediaKeyOrder): Uint8Array {
  const epoch = new Uint8Array(4)
  new DataView(epoch.buffer).setUint32(0, order.epoch)
  const tlvs = new Map<number, Uint8Array>([[TLV.epoch, epoch]])
  if (order.kind !== 'install') return writeKeyTlvs(tlvs)
  const { key, salt, notAfter, device } = order
  if (key.length !== KEY_BYTES || salt.length !== SALT_BYTES || !isMediaParty(device)) {
    throw new RangeError('Cannot say a key of this length, or for a device of this name')
  }
  const until = new Uint8Array(8)
  new DataView(until.buffer).setBigUint64(0, BigInt(notAfter))
  const name = Uint8Array.from(device, (char) => char.charCodeAt(0))
  tlvs.set(TLV.key, key).set(TLV.salt, salt).set(TLV.notAfter, until).set(TLV.device, name)
  return writeKeyTlvs(tlvs)
}

/** What was sealed: key and salt are copies. Undefined when it is no such order. Never throws. */
export function readMediaKeyOrder(
  type: MediaKeyType,
  bytes: Uint8Array,
): MediaKeyOrder | undefined {
  const tlvs = readKeyTlvs(bytes, TLVS)
  const number = tlvs?.get(TLV.epoch)
  if (tlvs === undefined || number?.length !== 4) return undefined
  const epoch = u32(number, 0)
  if (type === MEDIA_KEY_TYPE.install) return installOf(epoch, tlvs)
  if (tlvs.size !== 1) return undefined
  const kinds = { 2: 'activate', 3: 'retire', 4: 'panic' } as const
  return { kind: kinds[type], epoch }
}

function installOf(epoch: number, tlvs: KeyTlvs): MediaKeyOrder | undefined {
  const [key, salt] = [tlvs.get(TLV.key), tlvs.get(TLV.salt)]
  const [until, name] = [tlvs.get(TLV.notAfter), tlvs.get(TLV.device)]
  if (key?.length !== KEY_BYTES || salt?.length !== SALT_BYTES) return undefined
  if (until?.length !== 8 || name === undefined) return undefined
  const device = String.fromCharCode(...name.subarray(0, 65))
  const notAfter = u32(until, 0) * 2 ** 32 + u32(until, 4)
  if (!isMediaParty(device) || !Number.isSafeInteger(notAfter)) return undefined
  return {
    ...{ kind: 'install', epoch, notAfter, device },
    key: Uint8Array.from(key),
    salt: Uint8Array.from(salt),
  }
}

/** `info` of HPKE: a message for one party is none for another. */
export function mediaKeyInfo(party: string): Uint8Array {
  return Uint8Array.from(`limen/lmk/1 key\0${party}`, (char) => char.charCodeAt(0))
}

function isType(type: number): type is MediaKeyType {
  return type >= MEDIA_KEY_TYPE.install && type <= MEDIA_KEY_TYPE.panic
}
