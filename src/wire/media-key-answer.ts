/**
 * What devices and transports answer to LMK1, and how a device says that it began anew: JSON in one form only, so that the octets a MAC
 * covers are those that were sent. Octets only; the MAC is computed elsewhere.
 *
 * @module
 */
import { fromHex, toHex } from '../ground/hex.ts'
import { octetsOf } from '../ground/octets.ts'
import { MEDIA_KEY_VERSION } from './media-key-message.ts'

/** Why a message was not taken, in the order in which it is checked. */
export type MediaKeyRefusal =
  | 'malformed'
  | 'version'
  | 'signature'
  | 'replay'
  | 'stale'
  | 'sealed'
  /** Authentic, but not to be done: the epoch is unknown, spent, or has another key. */
  | 'epoch'
  /** It could not be kept that the message was taken. */
  | 'store'

/** What an order came to; `seen`: of a transport, for the first packet under an epoch, with the number of its INSTALL. */
export type MediaKeyState = 'installed' | 'active' | 'seen' | 'retired' | 'stopped'

export interface MediaKeyAck {
  readonly kind: 'ack'
  /** Of the message. */
  readonly sequence: bigint
  readonly epoch: number
  readonly state: MediaKeyState
  /** 32 octets: HMAC over {@link ackText}. */
  readonly mac: Uint8Array
}

export type MediaKeyAnswer =
  | MediaKeyAck
  /** Anybody can say so: a reason to try again, never to believe anything. */
  | { readonly kind: 'nack'; readonly sequence: bigint; readonly code: MediaKeyRefusal }
  /** It has no key it may send under; a new number for each start of it. */
  | { readonly kind: 'hello'; readonly boot: string }

const TEXT_BYTES_MAX = 256
const ACK =
  /^(\{"v":1,"seq":"(0|[1-9]\d{0,19})","epoch":(0|[1-9]\d{0,9}),"st":"(installed|active|seen|retired|stopped)"),"mac":"([\da-f]{64})"\}$/
const NACK =
  /^\{"v":1,"seq":"(0|[1-9]\d{0,19})","err":"(malformed|version|signature|replay|stale|sealed|epoch|store)","versions":\[1\]\}$/
const HELLO = /^\{"v":1,"boot":"([\w-]{22})","versions":\[1\]\}$/

/** What the MAC of an ACK covers. */
export function ackText(sequence: bigint, epoch: number, state: MediaKeyState): string {
  return `{"v":1,"seq":"${sequence}","epoch":${epoch},"st":"${state}"`
}

export function writeMediaKeyAnswer(answer: MediaKeyAnswer): Uint8Array {
  if (answer.kind === 'hello') {
    return octetsOf(`{"v":1,"boot":"${answer.boot}","versions":[${MEDIA_KEY_VERSION}]}`)
  }
  if (answer.kind === 'nack') {
    const { sequence, code } = answer
    return octetsOf(`{"v":1,"seq":"${sequence}","err":"${code}","versions":[${MEDIA_KEY_VERSION}]}`)
  }
  const { sequence, epoch, state, mac } = answer
  return octetsOf(`${ackText(sequence, epoch, state)},"mac":"${toHex(mac)}"}`)
}

/** Undefined for anything that {@link writeMediaKeyAnswer} does not write. Never throws. */
export function readMediaKeyAnswer(bytes: Uint8Array): MediaKeyAnswer | undefined {
  if (bytes.length > TEXT_BYTES_MAX) return undefined
  const text = String.fromCharCode(...bytes)
  const hello = HELLO.exec(text)
  if (hello !== null) return { kind: 'hello', boot: hello[1] ?? '' }
  const nack = NACK.exec(text)
  if (nack !== null) {
    const sequence = BigInt(nack[1] ?? 0)
    return sequence < 2n ** 64n
      ? { kind: 'nack', sequence, code: nack[2] as MediaKeyRefusal }
      : undefined
  }
  const ack = ACK.exec(text)
  if (ack === null) return undefined
  const [sequence, epoch] = [BigInt(ack[2] ?? 0), Number(ack[3])]
  if (sequence >= 2n ** 64n || epoch >= 2 ** 32) return undefined
  const mac = fromHex(ack[5] ?? '')
  return { kind: 'ack', sequence, epoch, state: ack[4] as MediaKeyState, mac }
}
