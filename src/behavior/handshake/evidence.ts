/**
 * Evidence put together. Within a detector only the strongest source counts (a hello and its profile are judged by the
 * same facts); across detectors weights add up, since they look at different things.
 *
 * @module
 */
import type { Detector, DetectorMode, Reason } from '../decision.ts'
import { DETECTORS } from '../decision.ts'
import { type Tier, type TierThresholds, tierOf } from '../tier.ts'

/** The evidence of each source, e.g. of the hello itself and of each verdict that holds for it. */
export function joinEvidence(sources: readonly (readonly Reason[])[]): Reason[] {
  const [first = []] = sources
  if (sources.length < 2) return [...first]
  // Context belongs to the hello: that of verdicts was said when they were made.
  const joined = first.filter(({ detector }) => detector === undefined)
  for (const detector of DETECTORS) {
    let strongest: Reason[] = []
    let most = -1
    for (const source of sources) {
      const own = source.filter((reason) => reason.detector === detector)
      const weight = scoreOf(own)
      if (own.length > 0 && weight > most) {
        strongest = own
        most = weight
      }
    }
    joined.push(...strongest)
  }
  return joined
}

/** The sum of the weights. */
export function scoreOf(reasons: readonly Reason[]): number {
  let sum = 0
  for (const { weight } of reasons) sum += weight
  return sum
}

export interface EnforcementPolicy extends TierThresholds {
  readonly mode: DetectorMode
  readonly detectors: Readonly<Record<Detector, DetectorMode>>
}

/** The tier by the evidence of detectors that are in force; 1 unless the policy enforces at all. */
export function enforcedTier(reasons: readonly Reason[], policy: EnforcementPolicy): Tier {
  if (policy.mode !== 'enforce') return 1
  let sum = 0
  for (const { detector, weight } of reasons) {
    if (detector !== undefined && policy.detectors[detector] === 'enforce') sum += weight
  }
  return sum > 0 ? tierOf(sum, policy) : 1
}
