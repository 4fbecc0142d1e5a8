/**
 * Admission (seed 10122689, first step): a connection and its ClientHello in, a decision out.
 * Synchronous, nothing is waited for; costs some 10 us. Not here: what is done with the tier
 * (`adapters/edge`), the evidence (`behavior/handshake/score.ts`).
 *
 * @module
 */
import type { Decision, HandshakeView, Reason } from '../behavior/decision.ts'
import { enforcedTier, joinEvidence, scoreOf } from '../behavior/handshake/evidence.ts'
import { helloFeatures } from '../behavior/handshake/features.ts'
import { helloForm } from '../behavior/handshake/form.ts'
import { type HandshakeErrorCode, helloErrorReason } from '../behavior/handshake/hello-errors.ts'
import { ja4 } from '../behavior/handshake/ja4.ts'
import { guessClient } from '../behavior/handshake/known-clients.ts'
import type { HandshakeObservation, HelloFeatures } from '../behavior/handshake/observation.ts'
import {
  groupOf,
  newProfileKeys,
  type ProfileKeys,
  profileId,
} from '../behavior/handshake/profile-key.ts'
import {
  HANDSHAKE_MODEL,
  type HandshakeScoring,
  newHandshakeScoring,
  scoreHandshake,
  scoreMalformed,
} from '../behavior/handshake/score.ts'
import {
  newVerdictTable,
  type VerdictTable,
  verdictsOn,
} from '../behavior/handshake/verdict-table.ts'
import { tierOf } from '../behavior/tier.ts'
import type { Clock } from '../ground/clock.ts'
import type { Random } from '../ground/random.ts'
import { ulids } from '../ground/ulid.ts'
import type { AdmissionSettings } from '../ports/data-plane.ts'
import { chooseMember } from '../routing/choose-member.ts'
import type { ClientHello } from '../wire/client-hello-message.ts'

/** Who connected, where and when. */
export interface ConnectionFacts {
  readonly remoteAddress: string
  readonly remotePort: number
  /** Name of the listener. */
  readonly listener: string
  /** Milliseconds since the Unix epoch, by the clock that also timed the chunks fed to the reader. */
  readonly acceptedAt: number
  /** Id of a profile, out of a session ticket of ours that was verified. */
  readonly lineage?: string | undefined
}

/** What came of reading the hello: an outcome of `ClientHelloReader`, or why there is none. */
export type HandshakeSeen =
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | {
      readonly kind: 'error'
      readonly code: HandshakeErrorCode
      readonly hello?: ClientHello
    }

/** What the flow works with. One per worker; `settings` and `verdicts` are exchanged as a whole. */
export interface Admission {
  readonly clock: Clock
  readonly random: Random
  readonly nextId: (now: number) => string
  readonly scoring: HandshakeScoring
  settings: AdmissionSettings
  verdicts: VerdictTable
  /** Of `settings.profileKey`: made anew when that changes. */
  keys: ProfileKeys
}

export function newAdmission(deps: {
  readonly clock: Clock
  readonly random: Random
  readonly settings: AdmissionSettings
}): Admission {
  const { clock, random, settings } = deps
  return {
    clock,
    random,
    nextId: ulids(random),
    scoring: newHandshakeScoring(random),
    settings,
    verdicts: newVerdictTable([]),
    keys: newProfileKeys(settings.profileKey),
  }
}

/** A decision, and what the profiler learns from this connection. */
export interface Admitted {
  readonly decision: Decision
  readonly observation: HandshakeObservation
}

/** Rarity alone gets a client at most half the way to tier 2. */
const RARITY_SHARE_OF_TIER2 = 0.5

