/**
 * {@link PersonStore} in memory: for tests, and for a Limen whose storage of people fails. Gone with the process.
 *
 * @module
 */
import { randomInt } from 'node:crypto'
import { readPerson, writePerson } from '../../behavior/person/person-record.ts'
import type { PersonStore } from '../../ports/person-store.ts'

/** @param keepMax people; the one saved longest ago goes */
export function memoryPersonStore(keepMax: number): PersonStore {
  const kept = new Map<string, { readonly text: string; readonly revision: number }>()
  let state: string | undefined
  return {
    async load(id) {
      const found = kept.get(id)
      const person = found === undefined ? undefined : readPerson(id, found.text)
      return found && person && { person, revision: found.revision }
    },
    async save(person, over) {
      const before = kept.get(person.id)?.revision ?? 0
      if (over !== undefined && over !== before) return undefined
      kept.delete(person.id)
      if (kept.size >= keepMax) kept.delete(kept.keys().next().value ?? '')
      kept.set(person.id, { text: writePerson(person), revision: before + 1 })
      return before + 1
    },
    erase: async (id) => kept.delete(id),
    size: async () => kept.size,
    async some(count) {
      const ids = [...kept.keys()]
      const start = randomInt(ids.length + 1)
      return [...ids.slice(start), ...ids.slice(0, start)].slice(0, count)
    },
    loadState: async () => state,
    async saveState(json) {
      state = json
    },
    async close() {
      kept.clear()
    },
  }
}
