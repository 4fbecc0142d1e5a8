/**
 * LSK/1: messages by which a client and a key server agree on a session key
 * (`docs/wire/session-keys.md`). Bytes and values only; what is sealed in them is opened elsewhere.
 *
 *  0  4  "LSK1"
 *  4  1  type
 *  5  1  0
 *  6  2  key id
 *  8  2  suite
 * 10  2  length of the field, then the field, then what is sealed: TLVs of u16 type | u16 length | value
 *
 * TLVs come in ascending order, each type once. A type with the top bit set is critical: who does not know
 * it must refuse the message; others are skipped.
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'

export const MESSAGE_TYPE = { init: 1, initReply: 2, rotate: 3, rotateReply: 4 } as const
export type MessageType = (typeof MESSAGE_TYPE)[keyof typeof MESSAGE_TYPE]

/** Key agreements, as the client's ephemeral keys go. */
export const SUITE = { x25519: 0x0001, p256: 0x0002, x25519MlKem768: 0x0003 } as const
export type Suite = (typeof SUITE)[keyof typeof SUITE]

/** Bytes of a share of each suite: what the client sends, and what the server answers. */
export const SHARE_BYTES: Readonly<
  Record<Suite, { readonly client: number; readonly server: number }>
> = {
  [SUITE.x25519]: { client: 32, server: 32 },
  [SUITE.p256]: { client: 65, server: 65 },
  [SUITE.x25519MlKem768]: { client: 32, server: 32 + 1088 },
}

/** A message larger than this is refused unread. */
export const KEY_MESSAGE_BYTES_MAX = 8192
const HEADER_BYTES = 12
const MAGIC = [0x4c, 0x53, 0x4b, 0x31]

export const CLIENT_TLV = {
  capabilities: 0x0010,
  channelBinding: 0x0011,
  share: 0x8001,
  mlKemKey: 0x8002,
  deviceKey: 0x8003,
  auth: 0x8004,
  time: 0x8005,
  previous: 0x8006,
  deviceSignature: 0x8007,
} as const

export const SERVER_TLV = {
  policy: 0x0120,
  ticket: 0x8101,
  sessionId: 0x8102,
  epoch: 0x8103,
  generation: 0x8104,
  notBefore: 0x8105,
  rotateAfter: 0x8106,
  expires: 0x8107,
} as const

export interface KeyMessage {
  readonly type: MessageType
  readonly keyId: number
  readonly suite: Suite
  /** HPKE's `enc`, or the server's share. */
  readonly field: Uint8Array
  /** The header with the field: what the sealed part is bound to. */
  readonly header: Uint8Array
  readonly sealed: Uint8Array
}

export type KeyMessageRead =
  | { readonly kind: 'read'; readonly message: KeyMessage }
  | { readonly kind: 'malformed'; readonly field: string }

const malformed = (field: string): { kind: 'malformed'; field: string } => ({
  kind: 'malformed',
  field,
})

/** Reads a whole message; its parts are views of `bytes`. Never throws. */
export function readKeyMessage(bytes: Uint8Array): KeyMessageRead {
  if (bytes.length > KEY_MESSAGE_BYTES_MAX) return malformed('size')
  if (bytes.length < HEADER_BYTES) return malformed('header')
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) return malformed('magic')
  const type = bytes[4] as number
  if (!isMessageType(type)) return malformed('type')
  if (bytes[5] !== 0) return malformed('reserved')
  const suite = u16(bytes, 8)
  if (!isSuite(suite)) return malformed('suite')
  const end = HEADER_BYTES + u16(bytes, 10)
  if (end > bytes.length) return malformed('field')
  const message: KeyMessage = {
    type,
    keyId: u16(bytes, 6),
    suite,
    field: bytes.subarray(HEADER_BYTES, end),
    header: bytes.subarray(0, end),
    sealed: bytes.subarray(end),
  }
  return { kind: 'read', message }
}

/** The header of a message; what is sealed follows it. */
export function writeKeyHeader(
  type: MessageType,
  keyId: number,
  suite: Suite,
  field: Uint8Array,
): Uint8Array {
  if (field.length > 0xffff) throw new RangeError(`Cannot write a field of ${field.length} bytes`)
  const header = new Uint8Array(HEADER_BYTES + field.length)
  header.set([...MAGIC, type, 0, keyId >> 8, keyId & 255, suite >> 8, suite & 255])
  header.set([field.length >> 8, field.length & 255], 10)
  header.set(field, HEADER_BYTES)
  return header
}

const TLV_HEADER_BYTES = 4

export type KeyTlvs = ReadonlyMap<number, Uint8Array>

/** Reads TLVs; undefined unless they are in order, whole, and every critical one is `known`. Never throws. */
export function readKeyTlvs(bytes: Uint8Array, known: ReadonlySet<number>): KeyTlvs | undefined {
  const tlvs = new Map<number, Uint8Array>()
  let last = -1
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length) return undefined
    const type = u16(bytes, at)
    const end = at + 4 + u16(bytes, at + 2)
    if (type <= last || end > bytes.length) return undefined
    if (type >= 0x8000 && !known.has(type)) return undefined
    tlvs.set(type, bytes.subarray(at + 4, end))
    last = type
    at = end
  }
  return tlvs
}

