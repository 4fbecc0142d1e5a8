/**
 * What a transport says of a device's stream, for who looks: its state and why, scores, the shortest window against the baseline. JSON in
 * exactly this form, at most {@link REPORT_CHARS_MAX}; the reader is strict, since a transport may be somebody else's by now.
 *
 * @module
 */
import { hasKeys } from './json-keys.ts'
import { SRT_PATH, SRT_PICTURE } from './srt-baseline.ts'
import { IDENTITY_FEATURES, PATH_FEATURES, PICTURE_FEATURES } from './stream-features.ts'
import type { StreamReason, StreamScores } from './stream-scorer.ts'
import type { StreamState } from './stream-watch.ts'

/** How a device sends, and so what is seen of its stream. */
export type StreamProtocol = 'rtp' | 'srt'

export interface StreamReport {
  readonly device: string
  readonly protocol: StreamProtocol
  /** Milliseconds since 1970. */
  readonly at: number
  readonly state: StreamState
  /** Another key was asked for just now. */
  readonly rotate: boolean
  /** {@link REASONS_MAX} at most. */
  readonly reasons: readonly StreamReason[]
  readonly scores: StreamScores
  /** That the score of identity is compared with. */
  readonly limit: number
  /** In the order of {@link STREAM_FEATURES}; none while it is learned. */
  readonly features: readonly FeatureFigure[]
}

/** Of the shortest window; null: nothing to say. */
export type FeatureFigure = readonly [value: number | null, middle: number | null, spread: number]

export const STREAM_FEATURES: Readonly<Record<StreamProtocol, readonly string[]>> = {
  rtp: [...IDENTITY_FEATURES, ...PICTURE_FEATURES, ...PATH_FEATURES].map(({ name }) => name),
  srt: [...SRT_PICTURE, ...SRT_PATH].map(({ name }) => name),
}
export const REASONS_MAX = 8
export const REPORT_CHARS_MAX = 3000
const STATES: readonly string[] = ['learning', 'normal', 'suspicious', 'anomalous']
const GROUPS: readonly string[] = ['evidence', 'identity', 'picture', 'path']
const WHAT = /^[\w ,.-]{1,60}$/
const DEVICE = /^[\w.-]{1,64}$/
const KEYS = [
  ...['device', 'protocol', 'at', 'state', 'rotate', 'reasons', 'scores', 'limit', 'features'],
]
/** Beyond it a score says no more; a window that is all zeros has no end. */
const SCORE_MAX = 1e6
/** Figures after the point. */
const DIGITS = 4

export function writeStreamReport(report: StreamReport): string {
  const { reasons, features, scores, limit } = report
  const { identity, picture, path } = scores
  return JSON.stringify({
    ...report,
    reasons: reasons.slice(0, REASONS_MAX).map((one) => ({ ...one, score: short(one.score) })),
    scores: { identity: short(identity), picture: short(picture), path: short(path) },
    limit: short(limit),
    features: features.map((figure) => figure.map((one) => (one === null ? null : short(one)))),
  })
}

/** undefined for what {@link writeStreamReport} does not write. Never throws. */
export function readStreamReport(text: string): StreamReport | undefined {
  if (text.length > REPORT_CHARS_MAX) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isReport(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isReport(value: unknown): value is StreamReport {
  if (!hasKeys(value, KEYS)) return false
  const { device, protocol, at, state, rotate, reasons, scores, limit, features } = value
  if (protocol !== 'rtp' && protocol !== 'srt') return false
  const { length: most } = STREAM_FEATURES[protocol]
  return (
    typeof device === 'string' &&
    DEVICE.test(device) &&
    Number.isSafeInteger(at) &&
    Number(at) >= 0 &&
    STATES.includes(String(state)) &&
    typeof rotate === 'boolean' &&
    isList(reasons, REASONS_MAX, isReason) &&
    hasKeys(scores, ['identity', 'picture', 'path']) &&
    Object.values(scores).every(isFigure) &&
    isFigure(limit) &&
    isList(features, most, isFeature) &&
    (features.length === 0 || features.length === most)
  )
}

function isReason(value: unknown): boolean {
  if (!hasKeys(value, ['group', 'what', 'score'])) return false
  const { group, what, score } = value
  return GROUPS.includes(String(group)) && WHAT.test(String(what)) && isFigure(score)
}

function isFeature(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [now, middle, spread] = value
  return (
    (now === null || isFigure(now)) && (middle === null || isFigure(middle)) && isFigure(spread)
  )
}

function isFigure(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= SCORE_MAX
}

function isList(
  value: unknown,
  most: number,
  is: (one: unknown) => boolean,
): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= most && value.every(is)
}

function short(value: number): number {
  const bounded = Math.min(SCORE_MAX, Math.max(-SCORE_MAX, value))
  return Number(bounded.toPrecision(DIGITS))
}
