/**
 * How well the behavior of video sources tells other encoders from networks and other pictures: `npm run --silent eval -- streams --data DIR`, in
 * which nothing is read from DIR. Videos are made by ffmpeg on the spot; arrivals and attacks are modelled from seeds; SRTP is the product's own.
 *
 * @module
 */
import { SRTP_OVERHEAD_BYTES } from '../src/adapters/media/srtp-key.ts'
import { SrtpReceiver } from '../src/adapters/media/srtp-receiver.ts'
import { SrtpSender } from '../src/adapters/media/srtp-sender.ts'
import {
  readBaseline,
  type StreamBaseline,
  writeBaseline,
} from '../src/behavior/device/stream-baseline.ts'
import {
  type StreamHeader,
  type StreamPacket,
  seeStreamPacket,
} from '../src/behavior/device/stream-packet.ts'
import { type StreamVerdict, StreamWatch } from '../src/behavior/device/stream-watch.ts'
import { seededFraction } from '../src/math/seeded-chance.ts'
import { readRtpPacket } from '../src/wire/rtp-packet.ts'
import { type Attack, beside, injection, morph, replay, takeover } from './video-attacks.ts'
import { captureVideo, FRAMES_PER_S, type Scene } from './video-capture.ts'
import {
  type ArrivedPacket,
  carryVideo,
  type Path,
  paceVideo,
  type SentPacket,
} from './video-network.ts'
import {
  ATTACK_S,
  type Camera,
  CHOSEN_ON,
  JUDGED_ON,
  LEARNED_S,
  RUN_S,
  sceneOf,
} from './video-scenes.ts'

type Capture = (scene: Scene) => Promise<Buffer[]>

/** Impairments begin some way into a run, whose baseline was learned on a good path. */
const IMPAIRED_FROM_MS = 5_000
const ATTACK_AT_MS = 10_000
const IMPAIRMENTS: Readonly<Record<string, Path>> = {
  'jitter of 15 ms': { jitterMs: 15 },
  'jitter of 40 ms': { jitterMs: 40 },
  'loss of 1 %': { loss: 0.01 },
  'loss of 3 %': { loss: 0.03 },
  'loss of 5 % in bursts of 8': { loss: 0.05, lossBurst: 8 },
  'reordering of 5 %': { reordered: 0.05 },
  'copies of 3 %': { copied: 0.03 },
  'throttled to 90 %': { throttle: 0.9 },
  'throttled to 70 %': { throttle: 0.7 },
  'clock off by 200 ppm': { skewPpm: 200 },
  'all at once': { jitterMs: 15, loss: 0.02, lossBurst: 3, reordered: 0.02, copied: 0.01 },
}

interface Run {
  readonly camera: Camera
  readonly baseline: StreamBaseline
  /** Packets from 0 ms on. */
  readonly sent: readonly SentPacket[]
  readonly seed: number
  /** It shows what the baseline showed, all but the three seconds before its cut. */
  readonly isSame: boolean
}

/** What attackers encode, by the name of their encoder; `same` is the camera's. */
type Clips = Readonly<Record<string, readonly Buffer[]>>

interface Outcome {
  readonly rotations: readonly StreamVerdict[]
  readonly states: Readonly<Record<string, number>>
}

export async function evalStreams(): Promise<object> {
  return judgeStreams(JUDGED_ON, captureVideo)
}

/** @param capture for a copy kept between trials */
export async function judgeStreams(cameras: readonly Camera[], capture: Capture): Promise<object> {
  const begun = performance.now()
  const runs: Run[] = []
  const clips = new Map<Camera, Clips>()
  for (const [i, camera] of cameras.entries()) {
    runs.push(...runsOf(camera, await capture(sceneOf(camera)), i))
    clips.set(camera, await clipsOf(camera, capture))
  }
  return {
    ...judge(runs, clips),
    chosen_on: CHOSEN_ON.map(({ name }) => name),
    judged_on: cameras.map(({ name }) => name),
    seconds: (performance.now() - begun) / 1000,
  }
}

async function clipsOf(camera: Camera, capture: Capture): Promise<Clips> {
  const clips: Record<string, readonly Buffer[]> = {}
  for (const [name, encoder] of Object.entries({ ...camera.others, [SAME]: camera.encoder })) {
    const contents = [{ source: camera.foreign, seconds: ATTACK_S }]
    clips[name] = await capture({ encoder, contents })
  }
  return clips
}

const SAME = 'same'

