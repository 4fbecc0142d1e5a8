/**
 * Which profiles to keep when there is no room for all: those seen lately, often, or judged by a person.
 *
 * @module
 */
import type { Profile } from '../behavior/handshake/profile.ts'

const HOUR_MS = 3_600_000
/**
 * Each doubling of a client's connections is worth so long an absence. So a flood of clients that come once is
 * what goes first, and not who was here a few times yesterday: half a day, the least that bridges a night.
 */
const DOUBLING_MS = 12 * HOUR_MS
/** More doublings count for nothing: 2^20 connections are kept like a million. */
const DOUBLINGS_MAX = 20
/** What a person has said is worth a month. */
const LABEL_MS = 30 * 24 * HOUR_MS

/** Larger is more useful. In milliseconds; only the order means something. A last sight in the future is now. */
export function usefulnessOf(
  { lastSeen, connections, label }: Pick<Profile, 'lastSeen' | 'connections' | 'label'>,
  now: number,
): number {
  const doublings = Math.min(Math.log2(Math.max(1, connections)), DOUBLINGS_MAX)
  return Math.min(lastSeen, now) + doublings * DOUBLING_MS + (label === '' ? 0 : LABEL_MS)
}