/** Writes TLVs in the order of their types. @throws RangeError for a value beyond 65535 bytes */
export function writeKeyTlvs(tlvs: KeyTlvs): Uint8Array {
  const sorted = [...tlvs].sort(([a], [b]) => a - b)
  const bytes = new Uint8Array(sorted.reduce((sum, [, value]) => sum + 4 + value.length, 0))
  let at = 0
  for (const [type, value] of sorted) {
    if (value.length > 0xffff) throw new RangeError(`Cannot write a TLV of ${value.length} bytes`)
    bytes.set([type >> 8, type & 255, value.length >> 8, value.length & 255], at)
    bytes.set(value, at + 4)
    at += 4 + value.length
  }
  return bytes
}

/** What a client asks for, of `init` and `rotate`. Views of the bytes that were read. */
export interface ClientInit {
  readonly share: Uint8Array
  readonly mlKemKey: Uint8Array | undefined
  /** P-256 point (65 bytes) or Ed25519 key (32). */
  readonly deviceKey: Uint8Array
  readonly deviceSignature: Uint8Array
  readonly auth: Uint8Array | undefined
  /** Milliseconds since the Unix epoch, by the client's clock. */
  readonly time: number
  readonly previous: PreviousKey | undefined
  readonly capabilities: number
  readonly channelBinding: Uint8Array | undefined
  /** All TLVs but the signature, in order: what the device signs, with the header. */
  readonly signed: Uint8Array
}

/** Proof that the client holds the key it wants to follow. */
export interface PreviousKey {
  readonly sessionId: Uint8Array
  readonly generation: number
  readonly mac: Uint8Array
}

const CLIENT_TYPES: ReadonlySet<number> = new Set(Object.values(CLIENT_TLV))
const AUTH_BYTES_MAX = 1024
const ML_KEM_768_KEY_BYTES = 1184

/** Reads what a client sealed; the name of the field that is wrong, else. Never throws. */
export function readClientInit(
  bytes: Uint8Array,
  suite: Suite,
):
  | { readonly kind: 'read'; readonly init: ClientInit }
  | { readonly kind: 'malformed'; readonly field: string } {
  const tlvs = readKeyTlvs(bytes, CLIENT_TYPES)
  if (tlvs === undefined) return malformed('tlv')
  const share = tlvs.get(CLIENT_TLV.share)
  if (share?.length !== SHARE_BYTES[suite].client) return malformed('share')
  const mlKemKey = tlvs.get(CLIENT_TLV.mlKemKey)
  const mlKemBytes = suite === SUITE.x25519MlKem768 ? ML_KEM_768_KEY_BYTES : undefined
  if (mlKemKey?.length !== mlKemBytes) return malformed('mlKemKey')
  const deviceKey = tlvs.get(CLIENT_TLV.deviceKey)
  if (deviceKey?.length !== 65 && deviceKey?.length !== 32) return malformed('deviceKey')
  const deviceSignature = tlvs.get(CLIENT_TLV.deviceSignature)
  if (deviceSignature?.length !== 64) return malformed('deviceSignature')
  const auth = tlvs.get(CLIENT_TLV.auth)
  if (auth !== undefined && auth.length > AUTH_BYTES_MAX) return malformed('auth')
  const time = tlvs.get(CLIENT_TLV.time)
  if (time?.length !== 8) return malformed('time')
  const channelBinding = tlvs.get(CLIENT_TLV.channelBinding)
  if (channelBinding !== undefined && channelBinding.length !== 32)
    return malformed('channelBinding')
  const capabilities = tlvs.get(CLIENT_TLV.capabilities)
  if (capabilities !== undefined && capabilities.length !== 4) return malformed('capabilities')
  const previous = tlvs.get(CLIENT_TLV.previous)
  if (previous !== undefined && previous.length !== 52) return malformed('previous')
  // The signature has the highest type that is known, but an optional one may follow some day.
  const valueAt = deviceSignature.byteOffset - bytes.byteOffset
  const signed = new Uint8Array(bytes.length - TLV_HEADER_BYTES - deviceSignature.length)
  signed.set(bytes.subarray(0, valueAt - TLV_HEADER_BYTES))
  signed.set(bytes.subarray(valueAt + deviceSignature.length), valueAt - TLV_HEADER_BYTES)
  const init: ClientInit = {
    share,
    mlKemKey,
    deviceKey,
    deviceSignature,
    auth,
    time: u32(time, 0) * 2 ** 32 + u32(time, 4),
    previous:
      previous === undefined
        ? undefined
        : {
            sessionId: previous.subarray(0, 16),
            generation: u32(previous, 16),
            mac: previous.subarray(20),
          },
    capabilities: capabilities === undefined ? 0 : u32(capabilities, 0),
    channelBinding,
    signed,
  }
  return { kind: 'read', init }
}

function isMessageType(type: number): type is MessageType {
  return type >= MESSAGE_TYPE.init && type <= MESSAGE_TYPE.rotateReply
}

function isSuite(suite: number): suite is Suite {
  return suite >= SUITE.x25519 && suite <= SUITE.x25519MlKem768
}
