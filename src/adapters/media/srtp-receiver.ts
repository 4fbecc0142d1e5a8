/**
 * The receiving half of SRTP for many devices at one port: the MKI says the epoch, and with it the device; the rollover counter of an
 * SSRC goes on over a re-key; within an epoch no packet is taken twice. Nothing is kept of packets that are not authentic.
 *
 * @module
 */
import {
  INDEX_MAX,
  PacketWindow,
  packetIndex,
  SEQUENCES,
  WINDOW_PACKETS,
} from '../../keys/device/packet-window.ts'
import { u16, u32 } from '../../wire/big-endian.ts'
import { RTCP_HEAD_BYTES } from '../../wire/rtcp-packet.ts'
import { isRtcp, rtpHeaderBytes } from '../../wire/rtp-packet.ts'
import {
  type MasterKey,
  MKI_BYTES,
  SRTCP_ENCRYPTED,
  SRTCP_OVERHEAD_BYTES,
  SRTP_OVERHEAD_BYTES,
  type SrtpKey,
  srtpKeyOf,
} from './srtp-key.ts'
import { STREAMS_MAX } from './srtp-sender.ts'

/**
 * Why a packet is dropped: no SRTP or SRTCP; an epoch that is not installed; an index that was there, or is too old to tell; not
 * authentic; more SSRCs than {@link STREAMS_MAX} in one epoch.
 */
export type ReceiveRefusal = 'malformed' | 'unknown' | 'replay' | 'auth' | 'streams'

/** The packet as it was before it was protected; RTP and RTCP. */
export interface CleanPacket<Device> {
  readonly kind: 'clean'
  readonly device: Device
  /** A view of what came. */
  readonly packet: Buffer
  readonly epoch: number
  /** It is of an epoch before the newest that this stream was seen in. */
  readonly isLate: boolean
}

export interface DroppedPacket<Device> {
  readonly kind: 'dropped'
  readonly why: ReceiveRefusal
  /** Whose epoch it names, as anybody may; undefined for `malformed` and `unknown`. */
  readonly device: Device | undefined
}

/** A stream over all epochs. */
interface Stream {
  /** Of the newest epoch. */
  highest: number
  /** Installation number of the newest epoch it was seen in. */
  installation: number
  /** When it was last seen, counted in packets. */
  seenAt: number
}

/** Of all epochs of a device. */
interface Streams {
  readonly bySsrc: Map<number, Stream>
  /** Packets that were not authentic since the last rollover counter that was found. */
  tried: number
}

interface Epoch<Device> {
  readonly device: Device
  readonly key: SrtpKey
  readonly installation: number
  /** By SSRC. */
  readonly rtp: Map<number, PacketWindow>
  readonly rtcp: Map<number, PacketWindow>
}

/** Of {@link rolloversOff}: rounds of 2, 4 ... 65 536 tries. */
const TRIED_MAX = 2 ** 17 - 2

const MALFORMED = { kind: 'dropped', why: 'malformed', device: undefined } as const
const UNKNOWN = { kind: 'dropped', why: 'unknown', device: undefined } as const

/** @typeParam Device what a device is to the caller; the same object for all epochs of one */
export class SrtpReceiver<Device extends object> {
  readonly #epochs = new Map<number, Epoch<Device>>()
  readonly #streams = new WeakMap<Device, Streams>()
  #installations = 0
  #packets = 0

  get epochs(): number {
    return this.#epochs.size
  }

