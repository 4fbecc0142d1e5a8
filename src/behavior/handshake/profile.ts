/**
 * What is remembered of one client: plain JSON data of at most about 2 KB, so that a store can keep
 * millions. Counts fade, so a profile follows its client; nothing in it is secret, and the randoms in it
 * are public wire data. Changed by the detectors beside this file only. Not here: what identifies a client
 * (`profile-key.ts`), the score (`assess.ts`).
 *
 * @module
 */
import type { Moments } from '../../math/fading.ts'
import { fadedSince } from '../../math/fading.ts'
import type { Reason } from '../decision.ts'
import type { Tier } from '../tier.ts'
import { FEATURE_COUNT } from './features.ts'
import { type HelloForm, helloForm } from './form.ts'
import type { HandshakeObservation } from './observation.ts'
import { newRandomEvidence, type RandomEvidence } from './random-evidence.ts'
import { newRateHistory, type RateHistory } from './rate.ts'

export interface Profile {
  /** 16 hex digits. */
  readonly id: string
  /** '' for connections whose hello could not be read. */
  readonly ja4Stable: string
  /** How its hellos come: '' in the ordinary way; the code of what was wrong with them. */
  readonly form: HelloForm
  /** Where it was seen last: with a ticket of ours a client keeps its profile in another network. */
  addressGroup: string
  /** Guess at its software, '' when unknown. */
  client: string
  /** Milliseconds since the Unix epoch. */
  readonly firstSeen: number
  lastSeen: number
  connections: number
  /** Hellos that their own randoms speak against, the most any of them weighed, and the other hellos: whole counts. */
  flagged: number
  flaggedDigits: number
  unflagged: number
  /** Fading counts. */
  counts: ProfileCounts
  randoms: RandomEvidence
  rate: RateHistory
  /** Fingerprints (JA4) this client has had, at most {@link JA4S_MAX}. */
  ja4s: string[]
  /** It came with a ticket of ours, but its hello was of other software than before. */
  softwareChanges: number
  /** Fading means of its hellos: see `featureVector`. */
  features: number[]
  /** From the first to the last byte of its hellos, ms. */
  span: Moments
  /** The shortest handshake after the hello, ms: about the path's round trip. 0 before the first. */
  roundTripMs: number
  /** What rests on assumptions, before calibration: see `assess.ts`. */
  claimed: number
  /** -log10 p, calibrated. */
  score: number
  tier: Tier
  reasons: readonly Reason[]
  /** The oldest first, at most {@link HISTORY_MAX}. */
  history: readonly ProfileScore[]
  /** What a person said about it. */
  label: '' | 'good' | 'bad'
  labelledBy: string
}

/** Fades by half in a day, so that a profile follows what its client does now. */
export interface ProfileCounts {
  /** Milliseconds since the Unix epoch up to which the counts have faded. */
  at: number
  hellos: number
  resumptionsOffered: number
  /** Hellos that paused for longer than the path explains. */
  paused: number
  full: number
  resumed: number
  /** Handshakes that failed, or were given up by the client or the clock. */
  incomplete: number
  helloRetries: number
  checksPassed: number
  checksFailed: number
}

export interface ProfileScore {
  readonly at: number
  readonly score: number
  readonly tier: Tier
}

/** Twelve minutes of a client that is looked at each minute, or twelve scores of a quieter one: enough for a picture. */
export const HISTORY_MAX = 12
/** A client has two (fresh and resumed), and a few more with settings and versions. */
export const JA4S_MAX = 4

/** A day: a profile follows what its client does now. */
const HALF_LIFE_MS = 86_400_000

export function newProfile(seen: HandshakeObservation): Profile {
  const form = helloForm(seen.error, seen.features)
  return {
    id: seen.profile,
    ja4Stable: form === '' ? (seen.features?.ja4Stable ?? '') : '',
    form,
    addressGroup: seen.addressGroup,
    client: seen.features?.client ?? '',
    firstSeen: seen.at,
    lastSeen: seen.at,
    connections: 0,
    flagged: 0,
    flaggedDigits: 0,
    unflagged: 0,
    counts: {
      at: seen.at,
      hellos: 0,
      resumptionsOffered: 0,
      paused: 0,
      full: 0,
      resumed: 0,
      incomplete: 0,
      helloRetries: 0,
      checksPassed: 0,
      checksFailed: 0,
    },
    randoms: newRandomEvidence(),
    rate: newRateHistory(seen.at),
    ja4s: [],
    softwareChanges: 0,
    features: new Array<number>(FEATURE_COUNT).fill(0),
    span: { weight: 0, mean: 0, variance: 0 },
    roundTripMs: 0,
    claimed: 0,
    score: 0,
    tier: 1,
    reasons: [],
    history: [],
    label: '',
    labelledBy: '',
  }
}

/** Lets the counts fade up to `now`. A clock that went backwards changes nothing. */
export function fadeCounts({ counts }: Profile, now: number): void {
  // A thousandth of the half-life changes no judgement, and most connections come sooner than that.
  if (now < counts.at + HALF_LIFE_MS / 1000) return
  const left = fadedSince(counts.at, now, HALF_LIFE_MS)
  counts.hellos *= left
  counts.resumptionsOffered *= left
  counts.paused *= left
  counts.full *= left
  counts.resumed *= left
  counts.incomplete *= left
  counts.helloRetries *= left
  counts.checksPassed *= left
  counts.checksFailed *= left
  counts.at = now
}

/** Three decimals: profiles are kept as JSON. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
