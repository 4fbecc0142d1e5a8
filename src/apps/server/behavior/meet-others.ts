/**
 * Fills the population that people are told from with people the storage keeps, a few at a time; once it is full, reads the one
 * read longest ago again. Whoever is not kept any more, erased on another edge say, is left out from then on.
 *
 * @module
 */
import { POPULATION_MAX, type Population } from '../../../behavior/person/population.ts'
import type { PersonStore } from '../../../ports/person-store.ts'

/** Asked for at a time: at some 3 ms each to read and open, nobody waits for long. */
const MET_AT_ONCE = 16

/** Rejects when the storage does not answer. */
export async function meetOthers(
  population: Population,
  store: Pick<PersonStore, 'load' | 'some'>,
): Promise<void> {
  const { oldest } = population
  if (oldest !== undefined) await meet(population, store, oldest)
  if (population.size >= POPULATION_MAX) return
  const missing = Math.min(MET_AT_ONCE, POPULATION_MAX - population.size)
  for (const id of await store.some(missing)) {
    if (!population.has(id)) await meet(population, store, id)
  }
}

async function meet(
  population: Population,
  store: Pick<PersonStore, 'load'>,
  id: string,
): Promise<void> {
  const kept = await store.load(id)
  // Who is said to be somebody else is no example of a person.
  if (kept === undefined || kept.person.label === 'bad') population.remove(id)
  else population.put(kept.person)
}