  /** @throws RangeError for an epoch that is installed, whoever's it is */
  install(epoch: number, device: Device, master: MasterKey): void {
    if (this.#epochs.has(epoch)) throw new RangeError(`Cannot install epoch ${epoch} twice`)
    const key = srtpKeyOf(epoch, master)
    const installation = ++this.#installations
    this.#epochs.set(epoch, { device, key, installation, rtp: new Map(), rtcp: new Map() })
  }

  /** Where the streams of a device were, highest index by SSRC: {@link resume} takes it after a restart. */
  positions(device: Device): [ssrc: number, index: number][] {
    return [...this.#streamsOf(device).bySsrc].map(([ssrc, { highest }]) => [ssrc, highest])
  }

  resume(device: Device, positions: Iterable<readonly [ssrc: number, index: number]>): void {
    const { bySsrc } = this.#streamsOf(device)
    for (const [ssrc, highest] of positions) {
      beginStream(bySsrc, ssrc, { highest, installation: 0, seenAt: this.#packets })
    }
  }

  retire(epoch: number): void {
    this.#epochs.get(epoch)?.key.zero()
    this.#epochs.delete(epoch)
  }

  /** Opens in place: `packet` is changed when it is authentic. */
  unprotect(packet: Buffer): CleanPacket<Device> | DroppedPacket<Device> {
    const end = packet.length - MKI_BYTES
    if (end < 0 || (packet[0] ?? 0) >> 6 !== 2) return MALFORMED
    const epoch = this.#epochs.get(u32(packet, end))
    if (isRtcp(packet)) return epoch === undefined ? UNKNOWN : unprotectRtcp(epoch, packet)
    const headerBytes = rtpHeaderBytes(packet, packet.length - SRTP_OVERHEAD_BYTES)
    if (headerBytes === 0) return MALFORMED
    return epoch === undefined ? UNKNOWN : this.#unprotectRtp(epoch, packet, headerBytes)
  }

  #unprotectRtp(
    epoch: Epoch<Device>,
    packet: Buffer,
    headerBytes: number,
  ): CleanPacket<Device> | DroppedPacket<Device> {
    const { device, key, installation } = epoch
    const ssrc = u32(packet, 8)
    const known = epoch.rtp.get(ssrc)
    const streams = this.#streamsOf(device)
    const stream = streams.bySsrc.get(ssrc)
    const near = packetIndex(u16(packet, 2), known?.highest ?? stream?.highest)
    const isFresh = known === undefined ? near >= 0 : known.isFresh(near)
    // Long past, or a turn ahead: half of it may have been lost.
    const mayBeAhead = known !== undefined && known.highest - near >= WINDOW_PACKETS
    if (!isFresh && !mayBeAhead) return { kind: 'dropped', why: 'replay', device }
    if (known === undefined && epoch.rtp.size >= STREAMS_MAX) {
      return { kind: 'dropped', why: 'streams', device }
    }
    let index = near
    let clean = isFresh ? key.openRtp(packet, headerBytes, index) : undefined
    if (clean === undefined) {
      index += rolloversOff(streams.tried++, known !== undefined) * SEQUENCES
      if (index >= 0 && index <= INDEX_MAX) clean = key.openRtp(packet, headerBytes, index)
      if (clean === undefined) return { kind: 'dropped', why: isFresh ? 'auth' : 'replay', device }
      streams.tried = 0
    }
    const seenAt = ++this.#packets
    const window = known ?? new PacketWindow()
    if (known === undefined) epoch.rtp.set(ssrc, window)
    window.take(index)
    if (stream === undefined) {
      beginStream(streams.bySsrc, ssrc, { highest: index, installation, seenAt })
    } else {
      stream.seenAt = seenAt
      if (installation >= stream.installation) {
        stream.installation = installation
        stream.highest = window.highest
      }
    }
    const isLate = stream !== undefined && installation < stream.installation
    return { kind: 'clean', device, packet: clean, epoch: key.epoch, isLate }
  }

  #streamsOf(device: Device): Streams {
    let streams = this.#streams.get(device)
    if (streams === undefined) {
      streams = { bySsrc: new Map(), tried: 0 }
      this.#streams.set(device, streams)
    }
    return streams
  }
}

/**
 * Where to look besides for a rollover counter that the two ends do not agree about: half a turn was lost on the way, or this receiver is
 * newer than the stream. One more try for each packet that is not authentic, further and further off, and from the beginning again: a
 * stream that has made n turns has sent 65 536 n packets, and is found by some 6 n.
 *
 * @param tried how often before
 * @param isKnown it was seen in this epoch: then only ahead, or what is past would be taken again
 * @returns turns from the nearest, never 0
 */
function rolloversOff(tried: number, isKnown: boolean): number {
  let round = tried % TRIED_MAX
  let length = 2
  while (round >= length) {
    round -= length
    length *= 2
  }
  if (isKnown) return round + 1
  return round % 2 === 0 ? round / 2 + 1 : -(round + 1) / 2
}

/** The one that was not seen for longest is forgotten. */
function beginStream(streams: Map<number, Stream>, ssrc: number, stream: Stream): void {
  if (streams.size >= STREAMS_MAX) {
    let oldest: number | undefined
    let seenAt = Number.POSITIVE_INFINITY
    for (const [one, of] of streams) if (of.seenAt < seenAt) [oldest, seenAt] = [one, of.seenAt]
    if (oldest !== undefined) streams.delete(oldest)
  }
  streams.set(ssrc, stream)
}

function unprotectRtcp<Device>(
  { device, key, rtcp }: Epoch<Device>,
  packet: Buffer,
): CleanPacket<Device> | DroppedPacket<Device> {
  if (packet.length < RTCP_HEAD_BYTES + SRTCP_OVERHEAD_BYTES) return MALFORMED
  const word = u32(packet, packet.length - MKI_BYTES - 4)
  // Unencrypted SRTCP (RFC 7714 section 9.3) is not spoken here.
  if (word < SRTCP_ENCRYPTED) return MALFORMED
  const index = word - SRTCP_ENCRYPTED
  const ssrc = u32(packet, 4)
  const known = rtcp.get(ssrc)
  if (known !== undefined && !known.isFresh(index))
    return { kind: 'dropped', why: 'replay', device }
  if (known === undefined && rtcp.size >= STREAMS_MAX) {
    return { kind: 'dropped', why: 'streams', device }
  }
  const clean = key.openRtcp(packet, index)
  if (clean === undefined) return { kind: 'dropped', why: 'auth', device }
  const window = known ?? new PacketWindow()
  if (known === undefined) rtcp.set(ssrc, window)
  window.take(index)
  return { kind: 'clean', device, packet: clean, epoch: key.epoch, isLate: false }
}
