/**
 * What is remembered of sessions above tier 1, so that nobody gets out of a tier by forgetting: a session that falls silent, a new one
 * of the same person, or one over the same session of the application begins where the other was. It is freed by what somebody says
 * who knows, or by behavior of its own; after a time, by itself.
 *
 * Who goes on to another login, or as another person, leaves there what was remembered, for the rest of its time, and takes along what the
 * session itself has earned. Of one session so much is left, no more: the oldest of its own gives way, nothing of others.
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

/**
 * How an entry came about: by what its session does now (`own`) or did, at least in part (`earned`); from others of the same person
 * or login (`inherited`); left behind by a session that has gone on (`left`).
 */
type Origin = 'own' | 'earned' | 'inherited' | 'left'

interface Entry extends Belonging {
  readonly session: string
  /** 1: it was freed, and what is remembered of others does not count for it. */
  readonly tier: Tier
  readonly origin: Origin
  readonly until: number
}

/** An entry as a restart finds it again. */
export interface KeptTier extends Belonging {
  readonly session: string
  readonly tier: Tier
  /** Absent: the session has earned it, or may have. */
  readonly origin?: 'inherited' | 'left'
  /** Milliseconds since 1970. */
  readonly until: number
}

/** As many as the edge keeps (`adapters/edge/behavior-sessions.ts`); the oldest give way. */
const ENTRIES_MAX = 100_000
/**
 * Logins that a session may leave in its tier: people have one or two, and what is invented costs nothing. As many as a request can
 * show at once (`adapters/edge/cookie-readings.ts`).
 */
export const LOGINS_LEFT_MAX = 16
/** The same of people, whom a server has to name. */
export const PEOPLE_LEFT_MAX = 32
/** Observations by which a session frees itself: within as many four of five impostors are found (decision 0021). */
const OWN_WINDOWS = 10
/** With more evidence nothing is taken on trust (`live-session.ts`). */
const TRUST_DIGITS = 1

export class TierMemory {
  readonly #keptMs: number
  /** By session; what a session has left, by session and login or person. */
  readonly #entries = new Map<string, Entry>()
  /** By session and kind: keys of what it has left, oldest first. */
  readonly #left = new Map<string, Set<string>>()
  readonly #ofPerson = new Map<string, Set<string>>()
  readonly #ofAnchor = new Map<string, Set<string>>()
  /** Whose tier may be another since they were taken. */
  #loose = new Set<string>()
  #version = 0

  /**
   * @param keptMs how long it is remembered after it was last so; 0: not at all
   * @param kept of a time before: what its sessions do now is to be seen anew
   */
  constructor(keptMs: number, kept: readonly KeptTier[] = []) {
    this.#keptMs = keptMs
    if (keptMs === 0) return
    for (const { origin = 'earned', ...entry } of kept) {
      if (origin === 'left') this.#leave({ ...entry, origin })
      else this.#put(entry.session, { ...entry, origin })
    }
  }

  /** Another once anything is remembered otherwise. */
  get version(): number {
    return this.#version
  }

