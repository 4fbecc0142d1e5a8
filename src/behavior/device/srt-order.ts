/**
 * What one SRT connection cannot do by itself: data whose numbers, times or key bits do not go on from what was sent before. Headers only,
 * which nobody authenticates: who is not on the path does not know them, who is and sends beside the encoder contradicts it.
 *
 * Assumes live mode, where a message is a packet; of messages of several packets the numbers are not judged.
 *
 * @module
 */
import type { SrtDataPacket } from '../../wire/srt-packet.ts'
import type { EvidenceKind } from './stream-evidence.ts'

/** libsrt's flow window: an encoder has no more packets on the way. */
const WINDOW_PACKETS = 8192
/** As far back as a copy is told from another packet: four seconds of 5 Mbit/s. */
const KNOWN_PACKETS = 2048
/** More ahead than {@link WINDOW_PACKETS} is an outage when at least so much time went by at the encoder, too. */
const OUTAGE_MS = 1_000
/** An encoder's clock does not go back; what it sends again is marked. */
const BACK_MS_MAX = 1_000
/** A network delays; it does not bring what is not sent yet. */
const AHEAD_MS_MAX = 2_000
/** libsrt leaves out message 0 when numbers begin anew, others may not. */
const MESSAGES = 2 ** 26
const NEAR_WRAP = 65_536
const ALONE = 3
const NONE = 0xffff_ffff

export class SrtOrder {
  readonly #sequences = new Uint32Array(KNOWN_PACKETS).fill(NONE)
  readonly #timestamps = new Uint32Array(KNOWN_PACKETS)
  readonly #bytes = new Uint16Array(KNOWN_PACKETS)
  /** 1 even, 2 odd, 3 both. */
  #keys: number
  #highest: { sequence: number; timestamp: number; atMs: number } | undefined
  /** Message less sequence number. */
  #ahead: number | undefined

  /** @param keys that the handshake brought: 1 even, 2 odd, 3 both */
  constructor(keys: number) {
    this.#keys = keys
  }

  /** Who sends says what keys follow. */
  announce(keys: number): void {
    this.#keys |= keys
  }

  meet(packet: SrtDataPacket, atMs: number): EvidenceKind | undefined {
    if ((packet.keyBits & this.#keys) === 0) return 'keyBits'
    const { sequence, timestamp } = packet
    const highest = this.#highest
    if (highest === undefined) {
      this.#keep(packet, atMs)
      return undefined
    }
    const ahead = srtDistance(sequence, highest.sequence)
    const laterMs = srtLaterMs(timestamp, highest.timestamp)
    if (this.#isOther(packet)) return 'clash'
    if (packet.isRetransmitted) return ahead > WINDOW_PACKETS ? 'sequence' : undefined
    if (ahead < -WINDOW_PACKETS) return 'sequence'
    if (ahead > WINDOW_PACKETS && laterMs < OUTAGE_MS) return 'sequence'
    if (laterMs < -BACK_MS_MAX || laterMs - (atMs - highest.atMs) > AHEAD_MS_MAX) return 'time'
    if (!this.#goesOn(packet)) return 'numbers'
    this.#keep(packet, atMs)
    return undefined
  }

  /** Another packet of this number was there. What is sent again keeps its time and its size. */
  #isOther({ sequence, timestamp, bytes }: SrtDataPacket): boolean {
    const at = sequence % KNOWN_PACKETS
    if (this.#sequences[at] !== sequence) return false
    return this.#timestamps[at] !== timestamp || this.#bytes[at] !== bytes
  }

  #goesOn({ position, message, sequence }: SrtDataPacket): boolean {
    // Of a packet filter, or of a message of several.
    if (message === 0 || position !== ALONE) return true
    if (message < NEAR_WRAP || message >= MESSAGES - NEAR_WRAP) {
      this.#ahead = undefined
      return true
    }
    const ahead = (message + MESSAGES - (sequence % MESSAGES)) % MESSAGES
    this.#ahead ??= ahead
    return this.#ahead === ahead
  }

  #keep({ sequence, timestamp, bytes }: SrtDataPacket, atMs: number): void {
    const at = sequence % KNOWN_PACKETS
    this.#sequences[at] = sequence
    this.#timestamps[at] = timestamp
    this.#bytes[at] = bytes
    const highest = this.#highest
    if (highest === undefined || srtDistance(sequence, highest.sequence) > 0) {
      this.#highest = { sequence, timestamp, atMs }
    }
  }
}

/** How far `a` is ahead of `b`, of 31 bits. */
export function srtDistance(a: number, b: number): number {
  return ((a - b) << 1) >> 1
}

/** By how much `a` is later than `b`, milliseconds; of 32 bits of microseconds. */
export function srtLaterMs(a: number, b: number): number {
  return ((a - b) | 0) / 1000
}
