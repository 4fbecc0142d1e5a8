/**
 * What an edge worker knows of session keys: the keys that seal tickets and the feed of revocations, as the
 * supervisor sends them; asked by the edge through {@link SessionGuard}. What it must ask others for is
 * `worker-replay.ts`.
 *
 * @module
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { SessionGuard } from '../../adapters/edge/session-guard.ts'
import { Steks } from '../../adapters/node/session-crypto.ts'
import type { Random } from '../../ground/random.ts'
import { keyGroupOf } from '../../keys/session/key-group.ts'
import { type NumberedEntry, Revocations } from '../../keys/session/revocations.ts'
import {
  ROTATION_DEFAULTS,
  RotationGate,
  type RotationHint,
} from '../../keys/session/rotation-policy.ts'
import { type KnownSession, Validator } from '../../keys/session/validate-request.ts'
import type { SessionKeysGiven } from '../../ports/data-plane.ts'
import { hostName } from '../../routing/match-route.ts'
import { SessionAssertions } from './session-assertion.ts'
import type { WorkerReplay } from './worker-replay.ts'

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
  /** Proofs that other workers have met: session id and nonce, as they are. */
  sawElsewhere(proofs: readonly string[], now: number): void
}

/** What a client was told, and until when nothing else is. */
interface Told {
  readonly hint: RotationHint | undefined
  readonly until: number
}

/** A client that was told and still shows the old ticket is told once more after so long, in seconds. */
const TELL_AGAIN_S = 30
/** Hosts whose group is remembered; a client may ask for any. */
const HOSTS_MAX = 1024
/** Methods that may be made twice: nobody waits for the neighbours. */
const MADE_AGAIN = new Set(['GET', 'HEAD', 'OPTIONS'])
const NO_GROUPS: NonNullable<SessionKeysGiven['groups']> = []

/** Of a worker that has nobody to ask. */
const ALONE: Pick<WorkerReplay, 'meet' | 'saw'> = { meet: async () => 'failed', saw: () => {} }

export function workerSessions(random: Random, replay = ALONE): WorkerSessions {
  const steks = new Steks()
  const revocations = new Revocations()
  let policy = ROTATION_DEFAULTS
  let gate = new RotationGate(policy, random)
  const validator = new Validator(steks, revocations)
  let onReplayError: SessionKeysGiven['onReplayError']
  let assertions: SessionAssertions | undefined
  let groups = NO_GROUPS
  /** By authority, as it came. */
  const groupsOf = new Map<string, number | undefined>()
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

  const groupOf = (authority: string): number | undefined => {
    if (groups.length === 0) return undefined
    const known = groupsOf.get(authority)
    if (known !== undefined) return known
    const group = keyGroupOf(groups, hostName(authority))
    if (groupsOf.size >= HOSTS_MAX) groupsOf.clear()
    groupsOf.set(authority, group)
    return group
  }

  const guard: SessionGuard<KeyObject> = {
    groupOf,
    hintFor,
    validate(request, proof, now) {
      const validation = validator.validate(request, proof, now)
      // Who must not be served twice is asked about; of the others the neighbours hear.
      if (validation.kind === 'valid' && MADE_AGAIN.has(request.method)) {
        replay.saw(`${validation.session.id}${validation.proof.nonce}`)
      }
      return validation
    },
    bearer: (sessionKey, group, now) => validator.bearer(sessionKey, group, now),
    async meet(scope, session, nonce) {
      const met = await replay.meet({ scope, session, nonce })
      return met === 'failed' && onReplayError === 'open' ? 'fresh' : met
    },
    assertionFor: (session, about, now) => assertions?.lineFor(session, about, now),
  }

  const takeAssertion = (key: SessionKeysGiven['assertion']): void => {
    if (key === undefined) {
      assertions = undefined
      return
    }
    if (key.kid !== assertions?.kid) {
      const der = Buffer.from(key.privateKey)
      const imported = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
      der.fill(0)
      assertions = new SessionAssertions(imported, key.kid)
    }
    key.privateKey.fill(0)
  }

  return {
    guard,
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
      validator.onFeedSilent = given.onFeedSilent
      onReplayError = given.onReplayError
      groups = given.groups ?? NO_GROUPS
      groupsOf.clear()
      takeAssertion(given.assertion)
      return steks.ids()
    },
    hear(entries, anew, now) {
      if (anew) revocations.startAnew()
      return entries.every((entry) => revocations.take(entry, now))
    },
    sawElsewhere(proofs, now) {
      for (const proof of proofs) validator.remember(proof, now)
    },
  }
}
