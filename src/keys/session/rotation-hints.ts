/**
 * When a client is told to rotate its key between two of its tickets (LSK/1 section 1.8): when it is time, at once on suspicion,
 * later while the servers are busy, earlier before they will be. Spread so that neither a deferral nor its end brings
 * a crowd. The interval itself is `rotation-policy.ts`.
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import { BUSY_FROM, RotationGate, type RotationPolicy } from './rotation-policy.ts'

export type RotationReason = 'time' | 'load' | 'security'

/** What a session is told: rotate between `from` (now without it) and `by`. Times in seconds since 1970. */
export interface RotationHint {
  readonly by: number
  readonly from?: number
  readonly reason: RotationReason
}

/** Of a ticket, in seconds since 1970. */
export interface RotatingTicket {
  readonly notBefore: number
  readonly rotateAfter: number
  readonly expires: number
  readonly tier: number
}

/** Shares of capacity; `ahead` from `aheadS` seconds on. As `ports/load-outlook.ts` has them. */
export interface RotationLoad {
  readonly now: number
  readonly ahead: number
  readonly aheadS: number
}

/** What a client was told, and until when nothing else is. */
interface Told {
  readonly hint: RotationHint | undefined
  readonly until: number
}

/** A client that was told and still shows the old ticket is told once more after so long, in seconds. */
const TELL_AGAIN_S = 30
/** Hints spread over this share of the interval: clients draw their moment within it. */
const SPREAD_SHARE = 0.1
/** A key is not kept beyond this share of its ticket's life: what is left is for trying again. */
export const LATEST_SHARE = 0.9
/** A deferral gives the servers this share of the time there is; then clients come, spread over the rest. */
const DEFER_SHARE = 0.25
/** Below that there is nothing to defer, in seconds. */
const DEFER_S_MIN = 5
/** A peak is taken to last so long: who would rotate in it is asked to before. In seconds. */
const PEAK_S = 300

/** For sessions that are known by an object, as long as that is remembered. */
export class RotationHints {
  /** undefined where nobody knows. */
  load: RotationLoad | undefined
  readonly #random: Random
  readonly #told = new WeakMap<object, Told>()
  #policy: RotationPolicy
  #gate: RotationGate

  constructor(policy: RotationPolicy, random: Random) {
    this.#policy = policy
    this.#random = random
    this.#gate = new RotationGate(policy.perSecondMax)
  }

  set policy(policy: RotationPolicy) {
    if (JSON.stringify(policy) === JSON.stringify(this.#policy)) return
    this.#policy = policy
    this.#gate = new RotationGate(policy.perSecondMax)
  }

  /**
   * What to tell with the answer to a request, if anything; the same until the client has followed it.
   *
   * @param session the same object for the same ticket
   * @param tier of the client as it is now
   * @param now seconds since 1970, may have a fraction
   * @param everyS a route's own interval; only a shorter one than the ticket's counts
   */
  hintFor(
    session: object,
    ticket: RotatingTicket,
    tier: number,
    now: number,
    everyS = Number.POSITIVE_INFINITY,
  ): RotationHint | undefined {
    const before = this.#told.get(session)
    // Whoever shows it next may be its owner: a suspect's key is to go, whoever is asked to change it.
    if (before?.hint?.reason === 'security') return before.hint
    if (tier > ticket.tier) {
      this.#gate.admit('security', now)
      return this.#tell(session, { by: now, reason: 'security' }, Number.POSITIVE_INFINITY)
    }
    const routeS = Math.max(everyS, this.#policy.leastS)
    const due = Math.min(ticket.rotateAfter, ticket.notBefore + routeS)
    if (now < due && !this.#isBusySoon()) return undefined
    if (before !== undefined && now < before.until) return before.hint
    return this.#ask(session, ticket, due, now)
  }

  #ask(
    session: object,
    ticket: RotatingTicket,
    due: number,
    now: number,
  ): RotationHint | undefined {
    const { load } = this
    const latest = ticket.notBefore + (ticket.expires - ticket.notBefore) * LATEST_SHARE
    const room = latest - Math.max(now, due)
    if (load !== undefined && load.now > BUSY_FROM) {
      // Told before it is time: by then the client would have gone by its own clock.
      if (due - now > TELL_AGAIN_S || ticket.tier > 1)
        return this.#inTime(session, ticket, due, now)
      if (room < DEFER_S_MIN) return this.#inTime(session, ticket, due, now)
      const from = Math.round(Math.max(now, due) + room * DEFER_SHARE)
      const by = Math.floor(latest)
      return this.#tell(session, { from, by, reason: 'load' }, by + TELL_AGAIN_S)
    }
    if (load !== undefined && load.ahead > BUSY_FROM && now < due) {
      const peak = now + load.aheadS
      const isInPeak = due >= peak && due < peak + PEAK_S
      if (!isInPeak || load.aheadS < 1 || !this.#gate.admit('ordinary', now)) return undefined
      return this.#tell(session, { by: Math.floor(peak), reason: 'load' }, peak + TELL_AGAIN_S)
    }
    return this.#inTime(session, ticket, due, now)
  }

  #inTime(
    session: object,
    { notBefore, rotateAfter }: RotatingTicket,
    due: number,
    now: number,
  ): RotationHint | undefined {
    if (now < due) return undefined
    const spread = Math.max(1, (rotateAfter - notBefore) * SPREAD_SHARE)
    if (!this.#gate.admit('ordinary', now)) {
      // Later, at a moment of its own: those that wait must not come back together.
      this.#tell(session, undefined, now + 1 + this.#random.fraction() * spread)
      return undefined
    }
    const by = now + Math.round(spread)
    return this.#tell(session, { by, reason: 'time' }, by + TELL_AGAIN_S)
  }

  #isBusySoon(): boolean {
    const { load } = this
    return load !== undefined && Math.max(load.now, load.ahead) > BUSY_FROM
  }

  #tell(session: object, hint: RotationHint | undefined, until: number): RotationHint | undefined {
    this.#told.set(session, { hint, until })
    return hint
  }
}
