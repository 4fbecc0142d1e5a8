/**
 * One video source that sends SRT, as the relay sees it: headers, handshakes and times, for the rest is encrypted. Direct evidence that somebody
 * else sends makes it anomalous at once; sizes and the path make it suspicious and no more (`srt-profile.ts`). Its verdicts are those of
 * `stream-watch.ts`.
 *
 * Not here: who may connect at all (`apps/media/srt-relay.ts`), which passphrase comes next.
 *
 * @module
 */
import type { SrtHandshake } from '../../wire/srt-handshake.ts'
import type { SrtDataPacket } from '../../wire/srt-packet.ts'
import type { SrtBaseline } from './srt-baseline.ts'
import { SrtOrder } from './srt-order.ts'
import { SrtProfile } from './srt-profile.ts'
import { type EvidenceKind, StreamEvidence } from './stream-evidence.ts'
import type { FeatureFigure } from './stream-report.ts'
import { LOOK_MS, type StreamReason, type StreamScores } from './stream-scorer.ts'
import type { StreamVerdict } from './stream-watch.ts'

interface Connection {
  readonly epoch: number
  readonly order: SrtOrder
  /** The younger of two is higher. */
  readonly number: number
  /** Of its first data. */
  firstAtMs: number | undefined
}

/** What was on the way when an encoder died; then another may have its place. */
const OVERLAP_MS = 1_000
/** As those of `stream-watch.ts`. */
const HOLD_MS = { suspicious: 5_000, anomalous: 10_000 } as const
const NO_SCORES: StreamScores = { identity: 0, picture: 0, path: 0 }

export class SrtWatch {
  readonly #profile: SrtProfile
  readonly #connections = new Map<number, Connection>()
  #evidence = new StreamEvidence()
  #count = 0
  /** Of the first handshake. */
  #settings: string | undefined
  /** Anomalous under it: what comes under a later one is the device. */
  #accusedEpoch: number | undefined
  #lookAtMs = Number.NEGATIVE_INFINITY
  #until = { suspicious: Number.NEGATIVE_INFINITY, anomalous: Number.NEGATIVE_INFINITY }
  #reasons: readonly StreamReason[] = []
  #scores = NO_SCORES
  #baseline: SrtBaseline | undefined

  /** @param baseline what it was like before; undefined: it is learned first */
  constructor(baseline?: SrtBaseline) {
    this.#profile = new SrtProfile(baseline?.laws)
    this.#settings = baseline?.settings
    this.#baseline = baseline
  }

  /** Another object when it is another. */
  get baseline(): SrtBaseline | undefined {
    return this.#baseline
  }

  /** The last window against the baseline, in the order of `STREAM_FEATURES.srt`; none while learning. */
  figures(): FeatureFigure[] {
    return this.#profile.figures()
  }

  /**
   * A connection, by who has the passphrase of that epoch.
   *
   * @param id until {@link end}
   * @param keys that the handshake brought: 1 even, 2 odd, 3 both
   */
  begin(
    id: number,
    epoch: number,
    handshake: SrtHandshake,
    keys: number,
    atMs: number,
  ): StreamVerdict | undefined {
    const order = new SrtOrder(keys)
    this.#connections.set(id, { epoch, order, number: ++this.#count, firstAtMs: undefined })
    this.#profile.begin()
    if (this.#accusedEpoch !== undefined && epoch > this.#accusedEpoch) this.#renew()
    const settings = settingsOf(handshake)
    this.#settings ??= settings
    this.#learn()
    return settings === this.#settings ? undefined : this.#accuse('settings', epoch, atMs)
  }

  end(id: number): void {
    this.#connections.delete(id)
  }

  /** Its encoder says what keys follow. */
  announce(id: number, keys: number): void {
    this.#connections.get(id)?.order.announce(keys)
  }

  /** @returns a verdict twice a second, and at once when another passphrase is due */
  meet(id: number, packet: SrtDataPacket, atMs: number): StreamVerdict | undefined {
    const connection = this.#connections.get(id)
    if (connection === undefined) return undefined
    connection.firstAtMs ??= atMs
    const { epoch, order, number } = connection
    const kind = order.meet(packet, atMs) ?? (this.#isFirstOfTwo(connection, atMs) && 'second')
    const accused = kind === false ? undefined : this.#accuse(kind, epoch, atMs)
    if (accused !== undefined) return accused
    // The older of two is about to end.
    if (number !== this.#count) return undefined
    this.#profile.meet(packet, atMs)
    if (atMs < this.#lookAtMs) return undefined
    this.#lookAtMs = atMs + LOOK_MS
    const { scores, reasons } = this.#profile.look(atMs)
    this.#learn()
    this.#scores = scores
    if (reasons.length > 0) {
      this.#until.suspicious = atMs + HOLD_MS.suspicious
      this.#reasons = reasons
    }
    return this.#verdict(atMs, false)
  }

  /** A younger one under the same passphrase sends for a while, and this one still does. */
  #isFirstOfTwo({ epoch, number }: Connection, atMs: number): boolean {
    for (const other of this.#connections.values()) {
      const isYounger = other.epoch === epoch && other.number > number
      const sendsSince = other.firstAtMs ?? Number.POSITIVE_INFINITY
      if (isYounger && atMs - sendsSince > OVERLAP_MS) return true
    }
    return false
  }

  #accuse(kind: EvidenceKind, epoch: number, atMs: number): StreamVerdict | undefined {
    if (!this.#evidence.meet(kind, atMs)) return undefined
    // Once for a passphrase.
    const rotate = this.#accusedEpoch === undefined || epoch > this.#accusedEpoch
    if (rotate) this.#accusedEpoch = epoch
    this.#until = {
      suspicious: atMs + HOLD_MS.suspicious,
      anomalous: atMs + HOLD_MS.anomalous,
    }
    this.#reasons = [{ group: 'evidence', what: kind, score: 1 }]
    return this.#verdict(atMs, rotate)
  }

  #verdict(atMs: number, rotate: boolean): StreamVerdict {
    const isAnomalous = atMs < this.#until.anomalous
    const isSuspicious = atMs < this.#until.suspicious
    const calm = this.#profile.laws === undefined ? 'learning' : 'normal'
    const state = isAnomalous ? 'anomalous' : isSuspicious ? 'suspicious' : calm
    const reasons = isAnomalous || isSuspicious ? this.#reasons : []
    return { state, atMs, rotate, reasons, scores: this.#scores }
  }

  #learn(): void {
    const [settings, { laws }] = [this.#settings, this.#profile]
    if (settings === undefined || laws === undefined) return
    const known = this.#baseline
    if (known?.settings !== settings || known.laws !== laws) this.#baseline = { settings, laws }
  }

  /** It has another passphrase because it was anomalous: its encoder may be another one, too. */
  #renew(): void {
    this.#accusedEpoch = undefined
    this.#settings = undefined
    this.#evidence = new StreamEvidence()
  }
}

/** What an encoder says in each handshake; the rest is drawn anew. */
function settingsOf(handshake: SrtHandshake): string {
  const { version, keyBytes, packetBytesMax, windowPackets, hello, extensions } = handshake
  return JSON.stringify([version, keyBytes, packetBytesMax, windowPackets, hello, extensions])
}
