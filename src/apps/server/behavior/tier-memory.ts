/**
 * What is remembered of sessions above tier 1, so that nobody gets out of a tier by forgetting: a session that falls silent, a new one
 * of the same person, or one over the same session of the application begins where the other was. It is freed by what somebody says
 * who knows, or by behavior of its own; after a time, by itself.
 *
 * @module
 */
import type { Standing } from '../../../behavior/person/live-session.ts'
import type { Tier } from '../../../behavior/tier.ts'

/** To whom a session belongs, '' where that is not known. */
export interface Belonging {
  /** Id of the person. */
  readonly person: string
  /** What stands for the application's own session; the session itself where it has no other. */
  readonly anchor: string
}

interface Entry extends Belonging {
  /** 1: it was freed, and what is remembered of others does not count for it. */
  readonly tier: Tier
  /** It goes by what the session itself does now. */
  readonly isOwn: boolean
  readonly until: number
}

/** An entry as a restart finds it again. */
export interface KeptTier extends Belonging {
  readonly session: string
  readonly tier: Tier
  /** Milliseconds since 1970. */
  readonly until: number
}

/** As many as the edge keeps (`adapters/edge/behavior-sessions.ts`); the oldest give way. */
const ENTRIES_MAX = 100_000
/** Observations by which a session frees itself: within as many four of five impostors are found (decision 0021). */
const OWN_WINDOWS = 10
/** With more evidence nothing is taken on trust (`live-session.ts`). */
const TRUST_DIGITS = 1

export class TierMemory {
  readonly #keptMs: number
  /** By session. */
  readonly #entries = new Map<string, Entry>()
  readonly #ofPerson = new Map<string, Set<string>>()
  readonly #ofAnchor = new Map<string, Set<string>>()
  #version = 0

  /**
   * @param keptMs how long it is remembered after it was last so; 0: not at all
   * @param kept of a time before: what its sessions do now is to be seen anew
   */
  constructor(keptMs: number, kept: readonly KeptTier[] = []) {
    this.#keptMs = keptMs
    if (keptMs === 0) return
    for (const { session, ...entry } of kept) this.#put(session, { ...entry, isOwn: false })
  }

  /** Another once anything is remembered otherwise. */
  get version(): number {
    return this.#version
  }

