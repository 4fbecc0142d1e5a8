/**
 * In which tier each watched session is, by what it does and what is remembered (`tier-memory.ts`), and what workers were told of
 * that: of the session, and of what stands for that of the application, over which others may come.
 *
 * @module
 */
import type { Standing } from '../../../behavior/person/live-session.ts'
import type { Tier } from '../../../behavior/tier.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { DataPlane, SessionTier } from '../../../ports/data-plane.ts'
import { type Belonging, type KeptTier, TierMemory } from './tier-memory.ts'

export interface SessionTiersOptions {
  readonly plane: Pick<DataPlane, 'tellTiers'>
  readonly clock: Clock
  readonly mode: () => 'observe' | 'shadow' | 'enforce'
  /** So long a tier is remembered of who falls silent or comes back as another session. */
  readonly suspicionMs: number
  /** Id of whose session it is, '' while nobody has said. */
  personOf(session: string): string
  /** Of the time before a restart. */
  readonly kept: readonly KeptTier[]
}

/** As many as the edge remembers. */
const ANCHORS_MAX = 50_000
const REMEMBERED = {
  ...{ code: 'tier-remembered', weight: 0 },
  text: 'It was in that tier before, or another session of the user or of the same login was',
}

export class SessionTiers {
  readonly #options: SessionTiersOptions
  readonly #memory: TierMemory
  /** Those above 1. */
  readonly #tiers = new Map<string, Tier>()
  /** What workers were told. */
  readonly #told = new Map<string, SessionTier>()
  /** By session: what stands for that of the application, or for several that it shows at once. */
  readonly #anchors = new Map<string, readonly string[]>()

  constructor(options: SessionTiersOptions) {
    this.#options = options
    const { suspicionMs, kept } = options
    this.#memory = new TierMemory(suspicionMs, kept)
    const now = options.clock.now()
    for (const { session, anchor, until, origin } of kept) {
      if (until <= now || suspicionMs === 0) continue
      if (origin !== 'left') {
        if (anchor !== session && anchor !== '') this.#noteAnchors(session, [anchor])
        this.settle(session, this.#memory.tierOf(session, now))
      }
      if (anchor !== '') this.#settleAll([anchor])
    }
  }

  /** Another once anything is remembered otherwise. */
  get version(): number {
    return this.#memory.version
  }

  /** What a restart should find again. */
  kept(): KeptTier[] {
    return this.#memory.kept()
  }

  /** Ids of whom anything is remembered. */
  people(): readonly string[] {
    return this.#memory.people()
  }

  tierOf(session: string): Tier {
    return this.#tiers.get(session) ?? 1
  }

  /** In which the person's next session would begin. */
  tierOfPerson(person: string): Tier {
    return this.#memory.tierOfPerson(person, this.#options.clock.now())
  }

  /** It is heard of. @returns whether its tier is another now */
  meet(session: string, standing: Standing, atLeast: Tier): boolean {
    const now = this.#options.clock.now()
    const tier = this.#memory.meet(session, this.#belongingOf(session), standing, now)
    const isNew = this.settle(session, tier > atLeast ? tier : atLeast)
    this.#settleAnchors(session)
    return isNew
  }

  /** Somebody who knows says that it is the person's; {@link meet} says what follows. */
  free(session: string): void {
    this.#memory.free(session, this.#belongingOf(session), this.#options.clock.now())
  }

  /** It has come over these sessions of the application, and they share its tier from now on. */
  anchor(session: string, anchors: readonly string[]): void {
    this.#noteAnchors(session, anchors)
    // One that has fallen silent, too, and is in its tier by what is remembered.
    this.#memory.moveOn(session, this.#belongingOf(session), this.#options.clock.now())
    this.#settleAnchors(session)
  }

  /** As it counts: with the tier that is remembered, and why. */
  counted(session: string, standing: Standing): Standing {
    const tier = this.tierOf(session)
    if (tier <= standing.tier) return standing
    return { ...standing, tier, reasons: [...standing.reasons, REMEMBERED] }
  }

  /** @returns whether the tier is another now */
  settle(session: string, tier: Tier): boolean {
    if (this.tierOf(session) === tier) return false
    this.#tiers.delete(session)
    if (tier > 1) this.#tiers.set(session, tier)
    this.#tell(session, tier)
    return true
  }

  /** A person is erased, with these sessions. */
  forget(person: string, sessions: readonly string[]): void {
    // Those that have fallen silent too, and those of before a restart.
    const remembered = this.#memory.forget(person)
    for (const session of sessions) this.settle(session, 1)
    this.#settleAll(remembered)
  }

  /** Sessions are over. Who their users are is to be said again when they go on, and their tiers are remembered. */
  over(sessions: readonly string[]): void {
    const now = this.#options.clock.now()
    const kept = sessions.filter((session) => this.#tiers.has(session))
    for (const session of sessions) {
      this.#tiers.delete(session)
      this.#told.delete(session)
      this.#anchors.delete(session)
    }
    this.#options.plane.tellTiers(sessions.map((session) => ({ session, shown: 1, enforced: 1 })))
    for (const session of kept) this.settle(session, this.#memory.over(session, now))
  }

  /** Forgets what is too old to count. @param isLive one that goes on is judged by what it does */
  expire(isLive: (session: string) => boolean): void {
    const expired = this.#memory.expire(this.#options.clock.now())
    this.#settleAll(expired.filter((session) => !isLive(session)))
  }

  /** The mode is another: what workers were told is to be told anew. */
  retell(): void {
    for (const [session, tier] of this.#tiers) this.#tell(session, tier)
  }

  /** By what is still remembered of sessions, or over what stands for those of the application. */
  #settleAll(ids: readonly string[]): void {
    const now = this.#options.clock.now()
    for (const id of ids) {
      const [own, over] = [this.#memory.tierOf(id, now), this.#memory.tierOfAnchor(id, now)]
      this.settle(id, own > over ? own : over)
    }
  }

  #settleAnchors(session: string): void {
    const anchors = this.#anchors.get(session) ?? []
    const now = this.#options.clock.now()
    for (const anchor of anchors.slice(1)) this.#memory.share(session, anchor, now)
    this.#settleAll(anchors)
    this.#settleAll(this.#memory.takeLoose())
  }

  #noteAnchors(session: string, anchors: readonly string[]): void {
    this.#anchors.delete(session)
    if (this.#anchors.size >= ANCHORS_MAX) {
      this.#anchors.delete(this.#anchors.keys().next().value ?? '')
    }
    this.#anchors.set(session, anchors)
  }

  #belongingOf(session: string): Belonging {
    const anchor = this.#anchors.get(session)?.[0] ?? session
    return { person: this.#options.personOf(session), anchor }
  }

  #tell(session: string, tier: Tier): void {
    const { plane, mode } = this.#options
    const shown = mode() === 'observe' ? 1 : tier
    const enforced = mode() === 'enforce' ? tier : 1
    const told = { session, shown, enforced } as const
    const before = this.#told.get(session)
    if ((before?.shown ?? 1) === shown && (before?.enforced ?? 1) === enforced) return
    if (shown > 1 || enforced > 1) this.#told.set(session, told)
    else this.#told.delete(session)
    plane.tellTiers([told])
  }
}
