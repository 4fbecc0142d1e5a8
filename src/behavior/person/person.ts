/**
 * What is kept of a person: a typing profile per context, a profile of movements per kind and kind of device, hashes of timings that were
 * seen, and how sessions ended. Plain JSON data of bounded size, under an id that says nothing (a keyed hash of the user's).
 *
 * @module
 */
import { openPointerProfile, type PointerProfile } from '../biometrics/pointer-profile.ts'
import { openProfile, type TimingKind, type TypingProfile } from '../biometrics/typing-profile.ts'
import type { Tier } from '../tier.ts'
import type { SeenRuns } from './repeated-timings.ts'

export interface Person {
  readonly id: string
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number
  updatedAt: number
  /** By context, the least lately used first. */
  readonly typing: Record<string, TypingProfile>
  /** By context: mouse, fingers, pen and scrolling each on a kind of device. */
  readonly pointer: Record<string, PointerProfile>
  readonly seenRuns: SeenRuns
  /** The last sessions, oldest first. */
  readonly sessions: SessionEnd[]
  /** What somebody who knows has said, '' for nobody. */
  label: 'good' | 'bad' | ''
  /** Nothing is learned any more. */
  frozen: boolean
}

/** How a session went, without anything of what was done in it. */
export interface SessionEnd {
  readonly at: number
  readonly tier: Tier
  /** The highest, digits. */
  readonly score: number
  readonly windows: number
}

/** A month of working days. */
export const SESSIONS_MAX = 64
/** Texts of one kind on different keyboards, and passwords of different pages. */
export const TYPING_CONTEXTS_MAX = 8
/** Mouse, fingers and scrolling on three kinds of devices. The largest, of a mouse, is up to 0.5 MB of JSON. */
export const POINTER_CONTEXTS_MAX = 6

export function newPerson(id: string, now: number): Person {
  return {
    ...{ id, createdAt: now, updatedAt: now, typing: {}, pointer: {}, seenRuns: [] },
    ...{ sessions: [], label: '', frozen: false },
  }
}

/** The profile of a context; a new one, where there was none, takes the place of the one that knows least. */
export function typingProfile(
  { typing }: Person,
  context: string,
  kinds: readonly TimingKind[],
): TypingProfile {
  const known = typing[context]
  if (known !== undefined && known.kinds.length === kinds.length) return known
  makeRoom(typing, TYPING_CONTEXTS_MAX, ({ confirmed }) => confirmed.length)
  const opened = openProfile(kinds)
  typing[context] = opened
  return opened
}

export function pointerProfile({ pointer }: Person, context: string): PointerProfile {
  const known = pointer[context]
  if (known !== undefined) return known
  makeRoom(pointer, POINTER_CONTEXTS_MAX, ({ confirmed }) => confirmed.rows.length)
  const opened = openPointerProfile()
  pointer[context] = opened
  return opened
}

/** Whoever opens contexts without end drives out other new ones, never what has been learned for long. */
function makeRoom<T>(
  profiles: Record<string, T>,
  max: number,
  worth: (profile: T) => number,
): void {
  const entries = Object.entries(profiles)
  if (entries.length < max) return
  const [least] = entries.sort(([, a], [, b]) => worth(a) - worth(b))
  if (least !== undefined) delete profiles[least[0]]
}

export function noteSession(person: Person, end: SessionEnd): void {
  person.sessions.push(end)
  if (person.sessions.length > SESSIONS_MAX) person.sessions.shift()
}
