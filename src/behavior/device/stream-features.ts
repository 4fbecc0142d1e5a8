/**
 * Numbers that say how a video source sends, from the frames and arrivals of a window. Three groups, kept apart: *identity* is what an
 * encoder does with any picture; *picture* is what it makes of this one, and another encoder would make otherwise; *path* is what the network
 * does. The first two are read from packets in order with the losses told, so that a network does not change them. Missing data is NaN, and
 * says nothing.
 *
 * @module
 */
import type { Frame } from './frame-builder.ts'
import { RTP_CLOCK_HZ } from './packet-order.ts'

export interface Feature {
  readonly name: string
  /** The least spread it is judged by: what one encoder does with other pictures, by decision 0026. */
  readonly floor: number
}

/** What a packet was to the path. */
export interface PathEvent {
  readonly atMs: number
  readonly bytes: number
  readonly wasSwapped: boolean
}

const feature = (name: string, floor: number): Feature => ({ name, floor })

/** Sizes, rates and times are natural logarithms: their spread is relative. */
export const IDENTITY_FEATURES: readonly Feature[] = [
  feature('frame interval', 0.05),
  feature('slices per frame', 0.05),
  feature('other units per frame', 0.05),
  feature('largest packet', 0.02),
]

export const PICTURE_FEATURES: readonly Feature[] = [
  feature('disposable frames', 0.15),
  feature('frames sent out of order', 0.15),
  feature('key frames per second', 0.5),
  feature('size of key frames to others', 0.5),
  feature('size of disposable frames to others', 0.5),
  feature('variation of frame sizes', 0.4),
]

export const PATH_FEATURES: readonly Feature[] = [
  feature('inter-arrival time', 0.2),
  feature('variation of inter-arrival times', 0.2),
  feature('burst length', 0.3),
  feature('rate', 0.2),
  feature('loss', 0.005),
  feature('reordered packets', 0.005),
  feature('delay variation', 0.5),
]

/** Fewer frames say nothing of an encoder. */
const FRAMES_MIN = 15
/** Fewer of a kind say nothing of their sizes. */
const KIND_MIN = 3
const KEY_MIN = 1
const PACKETS_MIN = 20
/** Packets of one frame on a fast link come closer together. */
const BURST_MS = 1
/** A delay is judged by what is above that of a good LAN. */
const DELAY_FLOOR_MS = 1

/** @returns one number for each of {@link IDENTITY_FEATURES} */
export function identityFeatures(frames: readonly Frame[]): number[] {
  const whole = frames.filter(({ lost }) => lost === 0)
  const largest = frames.flatMap((frame) => (frame.largest > 0 ? [frame.largest] : []))
  if (whole.length < FRAMES_MIN) return IDENTITY_FEATURES.map(() => Number.NaN)
  return [
    Math.log(frameIntervalMs(frames)),
    Math.log(mean(whole.map(({ slices }) => slices))),
    mean(whole.map(({ others }) => others)),
    Math.log(largest.length < KIND_MIN ? Number.NaN : median(largest)),
  ]
}

/** @param lengthMs of the window @returns one number for each of {@link PICTURE_FEATURES} */
export function pictureFeatures(frames: readonly Frame[], lengthMs: number): number[] {
  if (frames.length < FRAMES_MIN) return PICTURE_FEATURES.map(() => Number.NaN)
  const keys = sizesOf(frames, ({ isKey }) => isKey)
  const others = sizesOf(frames, ({ isKey, isDisposable }) => !isKey && !isDisposable)
  const disposable = sizesOf(frames, ({ isKey, isDisposable }) => !isKey && isDisposable)
  const keyCount = frames.reduce((count, { isKey }) => count + (isKey ? 1 : 0), 0)
  return [
    mean(frames.map(({ isDisposable }) => (isDisposable ? 1 : 0))),
    outOfOrder(frames),
    Math.log(keyCount + 1) - Math.log(lengthMs / 1000),
    keys.length < KEY_MIN || others.length < KIND_MIN
      ? Number.NaN
      : Math.log(mean(keys) / median(others)),
    disposable.length < KIND_MIN || others.length < KIND_MIN
      ? Number.NaN
      : Math.log(median(disposable) / median(others)),
    others.length < FRAMES_MIN / 3 ? Number.NaN : Math.log(0.01 + variation(others)),
  ]
}

/** @param events in the order of arrival @returns one number for each of {@link PATH_FEATURES} */
export function pathFeatures(
  events: readonly PathEvent[],
  frames: readonly Frame[],
  lengthMs: number,
): number[] {
  if (events.length < PACKETS_MIN) return PATH_FEATURES.map(() => Number.NaN)
  const gaps: number[] = []
  let bursts = 1
  for (let i = 1; i < events.length; i++) {
    const gap = (events[i]?.atMs ?? 0) - (events[i - 1]?.atMs ?? 0)
    gaps.push(gap)
    if (gap >= BURST_MS) bursts++
  }
  const lost = frames.reduce((sum, frame) => sum + frame.lost, 0)
  const bytes = events.reduce((sum, event) => sum + event.bytes, 0)
  const swapped = events.reduce((sum, { wasSwapped }) => sum + (wasSwapped ? 1 : 0), 0)
  return [
    Math.log(mean(gaps) + Number.EPSILON),
    Math.log(0.01 + variation(gaps)),
    Math.log(events.length / bursts),
    Math.log(bytes / lengthMs),
    lost / (lost + events.length),
    swapped / events.length,
    frames.length < FRAMES_MIN ? Number.NaN : Math.log(DELAY_FLOOR_MS + delaySpreadMs(frames)),
  ]
}

/** Arrival less RTP time: what a network, or a clock that runs otherwise, changes. */
export function delayOf({ atMs, timestamp }: Frame): number {
  return atMs - (timestamp / RTP_CLOCK_HZ) * 1000
}

function delaySpreadMs(frames: readonly Frame[]): number {
  const delays = Float64Array.from(frames, delayOf).sort()
  return at(delays, 0.95) - at(delays, 0.05)
}

function sizesOf(frames: readonly Frame[], is: (frame: Frame) => boolean): number[] {
  return frames.flatMap((frame) => (frame.bytes !== undefined && is(frame) ? [frame.bytes] : []))
}

function frameIntervalMs(frames: readonly Frame[]): number {
  const times = Float64Array.from(frames, ({ timestamp }) => timestamp).sort()
  const steps = times.subarray(1).map((time, i) => time - (times[i] ?? time))
  return (median(steps.filter((step) => step > 0)) / RTP_CLOCK_HZ) * 1000
}

function outOfOrder(frames: readonly Frame[]): number {
  const back = frames.filter((frame, i) => frame.timestamp < (frames[i - 1]?.timestamp ?? 0))
  return back.length / frames.length
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Standard deviation over mean. */
function variation(values: readonly number[]): number {
  const middle = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2))) / middle
}

/** NaN of none. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? Number.NaN)) / 2
}

function at(sorted: Float64Array, share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0
}
