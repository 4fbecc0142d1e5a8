/**
 * Other people, as far as they are needed to tell a person from them: some of how each types free text and moves, by context, so that a
 * phone is not compared with a desktop. Bounded, and in memory only: what is kept of people lies in their own
 * records, each under its own key, and nobody's is copied. The person who is judged is always left out.
 *
 * Passwords have no background: those of other people are other texts, and owners were flagged by it (decision 0030).
 *
 * @module
 */
import { drawBackground, type TypingBackground } from '../biometrics/typing-background.ts'
import { timingsOf } from '../biometrics/typing-profile.ts'
import { isFreeText } from './free-text.ts'
import type { Person } from './person.ts'

/** Known at once: 64 with 14 rows of 14 columns of free text are 0.1 MB, with 30 of 52 of a mouse 0.8 MB. */
export const POPULATION_MAX = 64
/** With fewer others they would be told from these few, and not from people. */
export const OTHERS_MIN = 8
/** As many as a background takes of one person (`typing-background.ts`). */
const ROWS_EACH_MAX = 14
/** Fewer make no profile (`typing-score.ts`). */
const OBSERVATIONS_MIN = 10
/** Of 30 and 60, AUC of a window on the Balabit data 0.887 and 0.893. */
const ACTIONS_EACH_MAX = 30
/** Fewer make no profile (`pointer-score.ts`). */
const ACTIONS_MIN = 100

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

  /** Takes some of how a person types and moves, in place of what was taken before. Who has done too little is left out. */
  put(person: Person): void {
    const contexts = new Map<string, Rows>()
    for (const [context, { confirmed }] of Object.entries(person.typing)) {
      if (!isFreeText(context) || confirmed.length < OBSERVATIONS_MIN) continue
      contexts.set(context, everySoMany(confirmed, ROWS_EACH_MAX).map(timingsOf))
    }
    for (const [context, { confirmed }] of Object.entries(person.pointer)) {
      if (confirmed.rows.length < ACTIONS_MIN) continue
      const rows = everySoMany(confirmed.rows, ACTIONS_EACH_MAX)
      contexts.set(
        context,
        rows.map((row) => Float64Array.from(row, (value) => value ?? Number.NaN)),
      )
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
    const others = this.#others(id, context, columns)
    return others && drawBackground(others)
  }

  /** How others move in that context; undefined where too few do. @param columns as many as an action of it must have */
  actions(id: string, context: string, columns: number): Rows | undefined {
    return this.#others(id, context, columns)?.flat()
  }

  #others(id: string, context: string, columns: number): Rows[] | undefined {
    const others = [...this.#people].flatMap(([other, contexts]) => {
      const rows = other === id ? undefined : contexts.get(context)
      return rows?.[0]?.length === columns ? [rows] : []
    })
    return others.length < OTHERS_MIN ? undefined : others
  }
}

function everySoMany<T>(list: readonly T[], most: number): T[] {
  const count = Math.min(most, list.length)
  return Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)] as T)
}