  /** All of it, what was last changed last. */
  kept(): KeptTier[] {
    return [...this.#entries.values()].map(({ session, person, anchor, tier, origin, until }) => {
      const how = origin === 'inherited' || origin === 'left' ? { origin } : {}
      return { session, person, anchor, tier, until, ...how }
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
    const { tier } = standing
    if (this.#keptMs === 0) return tier
    this.moveOn(session, belonging, now)
    const before = this.#find(session, now)
    const isOwn = before?.origin === 'own'
    if (before !== undefined && before.tier > tier && !isOwn && !isItself(standing)) {
      this.#put(session, { ...before, ...stillOf(before, belonging) })
      return before.tier
    }
    const inherited = before === undefined ? this.#inherit(session, belonging, standing, now) : 1
    if (inherited > tier) return inherited
    if (before !== undefined && before.tier > tier) this.#ease(before, belonging, tier)
    if (tier > 1) {
      const until = now + this.#keptMs
      const whose = before === undefined ? belonging : stillOf(before, belonging)
      this.#put(session, { ...whose, session, tier, origin: 'own', until })
      return tier
    }
    if (isOwn) this.#drop(session)
    else if (before !== undefined && before.tier > 1) this.free(session, belonging, now)
    return tier
  }

  /** A session shows what it belongs to: {@link meet} without anything that it did. */
  moveOn(session: string, belonging: Belonging, now: number): void {
    const before = this.#find(session, now)
    if (before === undefined) return
    const next = stillOf(before, belonging)
    const isOther = before.person !== '' && next.person !== before.person
    const isMoved = next.anchor !== before.anchor
    if (!isOther && !isMoved) return
    const { tier, until } = before
    if (tier > 1) {
      if (isMoved && isLogin(before)) this.#leave({ ...before, origin: 'left' })
      if (isOther) this.#leave({ ...before, anchor: '', origin: 'left' })
    }
    if (!isOther) {
      this.#put(session, { ...before, ...next })
      return
    }
    // That it was freed, or came to its tier by others, was so of the person before.
    this.#drop(session)
    const from = this.#highestOf(next, now)
    const goesAlong = tier > 1 && before.origin !== 'inherited'
    if (from !== undefined && from.tier > (goesAlong ? tier : 1)) {
      this.#put(session, {
        ...next,
        session,
        tier: from.tier,
        origin: 'inherited',
        until: from.until,
      })
    } else if (goesAlong) this.#put(session, { ...next, session, tier, origin: 'earned', until })
  }

  /** It came over this login besides the one it belongs to. */
  share(session: string, anchor: string, now: number): void {
    const entry = this.#find(session, now)
    if (entry === undefined || entry.tier === 1 || anchor === session) return
    this.#leave({ ...entry, anchor, origin: 'left' })
  }