/** Decides about a TLS connection. Nothing of `seen` is kept, its bytes may be used again. */
export function admitHandshake(
  admission: Admission,
  connection: ConnectionFacts,
  seen: HandshakeSeen,
): Admitted {
  const now = admission.clock.now()
  const { hello } = seen
  const fingerprint = hello === undefined ? undefined : ja4(hello, 't')
  const error = seen.kind === 'error' ? seen.code : ''
  const features =
    hello === undefined || fingerprint === undefined
      ? undefined
      : helloFeatures(hello, fingerprint, guessClient(hello), connection.acceptedAt)
  const keys = profileKeys(admission)
  const group = groupOf(keys, connection.remoteAddress)
  const form = helloForm(error, features)
  // A ticket says who it is; but hellos cut on purpose are judged by themselves, also when they carry one.
  const lineage = form === '' ? connection.lineage : undefined
  const self = profileId(keys, form === '' ? (features?.ja4Stable ?? '') : '', form, group)
  const profile = lineage ?? self
  const own = ownEvidence(admission, seen, fingerprint?.stable, now)
  const identity = {
    // A ticket may be somebody else's: what is held against either counts.
    profiles: profile === self ? [profile] : [profile, self],
    ja4: features?.ja4 ?? '',
    ja4Stable: features?.ja4Stable ?? '',
    addressGroup: group,
  }
  const verdicts = verdictsOn(admission.verdicts, identity, now)
  const reasons =
    verdicts.length === 0 ? own : joinEvidence([own, ...verdicts.map((verdict) => verdict.reasons)])
  const decision = decide(admission, connection, reasons, HANDSHAKE_MODEL, now)
  const observation: Draft<HandshakeObservation> = {
    decision: decision.id,
    at: now,
    profile,
    lineage: lineage !== undefined,
    own: self,
    addressGroup: group,
    error,
  }
  decision.profile = profile
  if (hello !== undefined && features !== undefined) {
    decision.handshake = viewOf(hello, features, connection)
    observation.features = features
  }
  return { decision, observation }
}

/** While it is being written. */
type Draft<T> = { -readonly [K in keyof T]: T[K] }

function profileKeys(admission: Admission): ProfileKeys {
  const { profileKey } = admission.settings
  const { key } = admission.keys
  let same = key.length === profileKey.length
  for (let i = 0; same && i < key.length; i++) same = key[i] === profileKey[i]
  if (!same) admission.keys = newProfileKeys(profileKey)
  return admission.keys
}

/** What the hello says against itself. */
function ownEvidence(
  admission: Admission,
  seen: HandshakeSeen,
  ja4Stable: string | undefined,
  now: number,
): readonly Reason[] {
  const rarityMax = Math.max(0, admission.settings.tier2 * RARITY_SHARE_OF_TIER2)
  if (seen.kind === 'hello' && ja4Stable !== undefined) {
    return scoreHandshake(admission.scoring, { hello: seen.hello, ja4Stable, rarityMax }, now)
      .reasons
  }
  const code = seen.kind === 'error' ? seen.code : 'decode:short'
  const malformed = scoreMalformed(admission.scoring, code, rarityMax, now)
  return [helloErrorReason(code), ...malformed.reasons]
}

function viewOf(
  hello: ClientHello,
  features: HelloFeatures,
  connection: ConnectionFacts,
): HandshakeView {
  return {
    ja4: features.ja4,
    ja4Stable: features.ja4Stable,
    sni: hello.sni,
    alpn: hello.alpn,
    resumption: features.resumption,
    chunks: hello.chunks,
    arrivalMs: Math.max(0, hello.completedAt - connection.acceptedAt),
    client: features.client,
  }
}

/** The model of connections that have no handshake to look at. */
const PLAIN_MODEL = 'plain/1'

/** Decides about a plain HTTP connection: there is no handshake, so nothing to hold against it. */
export function admitPlain(admission: Admission, connection: ConnectionFacts): Decision {
  const reasons = [
    { code: 'no-handshake', text: 'Plain HTTP: there is no TLS handshake to look at', weight: 0 },
  ]
  return decide(admission, connection, reasons, PLAIN_MODEL, admission.clock.now())
}

function decide(
  admission: Admission,
  connection: ConnectionFacts,
  reasons: readonly Reason[],
  model: string,
  now: number,
): Draft<Decision> {
  const { remoteAddress, remotePort, listener } = connection
  const { settings } = admission
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress
  const score = scoreOf(reasons)
  const enforced = enforcedTier(reasons, settings)
  const pool = enforced >= 2 ? 'rigorous' : 'primary'
  const { members, choose, region } = settings[pool]
  const near = choose === 'region' ? region : undefined
  return {
    id: admission.nextId(now),
    subject: `${host}:${remotePort}`,
    tier: tierOf(score, settings),
    score,
    reasons,
    model,
    mode: settings.mode,
    at: now,
    listener,
    enforced,
    pool,
    member: members.length === 0 ? '' : chooseMember(members, near, admission.random.fraction()),
  }
}
