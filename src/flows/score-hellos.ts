/**
 * Hellos through a fresh engine, as if they came to an edge one after the other: decisions as workers make them, the profiler
 * behind, its verdicts back to the worker. For `limen hello --score` and for measuring accuracy.
 *
 * What one connection cannot show: that a random came of a bad generator whose single outputs are as good as any (that takes
 * several of one client), or that a real library with fresh randoms is run by a scanner (nothing in a handshake does). The
 * evaluation lists what was tried in vain as `cannotSee` (`eval/strangers.ts`).
 *
 * @module
 */
import type { Decision, Detector, DetectorMode } from '../behavior/decision.ts'
import { DETECTORS } from '../behavior/decision.ts'
import type { HandshakeObservation, HandshakeOutcome } from '../behavior/handshake/observation.ts'
import { newVerdictTable } from '../behavior/handshake/verdict-table.ts'
import { toHex } from '../ground/hex.ts'
import type { Random } from '../ground/random.ts'
import { ISOLATION_FOREST_DEFAULTS, trainIsolationForest } from '../math/isolation-forest.ts'
import type { AdmissionSettings } from '../ports/data-plane.ts'
import type { ClientHello } from '../wire/client-hello-message.ts'
import { isGrease } from '../wire/grease.ts'
import {
  type Admission,
  admitHandshake,
  type ConnectionFacts,
  type HandshakeSeen,
  newAdmission,
} from './admit-handshake.ts'
import { learnHandshakes } from './profile-handshakes.ts'
import { takeForest, trainingSamples } from './profiler-forest.ts'
import { newProfiler, PROFILER_DEFAULTS, type Profiler } from './profiler-state.ts'
import { verdictsOf } from './profiler-verdicts.ts'

/** A connection as it was: when its hello was whole (or was given up), who sent it, what came. */
export interface HelloSeen {
  readonly at: number
  readonly remoteAddress: string
  readonly remotePort: number
  readonly seen: HandshakeSeen
  /**
   * Names the conversation where several hellos of one may come: the second, after a HelloRetryRequest, repeats its random, as
   * it must (RFC 8446 section 4.1.2), and is answered with the decision on the first.
   */
  readonly conversation?: string
  /** When it was captured: the same hello of the same instant is the same packet, met in another capture. */
  readonly capturedAt?: number
}

export interface HelloScoring {
  readonly admission: Admission
  readonly profiler: Profiler
  readonly random: Random
  readonly observations: HandshakeObservation[]
  readonly outcomes: HandshakeOutcome[]
  /** By conversation: its last first hello. */
  readonly firsts: Map<string, FirstHello>
  now: number
  batchBegan: number
  hellos: number
}

/** As workers send them to the supervisor. */
const BATCH_MS = 200
/** The forest is trained again as often as the hellos have doubled, first here. */
const FIRST_TRAINING = 256

export function newHelloScoring(
  random: Random,
  policy: Partial<AdmissionSettings> = {},
): HelloScoring {
  const scoring = { now: 0 }
  const modes = Object.fromEntries(DETECTORS.map((detector) => [detector, 'enforce']))
  const pool = {
    choose: 'random' as const,
    region: '',
    members: [{ id: 'here', host: '', port: 0, region: '' }],
  }
  const settings: AdmissionSettings = {
    mode: 'enforce',
    detectors: modes as Record<Detector, DetectorMode>,
    tier2: PROFILER_DEFAULTS.tier2,
    tier3: PROFILER_DEFAULTS.tier3,
    profileKey: random.bytes(16),
    primary: pool,
    rigorous: {
      ...pool,
      connectionsMax: 0,
      perProfilePerSecond: 0,
      helloRetry: false,
      userAgentCheck: false,
      work: 0,
    },
    ...policy,
  }
  const { tier2, tier3 } = settings
  const profiler = newProfiler({ random, settings: { ...PROFILER_DEFAULTS, tier2, tier3 } })
  const admission = newAdmission({ clock: { now: () => scoring.now }, random, settings })
  return Object.assign(scoring, {
    admission,
    profiler,
    random,
    observations: [],
    outcomes: [],
    firsts: new Map(),
    batchBegan: 0,
    hellos: 0,
  })
}

