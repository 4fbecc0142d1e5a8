/**
 * What an edge worker knows of session keys: the keys that seal tickets and the feed of revocations, as the
 * supervisor sends them; asked by the edge through {@link SessionGuard}.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import type { SessionGuard } from '../../adapters/edge/session-guard.ts'
import { Steks } from '../../adapters/node/session-crypto.ts'
import type { Random } from '../../ground/random.ts'
import { type NumberedEntry, Revocations } from '../../keys/session/revocations.ts'
import {
  ROTATION_DEFAULTS,
  RotationGate,
  type RotationHint,
} from '../../keys/session/rotation-policy.ts'
import {
  type KnownSession,
  VALIDATOR_DEFAULTS,
  Validator,
} from '../../keys/session/validate-request.ts'
import type { SessionKeysGiven } from '../../ports/data-plane.ts'

export interface WorkerSessions {
  readonly guard: SessionGuard<KeyObject>
  /** Holds these keys, and no others; the keys that are held then. */
  take(given: SessionKeysGiven): readonly number[]
  /**
   * False when entries are missing before these: the feed must be told anew.
   *
   * @param now seconds since 1970
   */
  hear(entries: readonly NumberedEntry[], anew: boolean, now: number): boolean
}

/** What a client was told, and until when nothing else is. */
interface Told {
  readonly hint: RotationHint | undefined
  readonly until: number
}

/** A client that was told and still shows the old ticket is told once more after so long, in seconds. */
const TELL_AGAIN_S = 30

export function workerSessions(random: Random): WorkerSessions {
  const steks = new Steks()
  const revocations = new Revocations()
  let policy = ROTATION_DEFAULTS
  let gate = new RotationGate(policy, random)
  let onFeedSilent = VALIDATOR_DEFAULTS.onFeedSilent
  let validator = new Validator(steks, revocations)
  // As long as the validator remembers the ticket.
  const told = new WeakMap<KnownSession<KeyObject>, Told>()

  const hintFor: SessionGuard<KeyObject>['hintFor'] = (session, tier, now) => {
    const { rotateAfter, notBefore, tier: ticketTier } = session.ticket
    const isSuspect = tier > ticketTier
    if (!isSuspect && now < rotateAfter) return undefined
    const before = told.get(session)
    const isNews = isSuspect && before?.hint?.reason !== 'security'
    if (before !== undefined && now < before.until && !isNews) return before.hint
    const outcome = gate.ask(rotateAfter, rotateAfter - notBefore, isSuspect, now)
    if (outcome.kind === 'none') return undefined
    const hint = outcome.kind === 'hint' ? outcome.hint : undefined
    const until = outcome.kind === 'hint' ? outcome.hint.by + TELL_AGAIN_S : outcome.until
    told.set(session, { hint, until })
    return hint
  }

  return {
    guard: { validate: (request, proof, now) => validator.validate(request, proof, now), hintFor },
    take(given) {
      const wanted = new Set(given.keys.map(({ stekId }) => stekId))
      const gone = steks.ids().filter((stekId) => !wanted.has(stekId))
      for (const stekId of gone) steks.destroy(stekId)
      for (const { stekId, key } of given.keys) {
        if (!steks.has(stekId)) steks.add(stekId, key)
        key.fill(0)
      }
      if (gone.length > 0) validator.forget(new Set(gone))
      if (JSON.stringify(given.rotation) !== JSON.stringify(policy)) {
        policy = given.rotation
        gate = new RotationGate(policy, random)
      }
      if (given.onFeedSilent !== onFeedSilent) {
        onFeedSilent = given.onFeedSilent
        validator = new Validator(steks, revocations, { ...VALIDATOR_DEFAULTS, onFeedSilent })
      }
      return steks.ids()
    },
    hear(entries, anew, now) {
      if (anew) revocations.startAnew()
      return entries.every((entry) => revocations.take(entry, now))
    },
  }
}