  /** All of it, what was last changed last. */
  kept(): KeptTier[] {
    return [...this.#entries].map(([session, { person, anchor, tier, until }]) => {
      return { session, person, anchor, tier, until }
    })
  }

  /** Ids of whom anything is remembered. */
  people(): readonly string[] {
    return [...this.#ofPerson.keys()]
  }

  /** The tier a session is in, by what it does and what is remembered. */
  meet(
    session: string,
    belonging: Belonging,
    standing: Pick<Standing, 'tier' | 'windows' | 'score'>,
    now: number,
  ): Tier {
    const until = now + this.#keptMs
    const before = this.#find(session, now)
    const { tier } = standing
    if (this.#keptMs === 0) return tier
    if (before !== undefined && before.tier > tier && !before.isOwn && !isItself(standing)) {
      this.#put(session, { ...before, ...stillOf(before, belonging, session) })
      return before.tier
    }
    const inherited = before === undefined ? this.#inherit(session, belonging, standing, now) : 1
    if (inherited > tier) return inherited
    if (tier > 1) {
      this.#put(session, { ...belonging, tier, isOwn: true, until })
      return tier
    }
    if (before?.isOwn === true) this.#drop(session)
    else if (before !== undefined && before.tier > 1) this.free(session, belonging, now)
    return tier
  }

  /** Somebody who knows says that it is the person's. */
  free(session: string, belonging: Belonging, now: number): void {
    if (this.#keptMs === 0) return
    this.#put(session, { ...belonging, tier: 1, isOwn: false, until: now + this.#keptMs })
  }

  /** A session is over: what it does after that is to be seen anew. @returns its tier until then */
  over(session: string, now: number): Tier {
    const entry = this.#find(session, now)
    if (entry === undefined) return 1
    if (entry.tier === 1) {
      this.#drop(session)
      return 1
    }
    this.#put(session, { ...entry, isOwn: false })
    return entry.tier
  }

  /** What is remembered of a session, 1 for nothing. */
  tierOf(session: string, now: number): Tier {
    return this.#find(session, now)?.tier ?? 1
  }

  /** The highest of what is remembered over that session of the application. */
  tierOfAnchor(anchor: string, now: number): Tier {
    return this.#highest(this.#ofAnchor.get(anchor), now)?.tier ?? 1
  }

  /** The highest of what is remembered of a person's sessions, 1 for nothing. */
  tierOfPerson(person: string, now: number): Tier {
    return this.#highest(this.#ofPerson.get(person), now)?.tier ?? 1
  }

  /** A person is erased. @returns its sessions, and what stood for those of the application */
  forget(person: string): readonly string[] {
    const sessions = [...(this.#ofPerson.get(person) ?? [])]
    const anchors = sessions.flatMap((session) => this.#entries.get(session)?.anchor || [])
    for (const session of sessions) this.#drop(session)
    return [...new Set([...sessions, ...anchors])]
  }

  /** @returns sessions, and what stood for those of the application, that are remembered no more */
  expire(now: number): readonly string[] {
    const expired: string[] = []
    for (const [session, { until, anchor }] of this.#entries) {
      if (until > now) continue
      this.#drop(session)
      expired.push(session)
      if (anchor !== '' && anchor !== session) expired.push(anchor)
    }
    return expired
  }

  get size(): number {
    return this.#entries.size
  }

  #inherit(
    session: string,
    belonging: Belonging,
    standing: Pick<Standing, 'tier' | 'windows' | 'score'>,
    now: number,
  ): Tier {
    const { person, anchor } = belonging
    const found = [
      person === '' ? undefined : this.#highest(this.#ofPerson.get(person), now),
      anchor === '' ? undefined : this.#highest(this.#ofAnchor.get(anchor), now),
    ]
    const from = found.reduce((one, other) => ((other?.tier ?? 1) > (one?.tier ?? 1) ? other : one))
    if (from === undefined || from.tier <= standing.tier || isItself(standing)) return 1
    // No longer than what it comes from.
    this.#put(session, { ...belonging, tier: from.tier, isOwn: false, until: from.until })
    return from.tier
  }

  #highest(sessions: ReadonlySet<string> | undefined, now: number): Entry | undefined {
    let highest: Entry | undefined
    for (const session of sessions ?? []) {
      const entry = this.#find(session, now)
      if (entry !== undefined && entry.tier > (highest?.tier ?? 0)) highest = entry
    }
    return highest
  }

  #find(session: string, now: number): Entry | undefined {
    const entry = this.#entries.get(session)
    return entry === undefined || entry.until <= now ? undefined : entry
  }

  #put(session: string, entry: Entry): void {
    this.#drop(session)
    if (this.#entries.size >= ENTRIES_MAX) this.#drop(this.#entries.keys().next().value ?? '')
    this.#entries.set(session, entry)
    this.#version++
    add(this.#ofPerson, entry.person, session)
    add(this.#ofAnchor, entry.anchor, session)
  }

  #drop(session: string): void {
    const entry = this.#entries.get(session)
    if (entry === undefined) return
    this.#entries.delete(session)
    this.#version++
    remove(this.#ofPerson, entry.person, session)
    remove(this.#ofAnchor, entry.anchor, session)
  }
}

/** Who its user is, and what it came over, may be to be said again: until then it is whose it was. */
function stillOf(before: Belonging, { person, anchor }: Belonging, session: string): Belonging {
  return {
    person: person === '' ? before.person : person,
    anchor: anchor === '' || anchor === session ? before.anchor : anchor,
  }
}

/** It has told enough to be judged by itself, and little speaks against it. */
function isItself({ windows, score }: Pick<Standing, 'windows' | 'score'>): boolean {
  return windows >= OWN_WINDOWS && score < TRUST_DIGITS
}

function add(index: Map<string, Set<string>>, key: string, session: string): void {
  if (key === '') return
  const sessions = index.get(key) ?? new Set()
  index.set(key, sessions.add(session))
}

function remove(index: Map<string, Set<string>>, key: string, session: string): void {
  const sessions = index.get(key)
  sessions?.delete(session)
  if (sessions?.size === 0) index.delete(key)
}
