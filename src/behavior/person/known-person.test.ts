import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  ELEVEN_KEYS,
  movePointer,
  typeRepeatedly,
} from '../../../test/fixtures/synthetic-people.ts'
import { seededFraction } from '../../math/seeded-chance.ts'
import { readActions } from '../biometrics/pointer-actions.ts'
import { KnownPerson } from './known-person.ts'
import type { Observation } from './observe.ts'
import { newPerson, type Person } from './person.ts'
import { Population } from './population.ts'

const idOf = (number: number) => number.toString(16).padStart(32, '0')
const fraction = seededFraction(1)
const password = (row: Float64Array): Observation => {
  return { kind: 'typing', context: 'password 7/1/11 qwerty', kinds: ELEVEN_KEYS, row }
}
const moved = (person: number, n: number): Observation => {
  return {
    kind: 'pointer',
    context: 'mouse desktop',
    actions: readActions(movePointer(person, n, 20)),
  }
}

/** Who has done that, all of it vouched for. */
function learned(number: number, observations: readonly Observation[], others?: Population) {
  const known = new KnownPerson(newPerson(idOf(number), 0), others)
  for (const one of observations) known.learn(one, known.judge(one).verdict, true, fraction)
  return known
}

function populationOf(observationsOf: (number: number) => readonly Observation[]): Population {
  const population = new Population()
  for (let i = 2; i < 10; i++) population.put(learned(i, observationsOf(i)).person)
  return population
}

const scoredWith = (known: KnownPerson, one: Observation) => {
  const { verdict } = known.judge(one)
  return verdict.kind === 'scored' ? verdict.scoredWith : verdict.because
}

describe('KnownPerson', () => {
  it('compares a password with the person’s own only', () => {
    const others = populationOf((i) => typeRepeatedly(i, 20).map(password))
    const rows = typeRepeatedly(1, 110).map(password)
    const [next] = rows.slice(-1) as [Observation]
    assert.equal(scoredWith(learned(1, rows.slice(0, 109), others), next), 'own')
  })

  it('tells movements from those of others, and has own scores to compare with at once', () => {
    const others = populationOf((i) => Array.from({ length: 8 }, (_, n) => moved(i, n)))
    const own = Array.from({ length: 40 }, (_, n) => moved(1, n))
    const alone = learned(1, own)
    const copy = structuredClone(alone.person) as Person
    const among = new KnownPerson(copy, others)
    assert.equal(scoredWith(among, moved(1, 99)), 'background')
    assert.ok(among.judge(moved(1, 99)).compared >= 10)
    const zOf = (known: KnownPerson, person: number) =>
      Array.from({ length: 5 }, (_, n) => known.judge(moved(person, 50 + n)).z)
    // Somebody whom nobody has met.
    assert.ok(Math.min(...zOf(among, 40)) > Math.max(...zOf(among, 1)))
    // Nobody else is left: as before.
    for (let i = 2; i < 10; i++) others.remove(idOf(i))
    assert.equal(scoredWith(among, moved(1, 99)), 'own')
  })
})
