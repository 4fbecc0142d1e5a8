/**
 * Ordinary handshakes of a busy client that were counted instead of told one by one (`gather-handshakes.ts`), into its
 * profile and into what is usual here.
 *
 * @module
 */
import { countConnection } from '../behavior/handshake/mishaps.ts'
import { fadeCounts, type Profile, round } from '../behavior/handshake/profile.ts'
import { countRate } from '../behavior/handshake/rate.ts'
import type { HandshakesMore } from '../ports/data-plane.ts'
import { prevalenceOf } from './judge-profile.ts'
import { hasPassed } from './learn-outcome.ts'
import type { Profiler } from './profiler-state.ts'

/** How rare its fingerprint is here, with these counted in. The profile has to be judged anew. */
export function learnMore(profiler: Profiler, profile: Profile, more: HandshakesMore): number {
  const { at, hellos, resumptions, roundTripMs } = more
  const { counts } = profile
  fadeCounts(profile, at)
  profile.lastSeen = Math.max(profile.lastSeen, at)
  profile.connections += hellos
  profile.unflagged += hellos
  counts.hellos += hellos
  counts.resumptionsOffered += resumptions
  counts.full += more.full
  counts.resumed += more.resumed
  counts.helloRetries += more.helloRetries
  if (roundTripMs > 0 && (profile.roundTripMs === 0 || roundTripMs < profile.roundTripMs)) {
    profile.roundTripMs = round(roundTripMs)
  }
  if (hellos === 0) return 1
  const isFlagged = profile.score >= profiler.settings.tier2 || profile.label === 'bad'
  countConnection(profiler.mishaps, isFlagged ? profile.form : '', at, hellos)
  for (const [kind, times] of [
    ['new', hellos - resumptions],
    ['resumed', resumptions],
  ] as const) {
    if (times === 0) continue
    countRate(profile.rate, kind, at, !isFlagged || hasPassed(profile), times)
    countRate(profiler.rate, kind, at, true, times)
  }
  profiler.pauses.hellos += hellos
  return profile.form === '' ? prevalenceOf(profiler, profile.ja4Stable, at, hellos) : 1
}
