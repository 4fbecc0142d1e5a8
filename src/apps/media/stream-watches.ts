/**
 * One watch over the stream of each device of a transport (`behavior/device/stream-watch.ts`). What a source is like is learned when it first
 * connects, and kept sealed over restarts, as is what people said of its rotations; what does not open is not learned anew by itself.
 *
 * @module
 */
import { IdentityTuner } from '../../behavior/device/identity-tuner.ts'
import {
  readBaseline,
  type StreamBaseline,
  writeBaseline,
} from '../../behavior/device/stream-baseline.ts'
import { isProven } from '../../behavior/device/stream-evidence.ts'
import type { StreamHeader, VideoCodec } from '../../behavior/device/stream-packet.ts'
import { seeStreamPacket } from '../../behavior/device/stream-packet.ts'
import type { StreamReport } from '../../behavior/device/stream-report.ts'
import type { StreamReason } from '../../behavior/device/stream-scorer.ts'
import {
  type StreamState,
  type StreamVerdict,
  StreamWatch,
} from '../../behavior/device/stream-watch.ts'
import { type StepState, stepTuner } from '../../behavior/threshold/step-tuner.ts'
import type { Random } from '../../ground/random.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { u16, u32 } from '../../wire/big-endian.ts'
import { readRtpPacket } from '../../wire/rtp-packet.ts'
import type { StreamLabel } from '../../wire/stream-label.ts'
import { BaselineFile } from './baseline-file.ts'
import type { TransportWatch } from './media-transport.ts'

export interface StreamWatchesOptions {
  readonly codec: VideoCodec
  readonly devices: readonly string[]
  /** Whose key frames come in a rhythm, and never out of it. */
  readonly withRhythm: ReadonlySet<string>
  /** Of what is kept: baselines and limits. */
  readonly folder: string
  readonly seal: RecordSeal
  readonly random: Random
  /** Of arrivals, milliseconds; does not jump. */
  clockMs(): number
  /**
   * Another key is due; why, in short.
   *
   * @param isProven somebody else may have the key; else anybody who can send here may have made it look so
   */
  anomalous(device: string, why: string, isProven: boolean): void
  /** Every {@link REPORT_MS}, and at once when the state changes. */
  report(report: StreamReport): void
  /** Something went wrong that nobody waits for. */
  complain(what: string): void
}

interface Watched {
  readonly watch: StreamWatch
  readonly tuner: IdentityTuner<StepState>
  readonly baselineFile: BaselineFile<StreamBaseline>
  readonly limitFile: BaselineFile<StepState>
  isKept: boolean
  /** Its newest key is one that it got because it was anomalous. */
  isRenewed: boolean
  state: StreamState
  reportAtMs: number
  highest: number
  rotated: { readonly atMs: number; readonly isByScore: boolean } | undefined
  /** Milliseconds since 1970: the last that was taken. */
  labelledAt: number
}

/** What SRTP adds (`docs/wire/device-keys.md`). */
const SRTP_BYTES = 20
/** As long as the shortest window. */
const REPORT_MS = 2_000
/** A label is of the rotation before, if there was one in that time; else of what was missed. */
const LABEL_MS = 86_400_000

export class StreamWatches implements TransportWatch {
  readonly #options: StreamWatchesOptions
  readonly #watched: ReadonlyMap<string, Watched>

  /** @throws LimenError `media.baseline` for a file that Limen did not write, or of another codec */
  constructor(options: StreamWatchesOptions) {
    this.#options = options
    this.#watched = new Map(options.devices.map((device) => [device, this.#open(device)]))
  }

