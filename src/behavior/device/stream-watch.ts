/**
 * The behavior of one video source against its baseline, as the video transport sees it: learning, normal, suspicious or anomalous, and
 * why. Direct evidence and scores of identity make it anomalous, and ask for another key at once; what another picture or a network may
 * have done makes it suspicious and no more (decision 0026). Told by arrivals; keeps no packet.
 *
 * Not here: which key comes next (`keys/device/`), where a baseline is kept.
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import { ClockSkew } from './clock-skew.ts'
import { type Frame, FrameBuilder } from './frame-builder.ts'
import { FrameClock } from './frame-clock.ts'
import { PacketOrder, RTP_CLOCK_HZ } from './packet-order.ts'
import { PictureNumbers } from './picture-numbers.ts'
import {
  learnBaseline,
  type StreamBaseline,
  type StreamTraits,
  WINDOWS_MS,
  type WindowFeatures,
} from './stream-baseline.ts'
import { type EvidenceKind, isProven, REPLAY_MS, StreamEvidence } from './stream-evidence.ts'
import {
  delayOf,
  identityFeatures,
  type PathEvent,
  pathFeatures,
  pictureFeatures,
} from './stream-features.ts'
import {
  type SeenUnit,
  type StreamHeader,
  type StreamPacket,
  UUID_CHARS,
  type VideoCodec,
} from './stream-packet.ts'
import type { FeatureFigure } from './stream-report.ts'
import {
  LOOK_MS,
  type SeenWindow,
  type StreamReason,
  StreamScorer,
  type StreamScores,
} from './stream-scorer.ts'
import { KEY_ERROR_TICKS, StreamTraitsBuilder } from './stream-traits.ts'

export type StreamState = 'learning' | 'normal' | 'suspicious' | 'anomalous'

export interface StreamVerdict {
  readonly state: StreamState
  readonly atMs: number
  /** The state became anomalous just now: another key is due. */
  readonly rotate: boolean
  readonly reasons: readonly StreamReason[]
  /** Over the limits, the highest of all windows; of identity it is what a tuner is shown. */
  readonly scores: StreamScores
}

export interface StreamWatchOptions {
  readonly codec: VideoCodec
  readonly random: Random
  /** What the source was like before; undefined: it is learned first. */
  readonly baseline: StreamBaseline | undefined
  /** Milliseconds since 1970, for a baseline that is learned. */
  now(): number
  /** It has no key frames but those of its rhythm, as most cameras: scene cuts make none, and nobody can ask for one. */
  readonly hasRhythm: boolean
  /** What the identity score is compared with: 1, or what a tuner makes of it. */
  identityLimit(): number
}

/** At least three key frames of most cameras, and 70 windows. */
export const LEARN_MS = 40_000
/** No encoder shows frames longer after sending them. */
const BACK_TICKS_MAX = RTP_CLOCK_HZ
/** A network delays; it does not bring what is not sent yet. */
const AHEAD_MS_MAX = 2_000
/** A frame that is so much too early has another sender: an encoder's own times vary by less, and a clock moves less in half a minute. */
const EARLY_MS = 5
/** Of the longest window: 40 Mbit/s of full packets, 400 frames a second. A flood beyond is seen as much. */
const EVENTS_MAX = 50_000
const FRAMES_MAX = 4_000
/** States last this long after their last reason. */
const HOLD_MS: Readonly<Record<'suspicious' | 'anomalous', number>> = {
  suspicious: 5_000,
  anomalous: 10_000,
}

const NO_SCORES: StreamScores = { identity: 0, picture: 0, path: 0 }

