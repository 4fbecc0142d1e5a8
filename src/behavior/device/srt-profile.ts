/**
 * How an SRT stream is sent, without its content: sizes of packets, and what the path does to them. Learned once, then windows of two seconds are
 * compared with it. It says that something is otherwise, never who sends: encrypted transport streams look alike.
 *
 * @module
 */
import type { SrtDataPacket } from '../../wire/srt-packet.ts'
import { type FeatureLaw, learnLaw, limitOf, worstOf, zScores } from './feature-law.ts'
import { srtDistance, srtLaterMs } from './srt-order.ts'
import type { Feature } from './stream-features.ts'
import { LOOK_MS, type StreamReason, type StreamScores } from './stream-scorer.ts'

interface Seen {
  readonly atMs: number
  readonly bytes: number
  readonly sequence: number
  readonly timestamp: number
  readonly isAgain: boolean
}

type Window = Readonly<Record<'picture' | 'path', readonly number[]>>

/** As the watch of RTP: of one source and group by chance one in ten days, by windows of one length. */
const WINDOWS_PER_ALARM = 86_400_000 / LOOK_MS / 0.1
const WINDOW_MS = 2_000
const LEARN_MS = 40_000
/** 40 Mbit/s of full packets; a flood beyond is seen as much. */
const SEEN_MAX = 10_000
/** Logarithms of sizes, rates and times; shares. Floors: a tenth in size, a fifth in rate, as for RTP; 2 % of packets. */
const PICTURE: readonly Feature[] = [
  { name: 'packet size', floor: 0.1 },
  { name: 'short packets', floor: 0.05 },
]
const PATH: readonly Feature[] = [
  { name: 'packet rate', floor: 0.2 },
  { name: 'gaps', floor: 0.3 },
  { name: 'sent again', floor: 0.02 },
  { name: 'missing', floor: 0.02 },
  { name: 'delay variation', floor: 0.5 },
]
/** Below a millisecond variations of delay are this machine's. */
const DELAY_MS_MIN = 1
const FEW = 10

export class SrtProfile {
  #seen: Seen[] = []
  #windows: Window[] = []
  #beganAtMs: number | undefined
  #laws: Readonly<Record<'picture' | 'path', FeatureLaw>> | undefined

  get isLearning(): boolean {
    return this.#laws === undefined
  }

  meet({ bytes, sequence, timestamp, isRetransmitted }: SrtDataPacket, atMs: number): void {
    this.#beganAtMs ??= atMs
    if (this.#seen.length >= SEEN_MAX) return
    this.#seen.push({ atMs, bytes, sequence, timestamp, isAgain: isRetransmitted })
  }

  /** Another connection: its numbers and times begin elsewhere. */
  begin(): void {
    this.#seen = []
    if (this.#laws === undefined) this.#windows = []
    this.#beganAtMs = undefined
  }

  /** Twice a second, while packets come. */
  look(atMs: number): {
    readonly scores: StreamScores
    readonly reasons: readonly StreamReason[]
  } {
    const scores = { identity: 0, picture: 0, path: 0 }
    this.#seen = this.#seen.filter((one) => one.atMs > atMs - WINDOW_MS)
    const age = atMs - (this.#beganAtMs ?? atMs)
    if (age < WINDOW_MS || this.#seen.length < FEW) return { scores, reasons: [] }
    const window = windowOf(this.#seen)
    if (this.#laws === undefined) {
      this.#windows.push(window)
      if (age >= LEARN_MS) this.#learn()
      return { scores, reasons: [] }
    }
    const reasons: StreamReason[] = []
    for (const [group, features] of [['picture', PICTURE] as const, ['path', PATH] as const]) {
      const law = this.#laws[group]
      const { at, z } = worstOf(zScores(law, window[group]))
      const score = z / limitOf(law, WINDOWS_PER_ALARM)
      scores[group] = score
      if (score >= 1) reasons.push({ group, what: `${features[at]?.name ?? ''}, 2 s`, score })
    }
    return { scores, reasons }
  }

  #learn(): void {
    const of = (group: 'picture' | 'path') => this.#windows.map((window) => window[group])
    this.#laws = {
      picture: learnLaw(PICTURE, of('picture')),
      path: learnLaw(PATH, of('path')),
    }
    this.#windows = []
  }
}

function windowOf(seen: readonly Seen[]): Window {
  const first = seen.filter(({ isAgain }) => !isAgain)
  const sizes = first.map(({ bytes }) => bytes)
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0)
  const short = sizes.filter((size) => size < largest).length
  const gaps = first.slice(1).map(({ atMs }, i) => atMs - (first[i]?.atMs ?? atMs))
  const [from, to] = [first[0], first.at(-1)]
  const span = from === undefined || to === undefined ? 0 : srtDistance(to.sequence, from.sequence)
  const delays = first.map(
    ({ atMs, timestamp }) =>
      atMs - (from?.atMs ?? 0) - srtLaterMs(timestamp, from?.timestamp ?? timestamp),
  )
  return {
    picture: [Math.log(mean(sizes)), short / first.length],
    path: [
      Math.log(first.length),
      Math.log(DELAY_MS_MIN + deviation(gaps)),
      (seen.length - first.length) / seen.length,
      Math.max(0, 1 - first.length / (span + 1)),
      Math.log(DELAY_MS_MIN + deviation(delays)),
    ],
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviation(values: readonly number[]): number {
  const middle = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)))
}
