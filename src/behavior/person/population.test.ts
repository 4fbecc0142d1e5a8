import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { learnSession } from '../biometrics/pointer-profile.ts'
import { learn } from '../biometrics/typing-profile.ts'
import { FREE_TEXT_KINDS } from './free-text.ts'
import { newPerson, type Person, pointerProfile, typingProfile } from './person.ts'
import { OTHERS_MIN, POPULATION_MAX, Population } from './population.ts'

const CONTEXT = 'text desktop qwerty'
const idOf = (number: number) => number.toString(16).padStart(32, '0')

/** All of whose timings are of `number` milliseconds. */
function typist(number: number, context = CONTEXT, observations = 30): Person {
  const person = newPerson(idOf(number), 0)
  const profile = typingProfile(person, context, FREE_TEXT_KINDS)
  const row = Float64Array.from(FREE_TEXT_KINDS, () => number / 1000)
  for (let i = 0; i < observations; i++) learn(profile, row, true)
  return person
}

const columns = FREE_TEXT_KINDS.length
/** Whose rows are in the background of a person, milliseconds. */
function seenBy(population: Population, number: number, context = CONTEXT): number[] {
  const rows = population.background(idOf(number), context, columns)?.rows ?? []
  return [...new Set(rows.map((row) => Math.round((row[0] ?? 0) * 1000)))].sort((a, b) => a - b)
}

describe('Population', () => {
  it('is none while it is small', () => {
    const population = new Population()
    for (let i = 1; i < OTHERS_MIN; i++) population.put(typist(i))
    assert.deepEqual(seenBy(population, 99), [])
    population.put(typist(OTHERS_MIN))
    assert.deepEqual(seenBy(population, 99), [1, 2, 3, 4, 5, 6, 7, 8])
    // One of them has one other less.
    assert.deepEqual(seenBy(population, 3), [])
  })

  it('never holds the person who is judged', () => {
    const population = new Population()
    for (let i = 1; i <= 12; i++) population.put(typist(i))
    assert.deepEqual(seenBy(population, 5), [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12])
  })

  it('keeps contexts apart, passwords out, and those who have typed too little', () => {
    const population = new Population()
    const password = 'password 7/1/9 qwerty'
    for (let i = 1; i <= 12; i++) population.put(typist(i, i % 2 ? CONTEXT : 'text phone qwerty'))
    for (let i = 20; i < 30; i++) population.put(typist(i, password))
    for (let i = 40; i < 60; i++) population.put(typist(i, CONTEXT, 9))
    assert.equal(population.size, 12)
    assert.deepEqual(seenBy(population, 99), [])
    assert.deepEqual(seenBy(population, 99, password), [])
    for (const i of [13, 15, 17]) population.put(typist(i))
    assert.deepEqual(seenBy(population, 99), [1, 3, 5, 7, 9, 11, 13, 15, 17])
    assert.equal(population.background(idOf(99), CONTEXT, columns + 1), undefined)
  })

  it('has thirty actions of each who has moved enough, never those of the person who is judged', () => {
    const population = new Population()
    for (let i = 1; i <= 9; i++) {
      const person = newPerson(idOf(i), 0)
      const actions = Array.from({ length: i === 9 ? 99 : 300 }, () =>
        Float64Array.of(i, Number.NaN),
      )
      learnSession(pointerProfile(person, 'mouse desktop'), actions, true, () => 0.5)
      population.put(person)
    }
    assert.equal(population.size, 8)
    const seen = population.actions(idOf(99), 'mouse desktop', 2) ?? []
    assert.equal(seen.length, 8 * 30)
    assert.deepEqual([...new Set(seen.map(([first]) => first))], [1, 2, 3, 4, 5, 6, 7, 8])
    assert.ok(seen.every(([, second]) => Number.isNaN(second)))
    assert.equal(population.actions(idOf(3), 'mouse desktop', 2), undefined)
    assert.equal(population.actions(idOf(99), 'scroll desktop', 2), undefined)
  })

  it('is bounded, and forgets who is to be forgotten', () => {
    const population = new Population()
    for (let i = 1; i <= POPULATION_MAX + 5; i++) population.put(typist(i))
    assert.equal(population.size, POPULATION_MAX)
    assert.equal(population.oldest, idOf(6))
    const { version } = population
    population.remove(idOf(7))
    assert.notEqual(population.version, version)
    assert.ok(!seenBy(population, 99).includes(7))
    // Who types no more as before is taken as they are now.
    population.put(typist(8))
    assert.equal(population.size, POPULATION_MAX - 1)
  })
})
