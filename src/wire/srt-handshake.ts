/**
 * Handshakes of SRT (draft-sharabayko-srt-01, section 3.2.1): the control information of such a packet, with the extensions of version 5.
 *
 *  0  4  version 4 or 5           24  4  socket id
 *  4  2  key length / 8           28  4  cookie
 *  6  2  extension field          32 16  peer's address
 *  8  4  first sequence number    48     extensions: u16 type | u16 words | content
 * 12  4  largest packet
 * 16  4  flow window, packets
 * 20  4  phase
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'
import { SRT_EXTENSION } from './srt-packet.ts'

export type SrtPhase = 'done' | 'agreement' | 'conclusion' | 'wave' | 'induction' | 'refusal'

export interface SrtHandshake {
  readonly version: 4 | 5
  /** Octets of the key of the media: 0 when nothing is said. */
  readonly keyBytes: number
  readonly phase: SrtPhase
  /** First sequence number of data. */
  readonly sequence: number
  readonly packetBytesMax: number
  readonly windowPackets: number
  /** Of who sends this. */
  readonly socket: number
  readonly cookie: number
  readonly hello: SrtHello | undefined
  /** KMREQ or KMRSP, a view. */
  readonly keyMaterial: Uint8Array | undefined
  /** Types, in their order. */
  readonly extensions: readonly number[]
}

export interface SrtHello {
  readonly isRequest: boolean
  /** As 0x010501. */
  readonly version: number
  readonly flags: number
  readonly receiverDelayMs: number
  readonly senderDelayMs: number
}

const FIXED_BYTES = 48
const PHASES: ReadonlyMap<number, SrtPhase> = new Map([
  [0xffff_fffd, 'done'],
  [0xffff_fffe, 'agreement'],
  [0xffff_ffff, 'conclusion'],
  [0, 'wave'],
  [1, 'induction'],
])
/** From here on it says why there is no connection (libsrt, `SRT_REJECT_REASON`, with an application's own). */
const REFUSAL_FROM = 1000
const REFUSAL_BELOW = 4000
/** AES of 128, 192 and 256 bits, over 8. */
const KEY_LENGTHS = [0, 2, 3, 4]
/** libsrt sends four at most; each may come once. */
const EXTENSIONS_MAX = 8
const HELLO_BYTES = 12

/** Undefined for what is none. Never throws. @param body the control information of a handshake packet */
export function readSrtHandshake(body: Uint8Array): SrtHandshake | undefined {
  const version = u32(body, 0)
  const phase = phaseOf(u32(body, 20))
  const keyLength = u16(body, 4)
  const isKnown = (version === 4 || version === 5) && KEY_LENGTHS.includes(keyLength)
  const sequence = u32(body, 8)
  const isPossible = body.length >= FIXED_BYTES && sequence < 2 ** 31
  if (!isKnown || !isPossible || phase === undefined) return undefined
  const withExtensions = version === 5 && (phase === 'conclusion' || phase === 'agreement')
  const extensions = withExtensions ? readExtensions(body) : new Map<number, Uint8Array>()
  if (extensions === undefined) return undefined
  if (!withExtensions && body.length > FIXED_BYTES) return undefined
  const hello = helloIn(extensions)
  if (hello === 'malformed') return undefined
  return {
    ...{ version, keyBytes: keyLength * 8, phase, sequence, hello },
    ...{ packetBytesMax: u32(body, 12), windowPackets: u32(body, 16) },
    ...{ socket: u32(body, 24), cookie: u32(body, 28) },
    keyMaterial: extensions.get(SRT_EXTENSION.kmReq) ?? extensions.get(SRT_EXTENSION.kmRsp),
    extensions: [...extensions.keys()],
  }
}

function phaseOf(value: number): SrtPhase | undefined {
  const isRefusal = value >= REFUSAL_FROM && value < REFUSAL_BELOW
  return isRefusal ? 'refusal' : PHASES.get(value)
}

function readExtensions(body: Uint8Array): Map<number, Uint8Array> | undefined {
  const found = new Map<number, Uint8Array>()
  for (let at = FIXED_BYTES; at < body.length; ) {
    const type = u16(body, at)
    const from = at + 4
    const to = from + 4 * u16(body, at + 2)
    const isKnown = type >= SRT_EXTENSION.hsReq && type <= SRT_EXTENSION.group
    if (!isKnown || to > body.length || found.has(type)) return undefined
    if (found.size >= EXTENSIONS_MAX) return undefined
    found.set(type, body.subarray(from, to))
    at = to
  }
  return found
}

function helloIn(extensions: ReadonlyMap<number, Uint8Array>): SrtHello | undefined | 'malformed' {
  const request = extensions.get(SRT_EXTENSION.hsReq)
  const bytes = request ?? extensions.get(SRT_EXTENSION.hsRsp)
  if (bytes === undefined) return undefined
  if (bytes.length !== HELLO_BYTES) return 'malformed'
  return {
    ...{ isRequest: request !== undefined, version: u32(bytes, 0), flags: u32(bytes, 4) },
    ...{ receiverDelayMs: u16(bytes, 8), senderDelayMs: u16(bytes, 10) },
  }
}
