/**
 * The verdicts that the workers should hold: few, bounded, each with an end (`behavior/handshake/verdict.ts`).
 *
 * @module
 */
import { type Churn, isKnownIn, KNOWN_MAX, knownIn, partsOf } from '../behavior/handshake/churn.ts'
import { scoreOf } from '../behavior/handshake/evidence.ts'
import type { HandshakeObservation, HelloFeatures } from '../behavior/handshake/observation.ts'
import type { Profile } from '../behavior/handshake/profile.ts'
import { countOf, countRate, FLOOD_MIN, rateReasons } from '../behavior/handshake/rate.ts'
import type { Verdict } from '../behavior/handshake/verdict.ts'
import { signatureReason, signaturesOf } from './profiler-signatures.ts'
import { fingerprintOf, GROUPS_REMEMBERED, type Profiler } from './profiler-state.ts'

/** True when it is new, says something else, or would have ended soon. */
export function putVerdict(profiler: Profiler, key: string, verdict: Verdict): boolean {
  const old = profiler.verdicts.get(key)
  const left = old === undefined ? 0 : old.until - (verdict.until - profiler.settings.verdictMs)
  const isKnown =
    old !== undefined &&
    Math.abs(old.score - verdict.score) < 1 &&
    verdict.until - old.until < Math.max(left, profiler.settings.floodVerdictMs) / 2
  if (isKnown) return false
  profiler.verdicts.delete(key)
  profiler.verdicts.set(key, verdict)
  for (const oldest of profiler.verdicts.keys()) {
    if (profiler.verdicts.size <= profiler.settings.verdictsMax) break
    profiler.verdicts.delete(oldest)
  }
  return true
}

export function condemnNewcomers(profiler: Profiler, churn: Churn, now: number): boolean {
  const text = `${Math.floor(churn.fresh)} of the last connections from its network had fingerprints never seen before that differ in one part only`
  return putVerdict(profiler, newcomersKey(churn.addressGroup, churn.part), {
    subject: {
      kind: 'newcomers',
      addressGroup: churn.addressGroup,
      part: churn.part,
      known: knownIn(churn),
    },
    score: churn.digits,
    reasons: [{ code: 'fingerprints-churn', text, weight: churn.digits, detector: 'profile' }],
    until: now + profiler.settings.verdictMs,
  })
}

function newcomersKey(addressGroup: string, part: string): string {
  return `newcomers ${addressGroup} ${part}`
}

/** A fingerprint that came back often enough is none of the newcomers: true when a verdict on them changed by it. */
export function acquit(profiler: Profiler, ja4Stable: string, addressGroup: string): boolean {
  let changed = false
  for (const part of partsOf(ja4Stable)) {
    const key = newcomersKey(addressGroup, part)
    const verdict = profiler.verdicts.get(key)
    if (verdict === undefined || verdict.subject.kind !== 'newcomers') continue
    const { subject } = verdict
    if (subject.known.includes(ja4Stable)) continue
    if (!isKnownIn(profiler.churn, addressGroup, part, ja4Stable)) continue
    const known = [...subject.known, ja4Stable].slice(-KNOWN_MAX)
    profiler.verdicts.set(key, { ...verdict, subject: { ...subject, known } })
    changed = true
  }
  return changed
}

/** What is held against the kind of a client rather than against itself, as workers look it up (`verdict-table.ts`). */
export function verdictsOnKind(profiler: Profiler, profile: Profile, now: number): Verdict[] {
  const { ja4Stable, addressGroup } = profile
  if (ja4Stable === '') return []
  const keys = partsOf(ja4Stable).map((part) => newcomersKey(addressGroup, part))
  return [rateKey(ja4Stable), ...keys].flatMap((key) => {
    const verdict = profiler.verdicts.get(key)
    if (verdict === undefined || verdict.until <= now) return []
    const { subject } = verdict
    return subject.kind === 'newcomers' && subject.known.includes(ja4Stable) ? [] : [verdict]
  })
}

function rateKey(ja4Stable: string): string {
  return `rate ${ja4Stable}`
}

/**
 * Rates of a fingerprint over all its clients that are not flagged themselves. What one of them does from FLOOD_MIN on within
 * a second is its own matter, and has its own verdict: one busy client must not condemn all that have its software.
 */
export function watchFingerprint(
  profiler: Profiler,
  profile: Profile,
  features: HelloFeatures,
  seen: HandshakeObservation,
): boolean {
  const { ja4Stable } = features
  const state = fingerprintOf(profiler, ja4Stable, seen.at)
  if (state.good.size < GROUPS_REMEMBERED) state.good.add(seen.addressGroup)
  const key = rateKey(ja4Stable)
  const isFlood = profiler.verdicts.has(key)
  const kind = features.resumption ? 'resumed' : 'new'
  if (countOf(profile.rate, kind) >= FLOOD_MIN) return false
  countRate(state.rate, kind, seen.at, !isFlood)
  const reasons = rateReasons(state.rate, profiler.rate, seen.at, 'clients with this fingerprint')
  const score = scoreOf(reasons)
  // One network with the fingerprint is one profile: that has its own verdict.
  if (score < profiler.settings.tier2 || state.good.size < 2) return false
  return putVerdict(profiler, key, {
    subject: { kind: 'signature', signature: key, match: { ja4Stable } },
    score,
    reasons,
    until: seen.at + profiler.settings.floodVerdictMs,
  })
}

/** Ends what is over; true when the workers should know. */
export function sweep(profiler: Profiler, now: number): boolean {
  for (const [key, verdict] of profiler.verdicts) {
    if (verdict.until <= now) profiler.verdicts.delete(key)
  }
  let ended = false
  for (const [id, signature] of profiler.signatures) {
    if (signature.until <= now && profiler.signatures.delete(id)) ended = true
  }
  return ended
}

/** Those in force, in no special order. */
export function verdictsOf(profiler: Profiler, now: number): readonly Verdict[] {
  const verdicts = [...profiler.verdicts.values()].filter(({ until }) => until > now)
  for (const signature of signaturesOf(profiler, now)) {
    const weight = profiler.settings.tier3
    verdicts.push({
      subject: { kind: 'signature', signature: signature.id, match: signature.match },
      score: weight,
      reasons: [signatureReason(signature, weight)],
      until: signature.until,
    })
  }
  return verdicts
}
