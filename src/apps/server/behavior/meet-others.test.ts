import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryPersonStore } from '../../../adapters/memory/person-store.ts'
import { learn } from '../../../behavior/biometrics/typing-profile.ts'
import { FREE_TEXT_KINDS } from '../../../behavior/person/free-text.ts'
import { newPerson, type Person, typingProfile } from '../../../behavior/person/person.ts'
import { POPULATION_MAX, Population } from '../../../behavior/person/population.ts'
import { meetOthers } from './meet-others.ts'

function typist(number: number, observations = 20): Person {
  const person = newPerson(number.toString(16).padStart(32, '0'), 0)
  const profile = typingProfile(person, 'text desktop qwerty', FREE_TEXT_KINDS)
  const row = Float64Array.from(FREE_TEXT_KINDS, () => 0.1 + number / 1000)
  for (let i = 0; i < observations; i++) learn(profile, row, true)
  return person
}

describe('meetOthers()', () => {
  it('meets those who are kept, a few at a time, and no more than there is room for', async () => {
    const store = memoryPersonStore(1000)
    const population = new Population()
    await meetOthers(population, store)
    assert.equal(population.size, 0)
    for (let i = 0; i < 10; i++) await store.save(typist(i))
    await store.save({ ...typist(10), label: 'bad' })
    await store.save(typist(11, 5))
    await meetOthers(population, store)
    assert.equal(population.size, 10)
    for (let i = 20; i < 200; i++) await store.save(typist(i))
    for (let i = 0; i < 40; i++) await meetOthers(population, store)
    assert.equal(population.size, POPULATION_MAX)
  })

  it('forgets who is not kept any more, and who is said to be somebody else', async () => {
    const store = memoryPersonStore(1000)
    const population = new Population()
    for (let i = 0; i < 9; i++) await store.save(typist(i))
    await meetOthers(population, store)
    await store.erase(typist(3).id)
    await store.save({ ...typist(4), label: 'bad' })
    for (let i = 0; i < 9; i++) await meetOthers(population, store)
    assert.deepEqual(
      Array.from({ length: 9 }, (_, i) => population.has(typist(i).id)),
      [true, true, true, false, false, true, true, true, true],
    )
  })

  it('leaves it to the caller when the storage fails', async () => {
    const store = { ...memoryPersonStore(1), some: () => Promise.reject(new Error('down')) }
    await assert.rejects(meetOthers(new Population(), store), /down/)
  })
})
