/**
 * Patterns that a person or the rigorous pool confirmed (`behavior/handshake/signature.ts`): made as narrow as they can be,
 * bounded, listed, removed.
 *
 * @module
 */
import type { Reason } from '../behavior/decision.ts'
import type { HelloFeatures } from '../behavior/handshake/observation.ts'
import type { Profile } from '../behavior/handshake/profile.ts'
import type { Signature } from '../behavior/handshake/signature.ts'
import { matches } from '../behavior/handshake/verdict-table.ts'
import { fingerprintOf, GROUPS_REMEMBERED, type Profiler } from './profiler-state.ts'

/** Networks confirmed as bad after which a fingerprint that no good client has is bad everywhere. */
const BAD_GROUPS_MIN = 3

export function addSignature(
  profiler: Profiler,
  profile: Profile,
  by: string,
  why: string,
  now: number,
): Signature | undefined {
  const { ja4Stable, addressGroup } = profile
  if (ja4Stable === '') return undefined
  const known = fingerprintOf(profiler, ja4Stable, now)
  if (known.bad.size < GROUPS_REMEMBERED) known.bad.add(addressGroup)
  known.good.delete(addressGroup)
  const isWhole = known.bad.size >= BAD_GROUPS_MIN && known.good.size === 0
  const match = isWhole ? { ja4Stable } : { ja4Stable, addressGroup }
  const id = nameOf(`${ja4Stable} ${isWhole ? '' : addressGroup}`)
  const until = now + profiler.settings.signatureMs
  const old = profiler.signatures.get(id)
  const signature = { id, match, since: old?.since ?? now, until, by, why, hits: old?.hits ?? 0 }
  profiler.signatures.delete(id)
  profiler.signatures.set(id, signature)
  for (const oldest of profiler.signatures.keys()) {
    if (profiler.signatures.size <= profiler.settings.signaturesMax) break
    profiler.signatures.delete(oldest)
  }
  return signature
}

/** 48 bits of FNV-1a, twice: a name, not a proof. */
function nameOf(text: string): string {
  let high = 0x811c9dc5
  let low = 0x01000193
  for (let i = 0; i < text.length; i++) {
    high = Math.imul(high ^ text.charCodeAt(i), 0x01000193)
    low = Math.imul(low ^ text.charCodeAt(text.length - 1 - i), 0x01000193)
  }
  const part = (hash: number) => (hash >>> 8).toString(16).padStart(6, '0')
  return part(high) + part(low)
}

export function countHits(
  profiler: Profiler,
  features: HelloFeatures | undefined,
  addressGroup: string,
): void {
  if (features === undefined) return
  const { ja4, ja4Stable } = features
  for (const [id, signature] of profiler.signatures) {
    if (!matches(signature.match, { ja4, ja4Stable, addressGroup })) continue
    profiler.signatures.set(id, { ...signature, hits: signature.hits + 1 })
  }
}

/** Those that have not ended, the oldest first. */
export function signaturesOf(profiler: Profiler, now: number): readonly Signature[] {
  return [...profiler.signatures.values()].filter(({ until }) => until > now)
}

/** False when there is none with that id. */
export function removeSignature(profiler: Profiler, id: string): boolean {
  return profiler.signatures.delete(id)
}

export function signatureReason({ why }: Signature, weight: number): Reason {
  const text = `It matches a confirmed pattern: ${why}`
  return { code: 'signature', text, weight, detector: 'signature' }
}
