/**
 * People who have typed some free text before, each a little slower than the one before: as storage has them, for tests of others.
 *
 * @module
 */
import { learn } from '../src/behavior/biometrics/typing-profile.ts'
import { FREE_TEXT_KINDS } from '../src/behavior/person/free-text.ts'
import { newPerson, type Person, typingProfile } from '../src/behavior/person/person.ts'

/** @param number in their id; 0, 1, ... */
export function keptTypist(number: number, observations = 20): Person {
  const person = newPerson(number.toString(16).padStart(32, '0'), 0)
  const profile = typingProfile(person, 'text desktop qwerty', FREE_TEXT_KINDS)
  const row = Float64Array.from(FREE_TEXT_KINDS, () => 0.1 + number / 1000)
  for (let i = 0; i < observations; i++) learn(profile, row, true)
  return person
}