  meet(device: string, packet: Uint8Array, isLate: boolean): void {
    const read = readRtpPacket(packet)
    const watched = this.#watched.get(device)
    if (read.kind === 'malformed' || watched === undefined) return
    // Of who had the key before.
    if (isLate && watched.isRenewed) return
    const seen = seeStreamPacket(this.#options.codec, read.packet, this.#options.clockMs())
    this.#judge(device, watched, watched.watch.meet(seen))
  }

  refuse(device: string, why: 'auth' | 'replay', packet: Uint8Array): void {
    const watched = this.#watched.get(device)
    if (watched === undefined) return
    const header: StreamHeader = {
      ...{ bytes: packet.length - SRTP_BYTES, sequence: u16(packet, 2) },
      ...{ timestamp: u32(packet, 4), marker: (packet[1] ?? 0) >= 128 },
    }
    this.#judge(device, watched, watched.watch.refuse(why, this.#options.clockMs(), header))
  }

  renew(device: string): void {
    const watched = this.#watched.get(device)
    if (watched !== undefined) watched.isRenewed = watched.watch.renew(this.#options.clockMs())
  }

  /** What somebody says of a rotation, or of one that was missed. Direct evidence has no limit that could move. */
  learn({ device, isIntrusion, at }: StreamLabel): void {
    const watched = this.#watched.get(device)
    if (watched === undefined || at <= watched.labelledAt) return
    watched.labelledAt = at
    const { tuner, rotated, highest, limitFile } = watched
    const isOfRotation = rotated !== undefined && this.#options.clockMs() - rotated.atMs < LABEL_MS
    if (!isIntrusion && !(isOfRotation && rotated.isByScore)) return
    tuner.learn({ score: highest, isAttack: isIntrusion, wasFlagged: isOfRotation })
    void this.#save(limitFile, device, 'limit')
  }

  #judge(device: string, watched: Watched, verdict: StreamVerdict | undefined): void {
    if (verdict === undefined) return
    const { watch, tuner } = watched
    const { state, atMs, rotate, reasons, scores } = verdict
    watched.highest = Math.max(watched.highest, scores.identity)
    tuner.see(scores.identity)
    if (!watched.isKept && watch.baseline !== undefined) {
      watched.isKept = true
      void this.#save(watched.baselineFile, device, 'baseline')
    }
    if (rotate) {
      watched.rotated = { atMs, isByScore: reasons.every(({ group }) => group !== 'evidence') }
      const isSure = reasons.some(({ what }) => isProven(what))
      this.#options.anomalous(device, reasons.map(({ what }) => what).join(', '), isSure)
    }
    if (state === watched.state && !rotate && atMs < watched.reportAtMs) return
    watched.state = state
    watched.reportAtMs = atMs + REPORT_MS
    this.#options.report({
      ...{
        device,
        protocol: 'rtp',
        at: Date.now(),
        state,
        rotate,
        reasons: inOrder(reasons),
        scores,
      },
      ...{ limit: tuner.limit, features: watch.figures() },
    })
  }

  async #save(file: BaselineFile<unknown>, device: string, what: string): Promise<void> {
    if (!(await file.save())) this.#options.complain(`the ${what} of ${device} cannot be written`)
  }

  #open(device: string): Watched {
    const { codec, random, withRhythm, folder, seal } = this.#options
    const file = { folder, seal, device }
    const baselineFile = new BaselineFile(
      { ...file, what: 'baseline' },
      (text) => baselineIn(text, codec),
      () => textOf(watch.baseline),
    )
    const limitFile: BaselineFile<StepState> = new BaselineFile(
      { ...file, what: 'limit' },
      limitIn,
      () => JSON.stringify(tuner.state.threshold),
    )
    const baseline = baselineFile.read()
    const tuner = new IdentityTuner(stepTuner, limitFile.read())
    const watch = new StreamWatch({
      ...{ codec, random, baseline, hasRhythm: withRhythm.has(device) },
      ...{ now: () => Date.now(), identityLimit: () => tuner.limit },
    })
    return {
      ...{ watch, tuner, isKept: baseline !== undefined, isRenewed: false, state: 'learning' },
      ...{ reportAtMs: 0, highest: 0, rotated: undefined, labelledAt: 0, baselineFile, limitFile },
    }
  }
}

function baselineIn(text: string, codec: VideoCodec): StreamBaseline | undefined {
  const baseline = readBaseline(text)
  return baseline?.codec === codec ? baseline : undefined
}

function limitIn(text: string): StepState | undefined {
  const threshold = Number(text)
  return Number.isFinite(threshold) ? { threshold } : undefined
}

function textOf(baseline: StreamBaseline | undefined): string {
  return baseline === undefined ? '' : writeBaseline(baseline)
}

/** What decides first. */
function inOrder(reasons: readonly StreamReason[]): readonly StreamReason[] {
  const rank = { evidence: 0, identity: 1, picture: 2, path: 3 } as const
  return reasons.toSorted((a, b) => rank[a.group] - rank[b.group] || b.score - a.score)
}