export class StreamWatch {
  readonly #options: StreamWatchOptions
  readonly #evidence = new StreamEvidence()
  readonly #skew = new ClockSkew()
  #order = new PacketOrder()
  #builder = new FrameBuilder()
  #traits = new StreamTraitsBuilder()
  #numbers: PictureNumbers
  #clock: FrameClock | undefined
  /** Of the first packet: an encoder draws another each time it begins (RFC 3550). */
  #ssrc: number | undefined
  #frames: Frame[] = []
  #events: PathEvent[] = []
  /** Of each of {@link WINDOWS_MS}, while learning. */
  #learned: WindowFeatures[][] = WINDOWS_MS.map(() => [])
  #baseline: StreamBaseline | undefined
  #scorer: StreamScorer | undefined
  #beganAtMs: number | undefined
  #lookAtMs = 0
  #highest: { atMs: number; timestamp: number } | undefined
  #keyAt: number | undefined
  #brokenBefore = 0
  /** Since the last look. */
  #found: StreamReason[] = []
  #until = { suspicious: Number.NEGATIVE_INFINITY, anomalous: Number.NEGATIVE_INFINITY }
  /** The shortest, of the last look. */
  #window: WindowFeatures | undefined
  #scores = NO_SCORES
  /** Why the state is what it is. */
  #reasons: readonly StreamReason[] = []

  constructor(options: StreamWatchOptions) {
    this.#options = options
    this.#numbers = new PictureNumbers(options.codec)
    if (options.baseline !== undefined) this.#adopt(options.baseline)
  }

  get baseline(): StreamBaseline | undefined {
    return this.#baseline
  }

