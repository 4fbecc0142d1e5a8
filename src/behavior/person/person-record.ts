/**
 * A {@link Person} as text, for storage and for who asks what is kept of him: JSON with a version. The reader is strict: what
 * is not exactly a person is none, and learned anew.
 *
 * @module
 */
import { isPointerProfile } from '../biometrics/pointer-profile.ts'
import { isTypingProfile } from '../biometrics/typing-profile.ts'
import { movementFeatures } from './movements.ts'
import {
  type Person,
  POINTER_CONTEXTS_MAX,
  SESSIONS_MAX,
  type SessionEnd,
  TYPING_CONTEXTS_MAX,
} from './person.ts'
import { isSeenRuns } from './repeated-timings.ts'

const VERSION = 1
/** Six pointers of 1333 actions, a mouse's of 52 features, eight texts, some runs: below. */
export const PERSON_CHARS_MAX = 4 * 2 ** 20
/** A context is a few words of our own. */
const CONTEXT = /^[\w /:-]{1,64}$/
export const PERSON_ID = /^[0-9a-f]{32}$/

export function writePerson(person: Person): string {
  return JSON.stringify({ version: VERSION, ...person })
}

/** undefined when the text is no person called `id`. Never throws. */
export function readPerson(id: string, text: string): Person | undefined {
  if (text.length > PERSON_CHARS_MAX) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { version, ...person } = value as Record<string, unknown>
  return version === VERSION && isPerson(person) && person.id === id ? person : undefined
}

const KEYS = [
  ...['id', 'createdAt', 'updatedAt', 'typing', 'pointer', 'seenRuns', 'sessions'],
  ...['label', 'frozen'],
]

function isPerson(value: Record<string, unknown>): value is Record<string, unknown> & Person {
  const { id, createdAt, updatedAt, typing, pointer, seenRuns, sessions, label, frozen } =
    value as Partial<Record<keyof Person, unknown>>
  return (
    Object.keys(value).length === KEYS.length &&
    typeof id === 'string' &&
    PERSON_ID.test(id) &&
    isTime(createdAt) &&
    isTime(updatedAt) &&
    isContexts(typing, TYPING_CONTEXTS_MAX, isTypingProfile) &&
    isContexts(pointer, POINTER_CONTEXTS_MAX, isMovement) &&
    isSeenRuns(seenRuns) &&
    Array.isArray(sessions) &&
    sessions.length <= SESSIONS_MAX &&
    sessions.every(isSessionEnd) &&
    (label === 'good' || label === 'bad' || label === '') &&
    typeof frozen === 'boolean'
  )
}

function isMovement(value: unknown, context: string): boolean {
  return isPointerProfile(value, movementFeatures(context).length)
}

function isContexts(
  value: unknown,
  max: number,
  is: (profile: unknown, context: string) => boolean,
): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const entries = Object.entries(value)
  return entries.length <= max && entries.every(([key, one]) => CONTEXT.test(key) && is(one, key))
}

function isSessionEnd(value: unknown): value is SessionEnd {
  if (typeof value !== 'object' || value === null) return false
  const { at, tier, score, windows } = value as Partial<Record<keyof SessionEnd, unknown>>
  return (
    isTime(at) &&
    (tier === 1 || tier === 2 || tier === 3) &&
    Number.isFinite(score) &&
    isTime(windows)
  )
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