/** Decides about the next one. `handshakeMs`: how long its handshake took after the hello, when it came to one. */
export function scoreHello(
  scoring: HelloScoring,
  hello: HelloSeen,
  handshakeMs?: number,
): Decision {
  const first = firstOf(scoring, hello)
  if (first !== undefined) return first
  scoring.now = hello.at
  if (hello.at >= scoring.batchBegan + BATCH_MS) {
    learnBatch(scoring)
    scoring.batchBegan = hello.at
  }
  const { remoteAddress, remotePort, at, seen } = hello
  const startedAt = seen.kind === 'hello' ? Math.min(at, seen.hello.startedAt) : at
  const facts: ConnectionFacts = { remoteAddress, remotePort, listener: '', acceptedAt: startedAt }
  const { decision, observation } = admitHandshake(scoring.admission, facts, seen)
  scoring.observations.push(observation)
  scoring.hellos++
  rememberFirst(scoring, hello, decision)
  if (handshakeMs !== undefined) {
    scoring.outcomes.push({
      decision: decision.id,
      at,
      profile: observation.profile,
      result: 'full',
      handshakeMs,
      helloRetry: false,
      check: '',
    })
  }
  return decision
}

/** What of a first hello tells its second from one that was replayed. Copies: a hello's bytes are views. */
interface FirstHello {
  readonly random: string
  readonly keyShares: string
  readonly capturedAt: number | undefined
  readonly decision: Decision
}

/** Conversations remembered, as many as `find-client-hellos.ts` follows. */
const FIRSTS_MAX = 100_000

function firstOf(
  { firsts }: HelloScoring,
  { seen, conversation, capturedAt }: HelloSeen,
): Decision | undefined {
  const first = conversation === undefined ? undefined : firsts.get(conversation)
  if (first === undefined || seen.hello === undefined) return undefined
  const { hello } = seen
  if (toHex(hello.random) !== first.random) return undefined
  if (capturedAt !== undefined && capturedAt === first.capturedAt) return first.decision
  // QUIC (Retry) and DTLS (HelloVerifyRequest) have no records of TLS, and may ask for the same hello again.
  if (hello.recordVersion === 0 || hello.legacyVersion >= DTLS_VERSIONS) return first.decision
  // A HelloRetryRequest asks for a change (RFC 8446 section 4.1.4): a key share or a cookie. Without one it is a replay.
  const isAnswer = hello.extensions.includes(COOKIE) || sharesOf(hello) !== first.keyShares
  return isAnswer ? first.decision : undefined
}

const COOKIE = 44
/** DTLS counts its versions down from 0xfeff (RFC 6347 section 4.1). */
const DTLS_VERSIONS = 0xfe00

function rememberFirst(
  { firsts }: HelloScoring,
  { seen, conversation, capturedAt }: HelloSeen,
  decision: Decision,
): void {
  if (conversation === undefined || seen.hello === undefined) return
  for (const oldest of firsts.keys()) {
    if (firsts.size < FIRSTS_MAX) break
    firsts.delete(oldest)
  }
  const { hello } = seen
  const secrets = { random: toHex(hello.random), keyShares: sharesOf(hello) }
  firsts.set(conversation, { ...secrets, capturedAt, decision })
}

/** GREASE is drawn anew (RFC 8701 does not say so, Chromium keeps it): left out, so that it is no change. */
function sharesOf({ keyShares }: ClientHello): string {
  return keyShares
    .filter(({ group }) => !isGrease(group))
    .map(({ group, key }) => `${group}:${toHex(key)}`)
    .join(' ')
}

/** What the supervisor does every 200 ms. */
function learnBatch(scoring: HelloScoring): void {
  const { admission, profiler, observations, outcomes, now, random, hellos } = scoring
  const { verdictsChanged } = learnHandshakes(profiler, { observations, outcomes }, [], now)
  const grown =
    hellos >= FIRST_TRAINING &&
    Math.log2(hellos) >> 0 !== Math.log2(hellos - observations.length) >> 0
  observations.length = 0
  outcomes.length = 0
  const samples = trainingSamples(profiler)
  if (grown && samples.length >= 2) {
    takeForest(profiler, trainIsolationForest(samples, ISOLATION_FOREST_DEFAULTS, random))
  }
  if (verdictsChanged) admission.verdicts = newVerdictTable(verdictsOf(profiler, now))
}
