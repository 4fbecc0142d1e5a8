/**
 * Who a session ticket says a client is, until that is proven. A ticket can be copied off the wire; only its owner can
 * resume with it. So what was seen of a hello that brought one waits for the handshake: resumed, it goes to
 * the profile the ticket names; otherwise to the one the client has by itself.
 *
 * @module
 */
import type { HandshakeObservation, HandshakeOutcome } from '../behavior/handshake/observation.ts'

/** Handshakes under way with a ticket: more than all workers have at once in ordinary times. */
const CLAIMS_MAX = 4096
/** Longer than any handshake may take; then it came to nothing. */
const CLAIM_MS = 60_000

export class TicketClaims {
  readonly #open = new Map<string, HandshakeObservation>()
  /** By decision: profiles of those that proved nothing, for what is found out about them later. */
  readonly #refuted = new Map<string, string>()

  /** Ids of the profiles an outcome may be about. */
  profilesOf(outcome: HandshakeOutcome): readonly string[] {
    const claim = this.#open.get(outcome.decision)
    return claim === undefined ? [this.profileOf(outcome)] : [claim.profile, claim.own]
  }

  /** The profile an outcome is about, once its claim is settled. */
  profileOf({ decision, profile }: HandshakeOutcome): string {
    return this.#refuted.get(decision) ?? profile
  }

  /** Keeps an observation with a ticket; returns one that had to make room, as unproven. */
  hold(observation: HandshakeObservation): HandshakeObservation | undefined {
    this.#open.set(observation.decision, observation)
    if (this.#open.size <= CLAIMS_MAX) return undefined
    const [oldest] = this.#open.values()
    return oldest === undefined ? undefined : this.#refute(oldest)
  }

  /** The observation an outcome settles, attributed; undefined when there was no claim. */
  settle({ decision, result }: HandshakeOutcome): HandshakeObservation | undefined {
    const claim = this.#open.get(decision)
    if (claim === undefined) return undefined
    if (result !== 'resumed') return this.#refute(claim)
    this.#open.delete(decision)
    return claim
  }

  /** Those whose outcome never came. */
  expire(now: number): readonly HandshakeObservation[] {
    const expired: HandshakeObservation[] = []
    for (const claim of this.#open.values()) {
      if (Math.abs(now - claim.at) < CLAIM_MS) break
      expired.push(this.#refute(claim))
    }
    return expired
  }

  #refute(claim: HandshakeObservation): HandshakeObservation {
    this.#open.delete(claim.decision)
    this.#refuted.set(claim.decision, claim.own)
    if (this.#refuted.size > CLAIMS_MAX) {
      this.#refuted.delete(this.#refuted.keys().next().value ?? '')
    }
    return { ...claim, profile: claim.own, lineage: false }
  }
}
