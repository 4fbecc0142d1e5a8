/**
 * When packets of a video arrive: the encoder sends a frame when it is due, its packets one after the other; the network is modelled, from
 * a seed. Times are milliseconds.
 *
 * @module
 */
import { drawNormal } from '../src/math/seeded-chance.ts'
import { FRAMES_PER_S } from './video-capture.ts'

export interface SentPacket {
  readonly bytes: Buffer
  readonly sentMs: number
}

export interface ArrivedPacket {
  readonly bytes: Buffer
  readonly atMs: number
}

/** What is not said is that of a good path. */
export interface Path {
  /** Mean of what jitter adds; exponential, packets stay in order. */
  readonly jitterMs?: number
  readonly loss?: number
  /** Mean packets of a burst of losses (Gilbert, 1960). */
  readonly lossBurst?: number
  /** A bottleneck with a queue of {@link QUEUE_MS}; what does not fit is dropped. */
  readonly throttle?: number
  /** Share of packets that are held back by up to {@link REORDER_MS}. */
  readonly reordered?: number
  readonly copied?: number
  /** Of the sender's clock, parts per million. */
  readonly skewPpm?: number
}

const DELAY_MS = 20
const GOOD_JITTER_MS = 0.3
const QUEUE_MS = 400
const REORDER_MS = 30
const LINK_KBPS = 30_000
/** Frames leave an encoder when they are done, not on the dot. */
const ENCODER_JITTER_MS = 1.5

/** @param packets in the order sent, frames end with the marker */
export function paceVideo(
  packets: readonly Buffer[],
  fromMs: number,
  fraction: () => number,
): SentPacket[] {
  let frame = 0
  let lineFreeMs = 0
  let dueMs = fromMs
  return packets.map((bytes) => {
    const sentMs = Math.max(dueMs, lineFreeMs)
    lineFreeMs = sentMs + (bytes.length * 8) / LINK_KBPS
    if (((bytes[1] ?? 0) & 128) !== 0) {
      frame++
      const late = Math.abs(drawNormal(fraction)) * ENCODER_JITTER_MS
      dueMs = fromMs + (frame * 1000) / FRAMES_PER_S + late
    }
    return { bytes, sentMs }
  })
}

/** @param pathAt what the path is like when a packet is sent */
export function carryVideo(
  packets: readonly SentPacket[],
  pathAt: (sentMs: number) => Path,
  fraction: () => number,
): ArrivedPacket[] {
  const arrived: ArrivedPacket[] = []
  let lastMs = 0
  let bottleneckFreeMs = 0
  let isLosing = false
  for (const { bytes, sentMs } of packets) {
    const path = pathAt(sentMs)
    const { loss = 0, lossBurst = 1, throttle, reordered = 0, copied = 0, skewPpm = 0 } = path
    // Mean length of a burst, and the share of time in one, give the two chances.
    const leave = 1 / lossBurst
    isLosing = isLosing
      ? fraction() >= leave
      : fraction() < (loss * leave) / Math.max(1e-9, 1 - loss)
    if (isLosing) continue
    let outMs = sentMs * (1 + skewPpm / 1e6)
    if (throttle !== undefined) {
      if (bottleneckFreeMs - outMs > QUEUE_MS) continue
      bottleneckFreeMs = Math.max(bottleneckFreeMs, outMs) + (bytes.length * 8) / throttle
      outMs = bottleneckFreeMs
    }
    const jitter = -Math.log(1 - fraction()) * (path.jitterMs ?? GOOD_JITTER_MS)
    const atMs = Math.max(lastMs, outMs + DELAY_MS + jitter)
    const isHeld = fraction() < reordered
    if (!isHeld) lastMs = atMs
    const held = isHeld ? fraction() * REORDER_MS : 0
    arrived.push({ bytes, atMs: atMs + held })
    if (fraction() < copied) arrived.push({ bytes, atMs: atMs + held + fraction() })
  }
  return arrived.sort((a, b) => a.atMs - b.atMs)
}
