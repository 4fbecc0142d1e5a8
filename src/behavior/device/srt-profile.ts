/**
 * How an SRT stream is sent, without its content: sizes of packets, and what the path does to them. Learned once, then windows of two seconds are
 * compared with it. It says that something is otherwise, never who sends: encrypted transport streams look alike.
 *
 * @module
 */
import type { SrtDataPacket } from '../../wire/srt-packet.ts'
import { learnLaw, limitOf, worstOf, zScores } from './feature-law.ts'
import { SRT_PATH, SRT_PICTURE, type SrtLaws } from './srt-baseline.ts'
import { srtDistance, srtLaterMs } from './srt-order.ts'
import type { FeatureFigure } from './stream-report.ts'
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
/** Below a millisecond variations of delay are this machine's. */
const DELAY_MS_MIN = 1
const FEW = 10

export class SrtProfile {
  #seen: Seen[] = []
  #windows: Window[] = []
  #beganAtMs: number | undefined
  #laws: SrtLaws | undefined
  /** Of the last look. */
  #window: Window | undefined

  /** @param laws of what was learned before; undefined: it is learned first */
  constructor(laws?: SrtLaws) {
    this.#laws = laws
  }

  get laws(): SrtLaws | undefined {
    return this.#laws
  }

  /** The last window against the baseline, in the order of `STREAM_FEATURES.srt`; none while learning. */
  figures(): FeatureFigure[] {
    const [laws, window] = [this.#laws, this.#window]
    if (laws === undefined || window === undefined) return []
    return (['picture', 'path'] as const).flatMap((group) =>
      window[group].map((value, i): FeatureFigure => {
        const { middles, spreads } = laws[group]
        return [Number.isFinite(value) ? value : null, middles[i] ?? null, spreads[i] ?? 0]
      }),
    )
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
    this.#window = window
    if (this.#laws === undefined) {
      this.#windows.push(window)
      if (age >= LEARN_MS) this.#learn()
      return { scores, reasons: [] }
    }
    const reasons: StreamReason[] = []
    for (const [group, features] of [
      ['picture', SRT_PICTURE] as const,
      ['path', SRT_PATH] as const,
    ]) {
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
      picture: learnLaw(SRT_PICTURE, of('picture')),
      path: learnLaw(SRT_PATH, of('path')),
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
