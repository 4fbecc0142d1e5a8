/**
 * How the scores of people went of late, and where their sessions changed tier, for whoever looks: in memory, bounded, the newest of it
 * found again after a restart (`kept-tiers.ts`), and nothing is judged by it.
 *
 * @module
 */
import type { Standing } from '../../../behavior/person/live-session.ts'
import type { Tier } from '../../../behavior/tier.ts'

export interface ScorePoint {
  readonly at: number
  /** The begin of its id. */
  readonly session: string
  readonly tier: Tier
  readonly score: number
  /** Codes, the weightiest first. */
  readonly reasons: readonly string[]
}

export interface TierTurn extends ScorePoint {
  /** Of the decision. */
  readonly decision: string
  readonly before: Tier
  /** What somebody who knows has said of it. */
  readonly said: 'honest' | 'attack' | ''
}

export interface PersonTimeline {
  readonly points: readonly ScorePoint[]
  readonly turns: readonly TierTurn[]
}

/** What a restart finds again of a person. */
export interface KeptTimeline extends PersonTimeline {
  readonly person: string
}

/** Ten minutes of a batch every three seconds. */
const POINTS_MAX = 200
const TURNS_MAX = 50
/** Over a restart: enough for a picture, a quarter of the octets. */
const KEPT_POINTS_MAX = 50
/** As many as are at hand (`flows/watch-people.ts`). */
const PEOPLE_MAX = 500

interface Kept {
  points: ScorePoint[]
  turns: TierTurn[]
}

export class ScoreTimeline {
  readonly #people = new Map<string, Kept>()
  #version = 0

  /** @param kept of the time before a restart @param since what is older is left out */
  constructor(kept: readonly KeptTimeline[] = [], since = 0) {
    for (const { person, points, turns } of newerThan(since, kept)) {
      Object.assign(this.#keptOf(person), { points: [...points], turns: [...turns] })
    }
  }

  /** Another once anything was noted. */
  get version(): number {
    return this.#version
  }

  /** What a restart should find again, of the time since then; who was noted last comes last. */
  kept(since = 0): readonly KeptTimeline[] {
    const all = [...this.#people].map(([person, { points, turns }]) => {
      return { person, points: points.slice(-KEPT_POINTS_MAX), turns }
    })
    return newerThan(since, all)
  }

  note(person: string, session: string, standing: Standing, at: number): void {
    const point = pointOf(session, standing, at)
    const kept = this.#keptOf(person)
    const last = kept.points.findLast((one) => one.session === session)
    if (last?.score === point.score && last.tier === point.tier) return
    this.#version++
    kept.points = [...kept.points.slice(1 - POINTS_MAX), point]
  }

  turn(
    person: string,
    turn: { readonly session: string; readonly decision: string; readonly before: Tier },
    standing: Standing,
    at: number,
  ): void {
    const { session, decision, before } = turn
    const made = { ...pointOf(session, standing, at), decision, before, said: '' as const }
    const kept = this.#keptOf(person)
    this.#version++
    kept.turns = [...kept.turns.slice(1 - TURNS_MAX), made]
  }

  say(person: string, decision: string, said: 'honest' | 'attack'): void {
    const kept = this.#people.get(person)
    if (kept === undefined) return
    this.#version++
    kept.turns = kept.turns.map((turn) => (turn.decision === decision ? { ...turn, said } : turn))
  }

  of(person: string): PersonTimeline {
    return this.#people.get(person) ?? { points: [], turns: [] }
  }

  /** The newest first. */
  people(): readonly { readonly person: string; readonly last: ScorePoint }[] {
    return [...this.#people]
      .flatMap(([person, { points, turns }]) => {
        const last = points.at(-1) ?? turns.at(-1)
        return last === undefined ? [] : [{ person, last }]
      })
      .sort((one, other) => other.last.at - one.last.at)
  }

  /** Since when something was noted of a person, by id. */
  since(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#people].map(([person, { points, turns }]) => [
        person,
        Math.min(...[points[0], turns[0]].map((first) => first?.at ?? Number.POSITIVE_INFINITY)),
      ]),
    )
  }

  forget(person: string): void {
    this.#version++
    this.#people.delete(person)
  }

  #keptOf(person: string): Kept {
    const kept = this.#people.get(person) ?? { points: [], turns: [] }
    this.#people.delete(person)
    if (this.#people.size >= PEOPLE_MAX) {
      this.#people.delete(this.#people.keys().next().value ?? '')
    }
    this.#people.set(person, kept)
    return kept
  }
}

/** People of whom nothing is so new are left out. */
function newerThan(since: number, timelines: readonly KeptTimeline[]): readonly KeptTimeline[] {
  const isNew = ({ at }: ScorePoint) => at >= since
  return timelines
    .map(({ person, points, turns }) => {
      return { person, points: points.filter(isNew), turns: turns.filter(isNew) }
    })
    .filter(({ points, turns }) => points.length + turns.length > 0)
}

function pointOf(session: string, { tier, score, reasons }: Standing, at: number): ScorePoint {
  return {
    ...{ at, session, tier, score: Math.round(score * 100) / 100 },
    reasons: reasons.map(({ code }) => code),
  }
}
