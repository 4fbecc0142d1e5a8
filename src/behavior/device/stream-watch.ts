/**
 * The behavior of one video source against its baseline, as the video transport sees it: learning, normal, suspicious or anomalous, and
 * why. Direct evidence and scores of identity make it anomalous, and ask for another key at once; what another picture or a network may
 * have done makes it suspicious and no more (decision 0025). Told by arrivals; keeps no packet.
 *
 * Not here: which key comes next (`keys/device/`), where a baseline is kept.
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import { isolationScore } from '../../math/isolation-forest.ts'
import { ClockSkew } from './clock-skew.ts'
import { limitOf, worstOf, zScores } from './feature-law.ts'
import { FrameBuilder, type Frame } from './frame-builder.ts'
import { PacketOrder, RTP_CLOCK_HZ } from './packet-order.ts'
import {
  type FeatureGroup,
  forestPoint,
  learnBaseline,
  type StreamBaseline,
  WINDOWS_MS,
  type WindowFeatures,
} from './stream-baseline.ts'
import { type EvidenceKind, REPLAY_MS, StreamEvidence } from './stream-evidence.ts'
import {
  delayOf,
  IDENTITY_FEATURES,
  identityFeatures,
  PATH_FEATURES,
  type PathEvent,
  PICTURE_FEATURES,
  pathFeatures,
  pictureFeatures,
} from './stream-features.ts'
import type { StreamHeader, StreamPacket, VideoCodec } from './stream-packet.ts'
import { StreamTraitsBuilder } from './stream-traits.ts'

export type StreamState = 'learning' | 'normal' | 'suspicious' | 'anomalous'

export interface StreamReason {
  readonly group: 'evidence' | FeatureGroup
  /** A kind of evidence, a feature, or one of the words of {@link StreamWatch}. */
  readonly what: string
  /** Over its limit: 1 is at it. */
  readonly score: number
}

export interface StreamVerdict {
  readonly state: StreamState
  readonly atMs: number
  /** The state became anomalous just now: another key is due. */
  readonly rotate: boolean
  readonly reasons: readonly StreamReason[]
  /** Over the limits, the highest of all windows; of identity it is what a tuner is shown. */
  readonly scores: Scores
}

export interface StreamWatchOptions {
  readonly codec: VideoCodec
  readonly random: Random
  /** What the source was like before; undefined: it is learned first. */
  readonly baseline: StreamBaseline | undefined
  /** Milliseconds since 1970, for a baseline that is learned. */
  now(): number
  /** It stands still, shows the same scene without cuts, and nobody asks it for key frames: what pictures change counts as identity. */
  readonly isSceneFixed: boolean
  /** What the identity score is compared with: 1, or what a tuner makes of it. */
  identityLimit(): number
}

/** Four looks in the shortest window. */
export const LOOK_MS = 500
/** At least three key frames of most cameras, and 70 windows. */
export const LEARN_MS = 40_000
/** Of one source by chance, over all windows: one in ten days. */
const FALSE_ALARMS_PER_DAY = 0.1
const DAY_MS = 86_400_000
const WINDOWS_PER_ALARM =
  ((DAY_MS / LOOK_MS) * WINDOWS_MS.length) / FALSE_ALARMS_PER_DAY
/** With more missing, sizes are those of the network. */
const LOSS_MAX = 0.2
/** No encoder shows frames longer after sending them. */
const BACK_TICKS_MAX = RTP_CLOCK_HZ
/** A network delays; it does not bring what is not sent yet. */
const AHEAD_MS_MAX = 2_000
/** Two crystals of 50 parts per million. */
const SKEW_PPM_MAX = 100
/** On top of the highest that a window of the baseline had; looks in a row. */
const FOREST_MARGIN = 0.03
const FOREST_LOOKS = 4
/** Key frames off their rhythm are within this share of it by chance of a timer. */
const KEY_ERROR = 0.02
const KEY_OUT_OF_TURN = 'key frame out of turn'
const FOREST_SAYS = 'isolation forest'
/** States last this long after their last reason. */
const HOLD_MS: Readonly<Record<'suspicious' | 'anomalous', number>> = {
  suspicious: 5_000,
  anomalous: 10_000,
}