  /**
   * It has another key because it was anomalous: who sends now is the device, whose encoder may have begun anew, with another SSRC and other
   * numbers. Of a stream that is not anomalous nothing changes by another key.
   *
   * @returns whether it was
   */
  renew(atMs: number): boolean {
    if (atMs >= this.#until.anomalous) return false
    this.#ssrc = undefined
    this.#order = new PacketOrder()
    this.#restartTime()
    return true
  }

  /** The shortest window against the baseline, in the order of `STREAM_FEATURES`; none while learning. */
  figures(): FeatureFigure[] {
    const law = this.#baseline?.windows[0]
    const window = this.#window
    if (law === undefined || window === undefined) return []
    return (['identity', 'picture', 'path'] as const).flatMap((group) =>
      law[group].middles.map((middle, i): FeatureFigure => {
        const value = window[group][i] ?? Number.NaN
        return [Number.isFinite(value) ? value : null, middle, law[group].spreads[i] ?? 0]
      }),
    )
  }

  evidence(): Readonly<Partial<Record<EvidenceKind, number>>> {
    return this.#evidence.totals()
  }

  /** An authentic packet, or one of a stream without protection. @returns a verdict twice a second, and at once when another key is due */
  meet(packet: StreamPacket): StreamVerdict | undefined {
    const { atMs } = packet
    if (this.#beganAtMs === undefined) this.#begin(atMs)
    if (!this.#checkTraits(packet)) return this.#answer(atMs)
    const arrival = this.#order.meet(packet)
    if (arrival === 'clash') this.#accuse('clash', atMs)
    const isAgain = arrival === 'copy' || arrival === 'late'
    if (isAgain && this.#order.behindMs(packet) > REPLAY_MS) this.#accuse('replay', atMs)
    if (arrival === 'stray' || arrival === 'jump') this.#accuse('sequence', atMs)
    if (arrival === 'jump' || arrival === 'outage') this.#restartTime()
    const wasSwapped = arrival === 'swapped' || arrival === 'late'
    if (this.#events.length < EVENTS_MAX) {
      this.#events.push({ atMs, bytes: packet.bytes, wasSwapped })
    }
    for (const ordered of this.#order.ready(atMs)) {
      for (const frame of this.#builder.meet(ordered)) this.#take(frame)
      if (this.#builder.broken > this.#brokenBefore) this.#accuse('fragments', atMs)
      this.#brokenBefore = this.#builder.broken
    }
    return this.#answer(atMs)
  }

  /**
   * A packet that the transport dropped.
   *
   * @param header as it came
   */
  refuse(
    why: 'auth' | 'replay' | 'oldKey',
    atMs: number,
    header: StreamHeader,
  ): StreamVerdict | undefined {
    if (why !== 'replay') this.#accuse(why, atMs)
    // Two senders with one key: the second packet of a number is refused.
    else if (this.#order.isClash(header)) this.#accuse('clash', atMs)
    else if (this.#order.behindMs(header) > REPLAY_MS) this.#accuse('replay', atMs)
    return this.#found.length > 0 ? this.look(atMs) : undefined
  }

  /** @param atMs on the clock of arrivals; also when nothing arrives */
  look(atMs: number): StreamVerdict {
    const isTurn = atMs >= this.#lookAtMs
    if (isTurn) this.#lookAtMs = atMs + LOOK_MS
    const accused = this.#found
    this.#found = []
    if (this.#scorer === undefined) {
      // What was dropped before it was read spoils nothing that is learned.
      if (accused.some(({ what }) => isProven(what))) this.#begin(atMs)
      else if (isTurn) this.#learn(atMs)
      return { state: 'learning', atMs, rotate: false, reasons: accused, scores: NO_SCORES }
    }
    const scored = isTurn ? this.#score(this.#scorer, atMs) : { reasons: [] }
    return this.#judge(atMs, [...accused, ...scored.reasons])
  }

  #answer(atMs: number): StreamVerdict | undefined {
    const isDue = atMs >= this.#lookAtMs || this.#found.some(isDecisive)
    return isDue ? this.look(atMs) : undefined
  }

  #begin(atMs: number): void {
    this.#beganAtMs = atMs
    this.#lookAtMs = atMs + LOOK_MS
    if (this.#baseline !== undefined) return
    this.#learned = WINDOWS_MS.map(() => [])
    this.#ssrc = undefined
    this.#traits = new StreamTraitsBuilder()
    this.#numbers = new PictureNumbers(this.#options.codec)
  }

  #adopt(baseline: StreamBaseline): void {
    this.#baseline = baseline
    this.#scorer = new StreamScorer(baseline)
    const { numbers } = baseline.traits
    this.#numbers = new PictureNumbers(baseline.codec, numbers)
    this.#clock = new FrameClock(numbers.frameTicks, numbers.isReordered)
  }

  #accuse(kind: EvidenceKind, atMs: number): void {
    if (this.#evidence.meet(kind, atMs))
      this.#found.push({ group: 'evidence', what: kind, score: 1 })
  }

  /** False: it is of another stream, and none of this one's numbers. */
  #checkTraits(packet: StreamPacket): boolean {
    const { atMs, units } = packet
    const known = this.#baseline?.traits
    this.#ssrc ??= packet.ssrc
    if (packet.ssrc !== this.#ssrc) {
      this.#accuse('ssrc', atMs)
      return false
    }
    if (units === undefined) this.#accuse('malformed', atMs)
    if (known === undefined) {
      this.#traits.meet(packet)
      for (const { type, kind, head } of units ?? []) {
        if (kind === 'parameters' && head !== undefined) this.#numbers.meetSet(type, head)
      }
      return true
    }
    if (!known.payloadTypes.includes(packet.payloadType)) this.#accuse('payloadType', atMs)
    for (const unit of units ?? []) this.#checkUnit(unit, known, atMs)
    return true
  }

  #checkUnit({ kind, type, hash, said }: SeenUnit, known: StreamTraits, atMs: number): void {
    if (hash !== undefined && !known.parameters.includes(hash)) this.#accuse('parameters', atMs)
    // Messages of kinds that are seldom sent are no other encoder.
    if (kind !== 'other' && !known.units.includes(type)) this.#accuse('units', atMs)
    if (said === undefined) return
    const uuid = said.slice(0, UUID_CHARS)
    const before = known.said.find(({ words }) => words.startsWith(uuid))
    if (before === undefined) return
    if (before.words !== said) this.#accuse('encoder', atMs)
    else if (before.isOnce) this.#accuse('restart', atMs)
  }

  #restartTime(): void {
    this.#highest = undefined
    this.#keyAt = undefined
    this.#skew.clear()
    this.#clock?.clear()
    this.#numbers.forget()
    this.#builder = new FrameBuilder()
    this.#brokenBefore = 0
  }

  #take(frame: Frame): void {
    const { atMs, timestamp } = frame
    const highest = this.#highest
    if (highest !== undefined) {
      const ticks = timestamp - highest.timestamp
      const aheadMs = (ticks / RTP_CLOCK_HZ) * 1000 - (atMs - highest.atMs)
      if (ticks < -BACK_TICKS_MAX || aheadMs > AHEAD_MS_MAX) this.#accuse('time', atMs)
    }
    if (highest === undefined || timestamp > highest.timestamp) this.#highest = { atMs, timestamp }
    this.#skew.meet(atMs, delayOf(frame))
    if (this.#frames.length < FRAMES_MAX) this.#frames.push(frame)
    const fault = this.#numbers.meet(frame)
    if (fault !== undefined) this.#accuse(fault, atMs)
    const earlyMs = this.#clock?.meet(frame) ?? 0
    if (frame.isKey && this.#isOutOfTurn(timestamp) && earlyMs > EARLY_MS) {
      this.#accuse('clock', atMs)
    }
  }

  /** Of a key frame; of a camera without a rhythm each may be. */
  #isOutOfTurn(timestamp: number): boolean {
    const before = this.#keyAt
    this.#keyAt = timestamp
    if (before === undefined) return false
    const interval = timestamp - before
    if (this.#baseline === undefined) {
      this.#traits.meetKey(interval)
      return false
    }
    const { keyTicks } = this.#baseline.traits
    if (keyTicks === 0) return true
    // Some may be lost, whole.
    const turns = Math.max(1, Math.round(interval / keyTicks))
    const off = Math.abs(interval - turns * keyTicks)
    const group = this.#options.hasRhythm ? 'identity' : 'picture'
    if (off <= KEY_ERROR_TICKS) return false
    this.#found.push({ group, what: 'key frame out of turn', score: 1 })
    return true
  }

  #windowAt(lengthMs: number, atMs: number): SeenWindow {
    const frames = this.#frames.filter((frame) => frame.atMs > atMs - lengthMs)
    const events = this.#events.filter((event) => event.atMs > atMs - lengthMs)
    const lost = frames.reduce((sum, frame) => sum + frame.lost, 0)
    const features = {
      identity: identityFeatures(frames),
      picture: pictureFeatures(frames, lengthMs),
      path: pathFeatures(events, frames, lengthMs),
    }
    return { features, lossShare: lost / Math.max(1, lost + events.length) }
  }

  #trim(atMs: number): void {
    const from = atMs - Math.max(...WINDOWS_MS)
    this.#frames = this.#frames.filter((frame) => frame.atMs > from)
    this.#events = this.#events.filter((event) => event.atMs > from)
  }

