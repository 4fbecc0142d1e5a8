/**
 * What every {@link PersonStore} must do, run against memory and against the real stores.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { learn } from '../behavior/biometrics/typing-profile.ts'
import { newPerson, type Person, typingProfile } from '../behavior/person/person.ts'
import type { PersonStore } from './person-store.ts'

const NOW = 1_795_000_000_000

/** A person who has typed a little. */
export function samplePerson(number: number): Person {
  const person = newPerson(number.toString(16).padStart(32, '0'), NOW)
  const profile = typingProfile(person, 'text desktop qwerty', ['hold', 'press-press'])
  learn(profile, Float64Array.of(0.1, 0.2 + number / 1000), true)
  person.sessions.push({ at: NOW, tier: 2, score: 2.25, windows: 12 })
  return person
}

/** @param open an empty one */
export function personStoreContract(name: string, open: () => Promise<PersonStore>): void {
  const using = async (use: (store: PersonStore) => Promise<void>): Promise<void> => {
    const store = await open()
    try {
      await use(store)
    } finally {
      await store.close()
    }
  }
  describe(`${name} as a store of people`, () => {
    it('gives back what was saved, and counts its revisions', () =>
      using(async (store) => {
        assert.equal(await store.load(samplePerson(1).id), undefined)
        assert.equal(await store.save(samplePerson(1)), 1)
        assert.equal(await store.save(samplePerson(2)), 1)
        assert.deepEqual(await store.load(samplePerson(1).id), {
          person: samplePerson(1),
          revision: 1,
        })
        const changed: Person = { ...samplePerson(1), label: 'good' }
        assert.equal(await store.save(changed), 2)
        assert.deepEqual(await store.load(changed.id), { person: changed, revision: 2 })
        assert.equal(await store.size(), 2)
      }))

    it('saves over the revision that was meant, and no other', () =>
      using(async (store) => {
        const person = samplePerson(3)
        assert.equal(await store.save(person, 1), undefined)
        assert.equal(await store.save(person, 0), 1)
        assert.equal(await store.save(person, 0), undefined)
        assert.equal(await store.save({ ...person, frozen: true }, 1), 2)
        assert.equal((await store.load(person.id))?.person.frozen, true)
        assert.equal((await store.load(person.id))?.revision, 2)
      }))

    it('lets one of two win who save over the same revision at once', () =>
      using(async (store) => {
        const person = samplePerson(4)
        await store.save(person)
        const both = await Promise.all([store.save(person, 1), store.save(person, 1)])
        assert.deepEqual(
          both.filter((one) => one !== undefined),
          [2],
        )
      }))

    it('erases, once', () =>
      using(async (store) => {
        const { id } = samplePerson(5)
        await store.save(samplePerson(5))
        await store.save(samplePerson(6))
        assert.equal(await store.erase(id), true)
        assert.equal(await store.erase(id), false)
        assert.equal(await store.load(id), undefined)
        assert.equal(await store.size(), 1)
        assert.equal(await store.save(samplePerson(5), 0), 1)
        assert.deepEqual((await store.load(id))?.person, samplePerson(5))
      }))

    it('names some of those it keeps, each once, and none that it has erased', () =>
      using(async (store) => {
        assert.deepEqual(await store.some(4), [])
        for (let number = 10; number < 16; number++) await store.save(samplePerson(number))
        await store.erase(samplePerson(15).id)
        await store.saveState('{}')
        const ids = Array.from({ length: 5 }, (_, i) => samplePerson(10 + i).id)
        assert.deepEqual([...(await store.some(9))].sort(), ids)
        const three = await store.some(3)
        assert.equal(new Set(three).size, 3)
        assert.ok(three.every((id) => ids.includes(id)))
      }))

    it('is not touched by what becomes of what it was given, or gave', () =>
      using(async (store) => {
        const person = samplePerson(7)
        await store.save(person)
        person.label = 'bad'
        const kept = await store.load(person.id)
        assert.equal(kept?.person.label, '')
        kept?.person.sessions.pop()
        assert.equal((await store.load(person.id))?.person.sessions.length, 1)
      }))

    it('keeps a state', () =>
      using(async (store) => {
        assert.equal(await store.loadState(), undefined)
        await store.saveState('{"a":1}')
        await store.saveState('{"a":2}')
        assert.equal(await store.loadState(), '{"a":2}')
        assert.equal(await store.size(), 0)
      }))
  })
}