  /** Somebody who knows says that it is the person's. */
  free(session: string, belonging: Belonging, now: number): void {
    if (this.#keptMs === 0) return
    this.moveOn(session, belonging, now)
    this.#ease({ session, person: this.#find(session, now)?.person ?? '' }, belonging, 1)
    const until = now + this.#keptMs
    this.#put(session, { ...belonging, session, tier: 1, origin: 'earned', until })
  }

  /** A session is over: what it does after that is to be seen anew. @returns its tier until then */
  over(session: string, now: number): Tier {
    const entry = this.#find(session, now)
    if (entry === undefined) return 1
    if (entry.tier === 1) {
      this.#drop(session)
      return 1
    }
    if (entry.origin === 'own') this.#put(session, { ...entry, origin: 'earned' })
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
    return this.#dropAll([...(this.#ofPerson.get(person) ?? [])])
  }

  /** @returns sessions, and what stood for those of the application, that are remembered no more */
  expire(now: number): readonly string[] {
    const expired: string[] = []
    for (const [key, { until }] of this.#entries) if (until <= now) expired.push(key)
    return this.#dropAll(expired)
  }

  /** Sessions, and what stands for those of the application, of which less may be remembered since it was asked last. */
  takeLoose(): readonly string[] {
    if (this.#loose.size === 0) return NONE
    const loose = [...this.#loose]
    this.#loose = new Set()
    return loose
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
    const from = this.#highestOf(belonging, now)
    if (from === undefined || from.tier <= standing.tier || isItself(standing)) return 1
    // No longer than what it comes from.
    const { tier, until } = from
    this.#put(session, { ...belonging, session, tier, origin: 'inherited', until })
    return tier
  }

  /** What others of the person, or over the login, are in. */
  #highestOf({ person, anchor }: Belonging, now: number): Entry | undefined {
    const found = [
      person === '' ? undefined : this.#highest(this.#ofPerson.get(person), now),
      anchor === '' ? undefined : this.#highest(this.#ofAnchor.get(anchor), now),
    ]
    return found.reduce((one, other) => ((other?.tier ?? 1) > (one?.tier ?? 1) ? other : one))
  }

  /** The session is in a lower tier now by what it does, or by who knows: so is what it has left as the same person. */
  #ease(
    { session, person }: Pick<Entry, 'session' | 'person'>,
    belonging: Belonging,
    tier: Tier,
  ): void {
    const whose = belonging.person === '' ? person : belonging.person
    for (const kind of KINDS) {
      for (const key of [...(this.#left.get(`${session} ${kind}`) ?? [])]) {
        const entry = this.#entries.get(key)
        if (entry?.person !== whose) continue
        this.#loose.add(entry.anchor)
        if (tier === 1) this.#drop(key)
        else if (entry.tier > tier) this.#put(key, { ...entry, tier })
      }
    }
  }

  /** Keeps what a session leaves: its login, or, without one, its person. */
  #leave(entry: Entry): void {
    const { session, person, anchor } = entry
    const kind = anchor === '' ? 'person' : 'login'
    const key = `${session} ${kind} ${anchor === '' ? person : anchor}`
    this.#put(key, entry)
    const left = this.#left.get(`${session} ${kind}`) ?? NO_KEYS
    if (left.size <= (kind === 'login' ? LOGINS_LEFT_MAX : PEOPLE_LEFT_MAX)) return
    const [oldest = ''] = left
    this.#giveUp(oldest)
  }

  #giveUp(key: string): void {
    const { session = '', anchor = '', origin } = this.#entries.get(key) ?? {}
    if (origin !== 'left') this.#loose.add(session)
    this.#loose.add(anchor)
    this.#drop(key)
  }

  #dropAll(keys: readonly string[]): readonly string[] {
    const dropped = new Set<string>()
    for (const key of keys) {
      const { session = '', anchor = '', origin } = this.#entries.get(key) ?? {}
      if (origin !== 'left') dropped.add(session)
      if (anchor !== '') dropped.add(anchor)
      this.#drop(key)
    }
    return [...dropped]
  }

  #highest(keys: ReadonlySet<string> | undefined, now: number): Entry | undefined {
    let highest: Entry | undefined
    for (const key of keys ?? NO_KEYS) {
      const entry = this.#find(key, now)
      if (entry !== undefined && entry.tier > (highest?.tier ?? 0)) highest = entry
    }
    return highest
  }

  #find(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key)
    return entry === undefined || entry.until <= now ? undefined : entry
  }

  #put(key: string, entry: Entry): void {
    this.#drop(key)
    if (this.#entries.size >= ENTRIES_MAX) this.#giveUp(this.#entries.keys().next().value ?? '')
    this.#entries.set(key, entry)
    this.#version++
    add(this.#ofPerson, entry.person, key)
    add(this.#ofAnchor, entry.anchor, key)
    if (entry.origin === 'left') add(this.#left, leftOf(entry), key)
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#version++
    remove(this.#ofPerson, entry.person, key)
    remove(this.#ofAnchor, entry.anchor, key)
    if (entry.origin === 'left') remove(this.#left, leftOf(entry), key)
  }
}

const KINDS = ['login', 'person'] as const
const NONE: readonly string[] = []
const NO_KEYS: ReadonlySet<string> = new Set()

function leftOf({ session, anchor }: Entry): string {
  return `${session} ${anchor === '' ? 'person' : 'login'}`
}

/** It came over a session of the application that is not itself. */
function isLogin({ session, anchor }: Entry): boolean {
  return anchor !== '' && anchor !== session
}

/** Who its user is, and what it came over, may be to be said again: until then it is whose it was. */
function stillOf(before: Entry, { person, anchor }: Belonging): Belonging {
  return {
    person: person === '' ? before.person : person,
    anchor: anchor === '' || anchor === before.session ? before.anchor : anchor,
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
