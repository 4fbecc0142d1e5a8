/**
 * What attackers send, as packets with the times they are sent at: the stream of a camera up to the attack, and theirs. They know all that can be
 * seen: SSRC, payload type, where sequence numbers and RTP time are.
 *
 * @module
 */
import type { SentPacket } from './video-network.ts'
import { paceVideo } from './video-network.ts'

export interface Attack {
  readonly packets: readonly SentPacket[]
  /** Which of them are the attacker's. */
  readonly isForeign: (packet: SentPacket) => boolean
  /** The attacker sends the camera's parameter sets in place of his own. */
  readonly hasCopiedSets: boolean
}

const FRAME_TICKS = 3000
const SEQUENCES = 65_536
/** Packets among which the newest picture is. */
const REORDERED_MAX = 500

export function takeover(
  own: readonly SentPacket[],
  clip: readonly Buffer[],
  atMs: number,
  pauseMs: number,
  hasCopiedSets: boolean,
  fraction: () => number,
): Attack {
  const before = own.filter(({ sentMs }) => sentMs < atMs)
  const foreign = paceVideo(continueFrom(before, clip, pauseMs), atMs + pauseMs, fraction)
  return attackOf(before, foreign, hasCopiedSets)
}

/** Each second is the attacker's with a chance that grows from none to one over the clip; nothing but contents changes otherwise. */
export function morph(
  own: readonly SentPacket[],
  clip: readonly Buffer[],
  atMs: number,
  overMs: number,
  fraction: () => number,
): Attack {
  const theirs = paceVideo(clip, atMs, fraction)
  const isTheirs = Array.from(
    { length: Math.ceil(overMs / 1000) },
    (_, s) => fraction() < (1000 * (s + 1)) / overMs,
  )
  const whose = (sentMs: number): boolean => isTheirs[Math.floor((sentMs - atMs) / 1000)] ?? true
  const foreign = new Set<SentPacket>()
  const mixed = [
    ...own
      .filter(({ sentMs }) => sentMs < atMs || !whose(sentMs))
      .map((packet) => ({ packet, is: false })),
    ...theirs.filter(({ sentMs }) => whose(sentMs)).map((packet) => ({ packet, is: true })),
  ].sort((a, b) => a.packet.sentMs - b.packet.sentMs)
  const sequence = mixed[0]?.packet.bytes.readUInt16BE(2) ?? 0
  const ends = atMs + overMs
  // Both go by one clock.
  const turn = own.find(({ sentMs }) => sentMs >= atMs)?.bytes.readUInt32BE(4) ?? 0
  const begin = clip[0]?.readUInt32BE(4) ?? 0
  const packets = mixed
    .filter(({ packet }) => packet.sentMs < ends)
    .map(({ packet, is }, i) => {
      const time = packet.bytes.readUInt32BE(4)
      const bytes = restamped(packet.bytes, sequence + i, is ? turn + ((time - begin) | 0) : time)
      const sent = { bytes, sentMs: packet.sentMs }
      if (is) foreign.add(sent)
      return sent
    })
  return { packets, isForeign: (packet) => foreign.has(packet), hasCopiedSets: true }
}

/** Packets of garbage in between, near the numbers in use. */
export function injection(
  own: readonly SentPacket[],
  atMs: number,
  perSecond: number,
  fraction: () => number,
): Attack {
  const after = own.filter(({ sentMs }) => sentMs >= atMs)
  const share = perSecond / Math.max(1, after.length / spanS(after))
  const foreign = after
    .filter(() => fraction() < share)
    .map(({ bytes, sentMs }) => {
      const forged = Buffer.concat([bytes.subarray(0, 14), Buffer.alloc(700)])
      for (let i = 14; i < forged.length; i++) forged[i] = Math.floor(fraction() * 256)
      const ahead = 1 + Math.floor(fraction() * 50)
      return {
        bytes: restamped(forged, bytes.readUInt16BE(2) + ahead, bytes.readUInt32BE(4)),
        sentMs: sentMs + fraction(),
      }
    })
  return attackOf(own, foreign, false)
}

/** What was sent over `spanMs` before is sent again, in place of the camera or beside it. */
export function replay(
  own: readonly SentPacket[],
  atMs: number,
  spanMs: number,
  isAlone: boolean,
): Attack {
  const foreign = own
    .filter(({ sentMs }) => sentMs >= atMs - spanMs && sentMs < atMs)
    .map(({ bytes, sentMs }) => ({ bytes: Buffer.from(bytes), sentMs: sentMs + spanMs }))
  return attackOf(isAlone ? own.filter(({ sentMs }) => sentMs < atMs) : own, foreign, false)
}

/** Both send, with the same numbers. */
export function beside(own: readonly SentPacket[], { packets, isForeign }: Attack): Attack {
  return attackOf(own, packets.filter(isForeign), true)
}

function attackOf(
  own: readonly SentPacket[],
  foreign: readonly SentPacket[],
  hasCopiedSets: boolean,
): Attack {
  const theirs = new Set(foreign)
  const packets = [...own, ...foreign].sort((a, b) => a.sentMs - b.sentMs)
  return { packets, isForeign: (packet) => theirs.has(packet), hasCopiedSets }
}

function continueFrom(
  before: readonly SentPacket[],
  clip: readonly Buffer[],
  pauseMs: number,
): Buffer[] {
  const sequence = before.at(-1)?.bytes.readUInt16BE(2) ?? 0
  // Behind all that was shown: what was sent last is not what is shown last.
  const times = before.slice(-REORDERED_MAX).map(({ bytes }) => bytes.readUInt32BE(4))
  const [first = 0] = times
  const timestamp = first + Math.max(0, ...times.map((time) => (time - first) | 0))
  const begin = clip[0]?.readUInt32BE(4) ?? 0
  const from = timestamp + FRAME_TICKS + pauseMs * 90
  return clip.map((bytes, i) =>
    restamped(bytes, sequence + 1 + i, from + ((bytes.readUInt32BE(4) - begin) | 0)),
  )
}

function restamped(bytes: Buffer, sequence: number, timestamp: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt16BE(sequence % SEQUENCES, 2)
  copy.writeUInt32BE(timestamp >>> 0, 4)
  return copy
}

function spanS(packets: readonly SentPacket[]): number {
  return ((packets.at(-1)?.sentMs ?? 0) - (packets[0]?.sentMs ?? 0)) / 1000
}