  #learn(atMs: number): void {
    this.#trim(atMs)
    const age = atMs - (this.#beganAtMs ?? atMs)
    for (const [i, lengthMs] of WINDOWS_MS.entries()) {
      if (age >= lengthMs) this.#learned[i]?.push(this.#windowAt(lengthMs, atMs).features)
    }
    if (age < LEARN_MS) return
    const { codec, random, now } = this.#options
    const traits = this.#traits.traits(this.#skew.ppm() ?? 0, this.#numbers.traits())
    this.#adopt(learnBaseline(codec, now(), traits, this.#learned, random))
    this.#learned = []
  }

  #score(scorer: StreamScorer, atMs: number): ReturnType<StreamScorer['score']> {
    this.#trim(atMs)
    const age = atMs - (this.#beganAtMs ?? atMs)
    const windows = WINDOWS_MS.map((lengthMs) =>
      age < lengthMs ? undefined : this.#windowAt(lengthMs, atMs),
    )
    this.#window = windows[0]?.features
    const scored = scorer.score(windows, this.#skew.ppm(), this.#options.identityLimit())
    this.#scores = scored.scores
    return scored
  }

  #judge(atMs: number, reasons: readonly StreamReason[]): StreamVerdict {
    const wasAnomalous = atMs < this.#until.anomalous
    const isAnomalous = reasons.some(isDecisive)
    if (isAnomalous) this.#until.anomalous = atMs + HOLD_MS.anomalous
    if (reasons.length > 0) {
      this.#until.suspicious = atMs + HOLD_MS.suspicious
      this.#reasons = reasons
    }
    const state =
      atMs < this.#until.anomalous
        ? 'anomalous'
        : atMs < this.#until.suspicious
          ? 'suspicious'
          : 'normal'
    const rotate = isAnomalous && !wasAnomalous
    const why = state === 'normal' ? [] : this.#reasons
    return { state, atMs, rotate, reasons: why, scores: this.#scores }
  }
}

function isDecisive({ group }: StreamReason): boolean {
  return group === 'evidence' || group === 'identity'
}
