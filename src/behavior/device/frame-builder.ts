/**
 * Frames of a stream, from its packets in order: sizes as the encoder made them, also where the network lost a part, and whether
 * fragments follow one another as a packetizer writes them. Frames are in the order they were sent in, which B-frames make another than
 * that of their timestamps.
 *
 * @module
 */
import type { OrderedPacket } from './packet-order.ts'
import type { SeenUnit } from './stream-packet.ts'

export interface Frame {
  /** Of its first packet that came. */
  readonly atMs: number
  /** Unwrapped, {@link RTP_CLOCK_HZ}. */
  readonly timestamp: number
  /** With what was lost of it, as far as can be told; undefined when too much is missing to tell. */
  readonly bytes: number | undefined
  readonly packets: number
  readonly lost: number
  /** Its largest packet that ends amid a NAL unit, as full as the packetizer makes them; 0: none did. */
  readonly largest: number
  readonly isKey: boolean
  readonly isDisposable: boolean
  /** Slices, and units other than slices and parameter sets, that began in packets that came. */
  readonly slices: number
  readonly others: number
  /** What its first slice begins with, where that came. */
  readonly start: PictureStart | undefined
}

export interface PictureStart {
  /** Of the NAL unit. */
  readonly type: number
  readonly head: Uint8Array
}

interface Draft {
  atMs: number
  timestamp: number
  bytes: number
  packets: number
  lost: number
  largest: number
  isKey: boolean
  isDisposable: boolean
  slices: number
  others: number
  start: PictureStart | undefined
}

/** More of a frame missing than this, and its size is a guess. */
const LOST_SHARE_MAX = 0.5

export class FrameBuilder {
  /** Packets without loss before them whose fragments do not go on from those before. */
  broken = 0
  /** The largest packet: what a lost one is taken for. */
  largest = 0
  #draft: Draft | undefined
  #hasEnded = true
  /** Type of a fragment that is to go on; undefined when none is. */
  #open: number | undefined

  /** @returns the frames that this packet ends, by its marker or by being of the next */
  meet({ packet, timestamp, lostBefore }: OrderedPacket): Frame[] {
    const { units = [] } = packet
    if (lostBefore === 0 && !this.#goesOn(units)) this.broken++
    const last = units.at(-1)
    this.#open = last === undefined || last.isLast ? undefined : last.type
    this.largest = Math.max(this.largest, packet.bytes)
    const before = this.#draft
    const ended: Frame[] = []
    if (before === undefined || before.timestamp !== timestamp || this.#hasEnded) {
      // Lost packets end the frame whose marker did not come, and begin the next otherwise.
      const endsBefore = before !== undefined && !this.#hasEnded
      if (before !== undefined && endsBefore) before.lost += lostBefore
      if (endsBefore) ended.push(this.#end(before))
      this.#draft = newDraft(packet.atMs, timestamp, endsBefore ? 0 : lostBefore)
    } else before.lost += lostBefore
    const draft = this.#draft
    this.#hasEnded = packet.marker
    if (draft === undefined) return ended
    draft.bytes += packet.bytes
    draft.packets++
    if (this.#open !== undefined) draft.largest = Math.max(draft.largest, packet.bytes)
    for (const unit of units) addUnit(draft, unit)
    if (packet.marker) ended.push(this.#end(draft))
    return ended
  }

  #end(draft: Draft): Frame {
    const { lost, packets } = draft
    const isGuess = lost > LOST_SHARE_MAX * (lost + packets)
    return { ...draft, bytes: isGuess ? undefined : draft.bytes + lost * this.largest }
  }

  #goesOn([first]: readonly SeenUnit[]): boolean {
    if (first === undefined) return true
    return this.#open === undefined ? first.isFirst : !first.isFirst && first.type === this.#open
  }
}

function newDraft(atMs: number, timestamp: number, lost: number): Draft {
  return {
    ...{ atMs, timestamp, bytes: 0, packets: 0, lost, largest: 0 },
    ...{ isKey: false, isDisposable: false, slices: 0, others: 0, start: undefined },
  }
}

function addUnit(draft: Draft, { kind, type, isFirst, isDisposable, head }: SeenUnit): void {
  if (kind === 'key') draft.isKey = true
  const isSlice = kind === 'key' || kind === 'picture'
  if (isSlice && isDisposable) draft.isDisposable = true
  if (!isFirst) return
  if (isSlice && head !== undefined) draft.start ??= { type, head }
  if (isSlice) draft.slices++
  if (kind === 'other') draft.others++
}