function judge(runs: readonly Run[], clips: ReadonlyMap<Camera, Clips>): object {
  const attacks = new Map<string, AttackTally>()
  for (const run of runs) attackAll(run, clips.get(run.camera) ?? {}, attacks)
  const normal = tally(runs, {})
  const impaired = Object.entries(IMPAIRMENTS).map(([name, path]) => ({
    name,
    ...tally(runs, path),
  }))
  const impairedRotations = impaired.reduce((sum, { false_rotations: n }) => sum + n, 0)
  return {
    ...normal,
    false_rotations_per_hour: perHour(normal.false_rotations, runs.length),
    impaired,
    impaired_false_rotations: impairedRotations,
    impaired_false_rotations_per_hour: perHour(impairedRotations, runs.length * impaired.length),
    attacks: [...attacks].map(([name, { delays, packets, ...rest }]) => ({
      ...{ name, ...rest, delay_s: worst(delays), packets: worst(packets) },
    })),
  }
}

/** Learns the first part of a capture; the others are runs. */
function runsOf(camera: Camera, packets: readonly Buffer[], at: number): Run[] {
  const parts = partsOf(packets, camera.contents.length)
  const fraction = seededFraction(100 + at)
  const [first = [], ...others] = parts
  const watch = watchOf(camera, undefined)
  const learning = carryVideo(paceVideo(first, 0, fraction), () => ({}), fraction)
  for (const { packet } of seen(camera, learning)) watch.meet(packet)
  const kept = watch.baseline
  // As it comes back from storage.
  const baseline = kept === undefined ? undefined : readBaseline(writeBaseline(kept))
  if (baseline === undefined) throw new Error(`Cannot learn ${camera.name}`)
  return others.map((part, i) => {
    const seed = 1000 * (at + 1) + i
    const sent = paceVideo(part, 0, seededFraction(seed))
    const isSame = camera.contents[i + 1] === camera.contents[0]
    return { camera, baseline, sent, seed, isSame }
  })
}

/** By frames, for their markers are in the order sent. */
function partsOf(packets: readonly Buffer[], count: number): Buffer[][] {
  const parts: Buffer[][] = Array.from({ length: count }, () => [])
  let frame = 0
  for (const packet of packets) {
    const second = frame / FRAMES_PER_S
    parts[second < LEARNED_S ? 0 : 1 + Math.floor((second - LEARNED_S) / RUN_S)]?.push(packet)
    if (((packet[1] ?? 0) & 128) !== 0) frame++
  }
  return parts
}

function watchOf(camera: Camera, baseline: StreamBaseline | undefined): StreamWatch {
  const fraction = seededFraction(7)
  const random = { fraction, bytes: (length: number) => new Uint8Array(length) }
  return new StreamWatch({
    ...{ codec: camera.codec, random, baseline, hasRhythm: camera.hasRhythm },
    now: () => 0,
    identityLimit: () => 1,
  })
}

function* seen(
  { codec }: Camera,
  arrived: readonly ArrivedPacket[],
): Generator<{ packet: StreamPacket; bytes: Buffer }> {
  for (const { bytes, atMs } of arrived) {
    const read = readRtpPacket(bytes)
    if (read.kind === 'read') yield { packet: seeStreamPacket(codec, read.packet, atMs), bytes }
  }
}

function tally(runs: readonly Run[], path: Path) {
  const outcomes = runs.map((run) => watchRun(run, path))
  return {
    false_rotations: outcomes.reduce((sum, { rotations }) => sum + rotations.length, 0),
    runs: runs.length,
    suspicious_share: shareOf(outcomes, 'suspicious'),
    // Of runs that show what the baseline showed.
    suspicious_share_same: shareOf(
      outcomes.filter((_, i) => runs[i]?.isSame),
      'suspicious',
    ),
    ...reasonsOf(outcomes.flatMap(({ rotations }) => rotations)),
  }
}

function watchRun({ camera, baseline, sent, seed }: Run, path: Path): Outcome {
  const impaired =
    path.throttle === undefined ? path : { ...path, throttle: path.throttle * rateOf(sent) }
  const pathAt = (sentMs: number): Path => (sentMs < IMPAIRED_FROM_MS ? {} : impaired)
  const arrived = carryVideo(sent, pathAt, seededFraction(seed))
  const watch = watchOf(camera, baseline)
  const rotations: StreamVerdict[] = []
  const states: Record<string, number> = {}
  for (const { packet } of seen(camera, arrived)) {
    const verdict = watch.meet(packet)
    if (verdict === undefined) continue
    states[verdict.state] = (states[verdict.state] ?? 0) + 1
    if (verdict.rotate) rotations.push(verdict)
  }
  return { rotations, states }
}

