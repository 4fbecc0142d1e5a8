/**
 * Other people, as far as they are needed to tell a person from them: some of how each types free text, by context, so that a
 * phone is not compared with a desktop. Bounded, and in memory only: what is kept of people lies in their own records, each under its own
 * key, and nobody's is copied. The person who is judged is always left out.
 *
 * Passwords have no background: those of other people are other texts. On the CMU data, others' keys in another order for another
 * text, owners were flagged in 18 % of their sessions instead of 4 % (decision 0030).
 *
 * @module
 */
import { drawBackground, type TypingBackground } from '../biometrics/typing-background.ts'
import { timingsOf } from '../biometrics/typing-profile.ts'
import { isFreeText } from './free-text.ts'
import type { Person } from './person.ts'

/** Known at once: 64 of 14 rows of 14 columns are 0.1 MB and context. */
export const POPULATION_MAX = 64
/** With fewer others they would be told from these few, and not from people. */
export const OTHERS_MIN = 8
/** As many as a background takes of one person (`typing-background.ts`). */
const ROWS_EACH_MAX = 14
/** Fewer make no profile (`typing-score.ts`). */
const OBSERVATIONS_MIN = 10

type Rows = readonly Float64Array[]

export class Population {
  /** By person, then by context; the one longest known first. */
  readonly #people = new Map<string, ReadonlyMap<string, Rows>>()
  #version = 0

  get size(): number {
    return this.#people.size
  }

  /** Another one whenever somebody came or went. */
  get version(): number {
    return this.#version
  }

  /** The person longest known, whose record is the oldest that was read. */
  get oldest(): string | undefined {
    return this.#people.keys().next().value
  }

  has(id: string): boolean {
    return this.#people.has(id)
  }

  /** Takes some of how a person types, in place of what was taken before. Who has typed too little is left out. */
  put(person: Person): void {
    const contexts = new Map<string, Rows>()
    for (const [context, { confirmed }] of Object.entries(person.typing)) {
      if (!isFreeText(context) || confirmed.length < OBSERVATIONS_MIN) continue
      const count = Math.min(ROWS_EACH_MAX, confirmed.length)
      const every = confirmed.length / count
      const rows = Array.from({ length: count }, (_, i) => confirmed[Math.floor(i * every)] ?? [])
      contexts.set(context, rows.map(timingsOf))
    }
    const wasKnown = this.#people.delete(person.id)
    if (contexts.size > 0) this.#people.set(person.id, contexts)
    if (this.#people.size > POPULATION_MAX) this.#people.delete(this.oldest ?? '')
    if (!wasKnown || contexts.size === 0) this.#version++
  }

  /** Nothing of that person is at hand any more. */
  remove(id: string): void {
    if (this.#people.delete(id)) this.#version++
  }

  /** How others type in that context; undefined where too few do. @param columns as many as a row of it must have */
  background(id: string, context: string, columns: number): TypingBackground | undefined {
    if (!isFreeText(context)) return undefined
    const others = [...this.#people].flatMap(([other, contexts]) => {
      const rows = other === id ? undefined : contexts.get(context)
      return rows?.[0]?.length === columns ? [rows] : []
    })
    return others.length < OTHERS_MIN ? undefined : drawBackground(others)
  }
}
