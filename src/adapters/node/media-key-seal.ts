/**
 * Sealing and opening of keys of media: LMK1 (`wire/media-key-message.ts`) by HPKE with X25519 and an Ed25519 signature, and the MACs of
 * what is answered.
 *
 * @module
 */
import {
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import type { Random } from '../../ground/random.ts'
import { KEM } from '../../wire/key-config.ts'
import { ackText, type MediaKeyRefusal, type MediaKeyState } from '../../wire/media-key-answer.ts'
import {
  MEDIA_KEY_TYPE,
  type MediaKeyOrder,
  mediaKeyInfo,
  readMediaKeyMessage,
  readMediaKeyOrder,
  writeMediaKeyHead,
  writeMediaKeyOrder,
} from '../../wire/media-key-message.ts'
import { type HpkeKeyPair, hpkeSend } from './hpke.ts'
import { identityKey } from './key-envelope.ts'

export interface SealMediaKeyOptions {
  /** Whom it is for. */
  readonly party: string
  /** Its X25519 key: 32 octets. */
  readonly publicKey: Uint8Array
  readonly sequence: bigint
  /** Milliseconds since 1970. */
  readonly now: number
  readonly random: Random
  /** Ed25519 by the service's identity. */
  sign(data: Uint8Array): Uint8Array
}

export interface OpenMediaKeyOptions {
  readonly party: string
  readonly pair: HpkeKeyPair
  /** The service's identity: 32 octets of Ed25519. */
  readonly identity: Uint8Array
  /** Sequence number of the last that was taken, also before a restart. */
  readonly last: bigint
  readonly now: number
}

export type MediaKeyOpened =
  | { readonly kind: 'opened'; readonly order: MediaKeyOrder; readonly sequence: bigint }
  /** `sequence` as it says, 0 when it says none: for the answer. */
  | { readonly kind: 'refused'; readonly code: MediaKeyRefusal; readonly sequence: bigint }

/** Clocks of service and device differ. */
const AGE_MS = 30_000
const MAC_BYTES = 32

/** Whether orders can be sealed to it: 32 octets that are no point of low order. */
export function isMediaKeyRecipient(publicKey: Uint8Array, random: Random): boolean {
  try {
    hpkeSend(KEM.x25519, publicKey, new Uint8Array(), random)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** @throws RangeError for what is no X25519 key, or cannot be said */
export function sealMediaKeyOrder(order: MediaKeyOrder, options: SealMediaKeyOptions): Uint8Array {
  const { party, publicKey, sequence, now, random, sign } = options
  const { enc, context } = hpkeSend(KEM.x25519, publicKey, mediaKeyInfo(party), random)
  const head = writeMediaKeyHead(MEDIA_KEY_TYPE[order.kind], sequence, now, enc)
  const plain = writeMediaKeyOrder(order)
  const signed = Buffer.concat([head, context.seal(plain, head)])
  plain.fill(0)
  return Buffer.concat([signed, sign(signed)])
}

/** In this order: form, version, signature, sequence, time, and only then the seal. */
export function openMediaKeyMessage(
  bytes: Uint8Array,
  options: OpenMediaKeyOptions,
): MediaKeyOpened {
  const read = readMediaKeyMessage(bytes)
  if (read.kind === 'refused') return { ...read, sequence: 0n }
  const { type, sequence, time, head, enc, sealed, signed, signature } = read.message
  const refused = (code: MediaKeyRefusal): MediaKeyOpened => ({ kind: 'refused', code, sequence })
  const { party, pair, identity, last, now } = options
  if (!verify(null, signed, identityKey(identity), signature)) return refused('signature')
  if (sequence <= last) return refused('replay')
  if (Math.abs(now - time) > AGE_MS) return refused('stale')
  const plain = pair.receive(enc, mediaKeyInfo(party))?.open(sealed, head)
  const order = plain === undefined ? undefined : readMediaKeyOrder(type, plain)
  plain?.fill(0)
  return order === undefined ? refused('sealed') : { kind: 'opened', order, sequence }
}

/** What a party's answers about an epoch are authenticated by. Who has the key of the media can say that it has it. */
export function mediaAckKey(masterKey: Uint8Array, party: string): KeyObject {
  const raw = Buffer.from(hkdfSync('sha256', masterKey, '', `limen/lmk/1 ack\0${party}`, MAC_BYTES))
  const key = createSecretKey(raw)
  raw.fill(0)
  return key
}

export function mediaAckMac(
  key: KeyObject,
  sequence: bigint,
  epoch: number,
  state: MediaKeyState,
): Buffer {
  return createHmac('sha256', key)
    .update(ackText(sequence, epoch, state))
    .digest()
}

/** In constant time. */
export function isMediaAckMac(mac: Uint8Array, wanted: Uint8Array): boolean {
  return mac.length === wanted.length && timingSafeEqual(mac, wanted)
}