export class StreamWatch {
  readonly #options: StreamWatchOptions
  readonly #evidence = new StreamEvidence()
  readonly #skew = new ClockSkew()
  #order = new PacketOrder()
  #builder = new FrameBuilder()
  #traits = new StreamTraitsBuilder()
  #frames: Frame[] = []
  #events: PathEvent[] = []
  /** Of each of {@link WINDOWS_MS}, while learning. */
  #learned: WindowFeatures[][] = WINDOWS_MS.map(() => [])
  #baseline: StreamBaseline | undefined
  #limits: readonly Scores[] = []
  #beganAtMs: number | undefined
  #lookAtMs = 0
  #highest: { atMs: number; timestamp: number } | undefined
  #keyAt: number | undefined
  #brokenBefore = 0
  #forestLooks = 0
  /** Since the last look. */
  #found: StreamReason[] = []
  #until = { suspicious: Number.NEGATIVE_INFINITY, anomalous: Number.NEGATIVE_INFINITY }
  /** Why the state is what it is. */
  #reasons: readonly StreamReason[] = []

  constructor(options: StreamWatchOptions) {
    this.#options = options
    if (options.baseline !== undefined) this.#adopt(options.baseline)
  }

  get baseline(): StreamBaseline | undefined {
    return this.#baseline
  }

  evidence(): Readonly<Partial<Record<EvidenceKind, number>>> {
    return this.#evidence.totals()
  }