/** Of all looks. */
function shareOf(outcomes: readonly Outcome[], state: string): number {
  const counts = outcomes.flatMap(({ states }) => Object.entries(states))
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  const of = counts.reduce((sum, [name, count]) => sum + (name === state ? count : 0), 0)
  return Number((of / total).toFixed(4))
}

/** Kilobits per second. */
function rateOf(sent: readonly SentPacket[]): number {
  const bytes = sent.reduce((sum, packet) => sum + packet.bytes.length, 0)
  return (bytes * 8) / (RUN_S * 1000)
}

function reasonsOf(verdicts: readonly StreamVerdict[]): { readonly reasons?: object } {
  const counts: Record<string, number> = {}
  for (const { reasons } of verdicts) {
    const [first] = reasons.filter(({ group }) => group === 'evidence' || group === 'identity')
    const key = `${first?.group}: ${first?.what}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return verdicts.length === 0 ? {} : { reasons: counts }
}

interface AttackTally {
  runs: number
  detected: number
  /** Not detected, but the state was suspicious at some time after. */
  suspicious: number
  readonly delays: number[]
  readonly packets: number[]
  readonly by: Record<string, number>
}

function attackAll(run: Run, clips: Clips, all: Map<string, AttackTally>): void {
  const { sent, seed } = run
  const fraction = seededFraction(seed + 500)
  // Anywhere between two key frames.
  const at = ATTACK_AT_MS + fraction() * 2_000
  const told = (name: string, { delayS, packets, by, isSuspicious }: Detection): void => {
    const known = all.get(name) ?? newTally()
    all.set(name, known)
    known.runs++
    if (delayS === undefined) {
      if (isSuspicious) known.suspicious++
      return
    }
    known.detected++
    known.delays.push(delayS)
    known.packets.push(packets)
    known.by[by] = (known.by[by] ?? 0) + 1
  }
  for (const [name, clip] of Object.entries(clips)) {
    if (name === SAME) continue
    const take = (pauseMs: number, copied: boolean): Attack =>
      takeover(sent, clip, at, pauseMs, copied, fraction)
    told(`other ${name}`, watchAttack(run, take(0, false)))
    told(`other ${name}, parameter sets copied`, watchAttack(run, take(0, true)))
    told(`other ${name} after a pause of 5 s`, watchAttack(run, take(5_000, false)))
    const slow = morph(sent, clip, at, ATTACK_S * 1000, fraction)
    told(`slow morph to other ${name}`, watchAttack(run, { ...slow, hasCopiedSets: false }))
    told(`slow morph to other ${name}, parameter sets copied`, watchAttack(run, slow))
    told(
      `other ${name} with the current key, beside the camera`,
      watchSealed(run, beside(sent, take(0, true)), 'current'),
    )
  }
  const twin = takeover(sent, clips[SAME] ?? [], at, 0, false, fraction)
  told('same encoder and settings, other picture', watchAttack(run, twin))
  const forged = injection(sent, at, 20, fraction)
  told('injection of 20/s, clear', watchAttack(run, forged))
  told('injection of 20/s, SRTP', watchSealed(run, forged, 'none'))
  told('replay of clear RTP', watchAttack(run, replay(sent, at, 5_000, true)))
  told('replay of clear RTP beside the camera', watchAttack(run, replay(sent, at, 5_000, false)))
  told('replay of SRTP', watchSealed(run, replay(sent, at, 5_000, false), 'recorded'))
  told('stolen old key', watchSealed(run, beside(sent, twin), 'old'))
}

function newTally(): AttackTally {
  return { runs: 0, detected: 0, suspicious: 0, delays: [], packets: [], by: {} }
}

interface Detection {
  /** Since the attacker's first packet arrived. */
  readonly delayS: number | undefined
  /** Of the attacker, until then. */
  readonly packets: number
  readonly by: string
  readonly isSuspicious: boolean
}

type Meet = (
  watch: StreamWatch,
  packet: ArrivedPacket,
  isForeign: boolean,
) => StreamVerdict | undefined

function watchAttack(run: Run, attack: Attack): Detection {
  return detect(run, attack, attack.packets, (watch, arrived, isForeign) => {
    for (const { packet } of seen(run.camera, [arrived])) {
      return watch.meet(isForeign && attack.hasCopiedSets ? withoutHashes(packet) : packet)
    }
    return undefined
  })
}

/** As a watch sees parameter sets that are the camera's, from who does not say what he encodes with: nothing new. */
function withoutHashes(packet: StreamPacket): StreamPacket {
  const units = packet.units?.map((unit) => ({ ...unit, hash: undefined, said: undefined }))
  return { ...packet, units }
}

const [OLD_EPOCH, EPOCH] = [1, 2]

/** Through SRTP of the product. @param key what the attacker has: none, a record of what was sent, the key before, the key */
function watchSealed(
  run: Run,
  attack: Attack,
  key: 'none' | 'recorded' | 'old' | 'current',
): Detection {
  const device = {}
  const receiver = new SrtpReceiver<typeof device>()
  const [camera, attacker] = [new SrtpSender(), new SrtpSender()]
  for (const [epoch, octet] of [
    [OLD_EPOCH, 17],
    [EPOCH, 34],
  ] as const) {
    const master = { key: Buffer.alloc(16, octet), salt: Buffer.alloc(12, octet) }
    receiver.install(epoch, device, master)
    camera.install(epoch, master)
    attacker.install(epoch, master)
  }
  // The rotation that made the old key old was before this run.
  receiver.retire(OLD_EPOCH)
  camera.activate(EPOCH)
  attacker.activate(key === 'old' ? OLD_EPOCH : EPOCH)
  const record = new Map<number, Buffer>()
  const foreign = new Set<SentPacket>()
  const sealed = attack.packets.flatMap((packet): SentPacket[] => {
    const isForeign = attack.isForeign(packet)
    const bytes = isForeign ? foreignBytes(packet.bytes) : camera.protect(packet.bytes)
    if (typeof bytes === 'string') return []
    if (!isForeign) record.set(packet.bytes.readUInt16BE(2), bytes)
    const sent = { bytes: Buffer.from(bytes), sentMs: packet.sentMs }
    if (isForeign) foreign.add(sent)
    return [sent]
  })
  function foreignBytes(bytes: Buffer): Buffer | string {
    if (key === 'recorded') return record.get(bytes.readUInt16BE(2)) ?? 'unsent'
    const epoch = Buffer.alloc(4)
    epoch.writeUInt32BE(EPOCH)
    return key === 'none' ? Buffer.concat([bytes, epoch]) : attacker.protect(bytes)
  }
  const isForeign = (packet: SentPacket): boolean => foreign.has(packet)
  return detect(run, { ...attack, isForeign }, sealed, (watch, { bytes, atMs }, isTheirs) => {
    const header = headerOf(bytes)
    const out = receiver.unprotect(bytes)
    if (out.kind === 'clean') {
      for (const { packet } of seen(run.camera, [{ bytes: out.packet, atMs }])) {
        return watch.meet(isTheirs ? withoutHashes(packet) : packet)
      }
    } else if (out.why === 'auth' || out.why === 'replay') {
      return watch.refuse(out.why, atMs, header)
    } else if (out.why === 'unknown' && bytes.readUInt32BE(bytes.length - 4) === OLD_EPOCH) {
      return watch.refuse('oldKey', atMs, header)
    }
    return undefined
  })
}

function headerOf(sealed: Buffer): StreamHeader {
  return {
    bytes: sealed.length - SRTP_OVERHEAD_BYTES,
    sequence: sealed.readUInt16BE(2),
    timestamp: sealed.readUInt32BE(4),
    marker: ((sealed[1] ?? 0) & 128) !== 0,
  }
}

function detect(run: Run, attack: Attack, sent: readonly SentPacket[], meet: Meet): Detection {
  const { camera, baseline, seed } = run
  const foreign = new Set(sent.filter(attack.isForeign).map(({ bytes }) => bytes))
  const watch = watchOf(camera, baseline)
  let fromMs: number | undefined
  let packets = 0
  let isSuspicious = false
  for (const arrived of carryVideo(sent, () => ({}), seededFraction(seed))) {
    const isForeign = foreign.has(arrived.bytes)
    if (isForeign) {
      fromMs ??= arrived.atMs
      packets++
    }
    const verdict = meet(watch, arrived, isForeign)
    if (verdict?.rotate) {
      const [first] = verdict.reasons.filter(
        ({ group }) => group === 'evidence' || group === 'identity',
      )
      const by = `${first?.group}: ${first?.what}`
      // A rotation before the attack is a false one, which the normal runs count.
      if (fromMs !== undefined) {
        return { delayS: (arrived.atMs - fromMs) / 1000, packets, by, isSuspicious }
      }
    }
    if (fromMs !== undefined && verdict?.state === 'suspicious') isSuspicious = true
  }
  return { delayS: undefined, packets, by: '', isSuspicious }
}

function perHour(count: number, runs: number): number {
  return count / ((runs * RUN_S) / 3600)
}

function worst(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values)
}
