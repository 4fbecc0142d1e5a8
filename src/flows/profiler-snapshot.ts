/**
 * What the profiler wants to find again after a restart, as JSON, and back: strictly, since it comes out of a storage that
 * is not trusted. Not here: profiles, which have a store of their own; what is relearned within minutes.
 *
 * @module
 */
import type { MishapCounts } from '../behavior/handshake/mishaps.ts'
import type { Signature } from '../behavior/handshake/signature.ts'
import { type Calibration, isCalibration } from '../behavior/threshold/conformal.ts'
import { LimenError } from '../ground/limen-error.ts'

export interface ProfilerSnapshot {
  readonly calibration: Calibration
  readonly mishaps: MishapCounts
  readonly pauses: { readonly hellos: number; readonly paused: number }
  readonly churn: {
    readonly connections: number
    readonly fresh: number
    readonly seen: Iterable<string>
  }
  readonly signatures: readonly Signature[]
}

const VERSION = 1
/** Fingerprints that a restart should not take for new: the youngest. */
const FINGERPRINTS_MAX = 4096

export function writeSnapshot(snapshot: ProfilerSnapshot): string {
  const { calibration, mishaps, pauses, churn, signatures } = snapshot
  const { connections, fresh } = churn
  const seen = [...churn.seen].slice(-FINGERPRINTS_MAX)
  return JSON.stringify({
    version: VERSION,
    calibration,
    mishaps,
    pauses,
    churn: { connections, fresh, seen },
    signatures,
  })
}

/** Throws a LimenError `profiler-state-bad` when it is not what {@link writeSnapshot} writes. */
export function readSnapshot(json: string): ProfilerSnapshot {
  let found: unknown
  try {
    found = JSON.parse(json)
  } catch (cause) {
    throw bad(cause)
  }
  if (!isSnapshot(found)) throw bad(undefined)
  return found
}

function bad(cause: unknown): LimenError {
  const message = 'Cannot read what the profiler had learned before'
  return new LimenError('profiler-state-bad', message, { side: 'limen', retry: false, cause })
}

function isSnapshot(value: unknown): value is ProfilerSnapshot {
  if (!isRecord(value)) return false
  const { version, calibration, mishaps, pauses, churn, signatures } = value as Fields<
    ProfilerSnapshot & { version: number }
  >
  return (
    version === VERSION &&
    isCalibration(calibration) &&
    areMishaps(mishaps) &&
    arePauses(pauses) &&
    isChurn(churn) &&
    Array.isArray(signatures) &&
    signatures.every(isSignature)
  )
}

function arePauses(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { hellos, paused } = value as Fields<ProfilerSnapshot['pauses']>
  return areCounts([hellos, paused])
}

function isChurn(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { connections, fresh, seen } = value as Fields<ProfilerSnapshot['churn']>
  return areCounts([connections, fresh]) && areTexts(seen)
}

function areMishaps(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { at, connections, byForm } = value as Fields<MishapCounts>
  return areCounts([at, connections]) && isRecord(byForm) && areCounts(Object.values(byForm))
}

function isSignature(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { id, match, by, why, since, until, hits } = value as Fields<Signature>
  return (
    isRecord(match) &&
    areTexts([id, by, why, ...Object.values(match)]) &&
    areCounts([since, until, hits])
  )
}

type Fields<T> = Partial<Record<keyof T, unknown>>

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function areTexts(values: unknown): boolean {
  return Array.isArray(values) && values.every((value) => typeof value === 'string')
}

function areCounts(values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === 'number' && Number.isFinite(value) && value >= 0)
}