  /** An authentic packet, or one of a stream without protection. @returns a verdict twice a second, and at once when another key is due */
  meet(packet: StreamPacket): StreamVerdict | undefined {
    const { atMs } = packet
    if (this.#beganAtMs === undefined) this.#begin(atMs)
    this.#checkTraits(packet)
    const arrival = this.#order.meet(packet)
    if (arrival === 'clash') this.#accuse('clash', atMs)
    const isAgain = arrival === 'copy' || arrival === 'late'
    if (isAgain && this.#order.behindMs(packet) > REPLAY_MS) this.#accuse('replay', atMs)
    if (arrival === 'stray' || arrival === 'jump') this.#accuse('sequence', atMs)
    if (arrival === 'jump' || arrival === 'outage') this.#restartTime()
    const wasSwapped = arrival === 'swapped' || arrival === 'late'
    this.#events.push({ atMs, bytes: packet.bytes, wasSwapped })
    for (const ordered of this.#order.ready(atMs)) {
      for (const frame of this.#builder.meet(ordered)) this.#take(frame)
      if (this.#builder.broken > this.#brokenBefore) this.#accuse('fragments', atMs)
      this.#brokenBefore = this.#builder.broken
    }
    const isDue = atMs >= this.#lookAtMs || this.#found.some(({ group }) => group === 'evidence')
    return isDue ? this.look(atMs) : undefined
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
    if (this.#baseline === undefined) {
      if (accused.length > 0) this.#begin(atMs)
      else if (isTurn) this.#learn(atMs)
      return { state: 'learning', atMs, rotate: false, reasons: accused, scores: NO_SCORES.scores }
    }
    const scored = isTurn ? this.#score(this.#baseline, atMs) : NO_SCORES
    return this.#judge(atMs, [...accused, ...scored.reasons], scored.scores)
  }

  #begin(atMs: number): void {
    this.#beganAtMs = atMs
    this.#lookAtMs = atMs + LOOK_MS
    this.#learned = WINDOWS_MS.map(() => [])
    this.#traits = new StreamTraitsBuilder()
  }

  #adopt(baseline: StreamBaseline): void {
    this.#baseline = baseline
    this.#limits = baseline.windows.map(({ identity, picture, path }) => ({
      identity: limitOf(identity, WINDOWS_PER_ALARM),
      picture: limitOf(picture, WINDOWS_PER_ALARM),
      path: limitOf(path, WINDOWS_PER_ALARM),
    }))
  }

  #accuse(kind: EvidenceKind, atMs: number): void {
    if (this.#evidence.meet(kind, atMs)) this.#found.push({ group: 'evidence', what: kind, score: 1 })
  }

  #checkTraits(packet: StreamPacket): void {
    const { atMs, units } = packet
    if (units === undefined) this.#accuse('malformed', atMs)
    const known = this.#baseline?.traits
    if (known === undefined) {
      if (!this.#traits.meet(packet)) this.#accuse('ssrc', atMs)
      return
    }
    if (packet.ssrc !== known.ssrc) this.#accuse('ssrc', atMs)
    if (!known.payloadTypes.includes(packet.payloadType)) this.#accuse('payloadType', atMs)
    for (const { kind, type, hash } of units ?? []) {
      if (hash !== undefined && !known.parameters.includes(hash)) this.#accuse('parameters', atMs)
      // Messages of kinds that are seldom sent are no other encoder.
      if (kind !== 'other' && !known.units.includes(type)) this.#accuse('units', atMs)
    }
  }

  #restartTime(): void {
    this.#highest = undefined
    this.#keyAt = undefined
    this.#skew.clear()
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
    this.#frames.push(frame)
    if (frame.isKey) this.#meetKey(timestamp)
  }

  #meetKey(timestamp: number): void {
    const before = this.#keyAt
    this.#keyAt = timestamp
    if (before === undefined) return
    const interval = timestamp - before
    if (this.#baseline === undefined) {
      this.#traits.meetKey(interval)
      return
    }
    const { keyTicks } = this.#baseline.traits
    if (keyTicks === 0) return
    const turns = interval / keyTicks
    const off = Math.abs(turns - Math.max(1, Math.round(turns)))
    // Some encoders begin anew when the picture changes, or when a viewer asks: by itself it is little.
    if (off > KEY_ERROR) this.#found.push({ group: 'picture', what: KEY_OUT_OF_TURN, score: 1 })
  }

  #windowAt(lengthMs: number, atMs: number): { features: WindowFeatures; lossShare: number } {
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
    const traits = this.#traits.traits(this.#skew.ppm() ?? 0)
    this.#adopt(learnBaseline(codec, now(), traits, this.#learned, random))
    this.#learned = []
  }

  #score(baseline: StreamBaseline, atMs: number): Scored {
    this.#trim(atMs)
    const age = atMs - (this.#beganAtMs ?? atMs)
    const reasons: StreamReason[] = []
    const scores = { identity: 0, picture: 0, path: 0 }
    for (const [i, law] of baseline.windows.entries()) {
      const { lengthMs } = law
      const limits = this.#limits[i]
      if (age < lengthMs || limits === undefined) continue
      const { features, lossShare } = this.#windowAt(lengthMs, atMs)
      for (const [group, named] of GROUPS) {
        if (group !== 'path' && lossShare > LOSS_MAX) continue
        const { at, z } = worstOf(zScores(law[group], features[group]))
        const limit = group === 'identity' ? this.#options.identityLimit() : 1
        const score = z / limits[group] / limit
        scores[group] = Math.max(scores[group], z / limits[group])
        const what = `${named[at]?.name ?? ''}, ${lengthMs / 1000} s`
        if (score >= 1) reasons.push({ group, what, score })
      }
      if (i === 0 && lossShare <= LOSS_MAX) {
        const point = forestPoint(law, features)
        const score = isolationScore(baseline.forest, point) / (baseline.forestMax + FOREST_MARGIN)
        this.#forestLooks = score >= 1 ? this.#forestLooks + 1 : 0
        // It knows no more than the windows it grew on: enough to look twice, not to act.
        if (this.#forestLooks >= FOREST_LOOKS) {
          reasons.push({ group: 'picture', what: FOREST_SAYS, score })
        }
      }
    }
    const isQuiet = reasons.every(({ group }) => group !== 'path')
    const off = Math.abs((this.#skew.ppm() ?? baseline.traits.skewPpm) - baseline.traits.skewPpm)
    if (isQuiet && off >= SKEW_PPM_MAX) {
      reasons.push({ group: 'path', what: 'clock skew', score: off / SKEW_PPM_MAX })
    }
    return { scores, reasons }
  }

  #isDecisive({ group, what }: StreamReason): boolean {
    if (group !== 'picture') return group !== 'path'
    return this.#options.isSceneFixed && what !== FOREST_SAYS
  }

  #judge(atMs: number, reasons: readonly StreamReason[], scores: Scores): StreamVerdict {
    const wasAnomalous = atMs < this.#until.anomalous
    const isAnomalous = reasons.some((reason) => this.#isDecisive(reason))
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
    return { state, atMs, rotate, reasons: why, scores }
  }
}

export type Scores = Readonly<Record<FeatureGroup, number>>

interface Scored {
  readonly scores: Scores
  readonly reasons: readonly StreamReason[]
}

const NO_SCORES: Scored = { scores: { identity: 0, picture: 0, path: 0 }, reasons: [] }
const GROUPS = [
  ['identity', IDENTITY_FEATURES],
  ['picture', PICTURE_FEATURES],
  ['path', PATH_FEATURES],
] as const
