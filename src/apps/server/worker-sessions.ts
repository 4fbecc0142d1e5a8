/**
 * What an edge worker knows of session keys: the keys that seal tickets and the feed of revocations, as the
 * supervisor sends them; asked by the edge through {@link SessionGuard}. What it must ask others for is
 * `worker-replay.ts`.
 *
 * @module
 */
import { createPrivateKey } from 'node:crypto'
import type { SessionGuard } from '../../adapters/edge/session-guard.ts'
import { type RequestKey, Steks } from '../../adapters/node/session-crypto.ts'
import type { Random } from '../../ground/random.ts'
import { type FirstRequestCounts, FirstRequests } from '../../keys/session/first-requests.ts'
import { keyGroupOf } from '../../keys/session/key-group.ts'
import { type NumberedEntry, Revocations } from '../../keys/session/revocations.ts'
import { RotationHints } from '../../keys/session/rotation-hints.ts'
import { ROTATION_DEFAULTS } from '../../keys/session/rotation-policy.ts'
import { type Suspicion, Suspicions } from '../../keys/session/suspicions.ts'
import { Validator } from '../../keys/session/validate-request.ts'
import type { SessionKeysGiven, SessionTier } from '../../ports/data-plane.ts'
import { hostName } from '../../routing/match-route.ts'
import { BehavingSessions } from './behaving-sessions.ts'
import { MissedKeys, stekIdOfTicket } from './missed-keys.ts'
import { SessionAssertions } from './session-assertion.ts'
import { SessionSealing } from './session-sealing.ts'
import type { WorkerReplay } from './worker-replay.ts'

export interface WorkerSessions {
  readonly guard: SessionGuard<RequestKey>
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
  /** First requests of sessions, by the number of their key group. */
  firstRequests(): Readonly<Record<string, FirstRequestCounts>>
  /** A client of that session looked bad to another worker. */
  suspectedElsewhere(suspicion: Suspicion): void
  /** Sessions are in another tier by their behavior. */
  behaves(tiers: readonly SessionTier[]): void
}

/** Hosts whose group is remembered; a client may ask for any. */
const HOSTS_MAX = 1024
const REVOKES: ReadonlySet<NumberedEntry['kind']> = new Set([
  'revoke',
  'revoke-subject',
  'revoke-group',
])
const NO_GROUPS: NonNullable<SessionKeysGiven['groups']> = []

/** Of a worker that has nobody to ask. */
const ALONE: Pick<WorkerReplay, 'meet' | 'saw'> = { meet: async () => 'failed', saw: () => {} }

export interface WorkerSessionsHost {
  /** Tickets come under a key of a known group that was not given. */
  onMissed(stekId: number): void
  /** A session is shown by a client of a higher tier than its ticket's; said once. */
  onSuspected(suspicion: Suspicion): void
}

const NOBODY: WorkerSessionsHost = { onMissed: () => {}, onSuspected: () => {} }

export function workerSessions(
  random: Random,
  replay = ALONE,
  host: WorkerSessionsHost = NOBODY,
): WorkerSessions {
  const steks = new Steks()
  const revocations = new Revocations()
  const hints = new RotationHints(ROTATION_DEFAULTS, random)
  const validator = new Validator(steks, revocations, random)
  const sealing = new SessionSealing(random)
  let onReplayError: SessionKeysGiven['onReplayError']
  let assertions: SessionAssertions | undefined
  let groups = NO_GROUPS
  let groupIds: ReadonlySet<number> = new Set()
  const first = new FirstRequests()
  let revoked = 0
  validator.onOpened = (sessionKey, { group, ticket }) =>
    first.opened(sessionKey, group, ticket.expires)
  const missed = new MissedKeys(host.onMissed)
  const suspicions = new Suspicions()
  const behaving = new BehavingSessions()
  /** By authority, as it came. */
  const groupsOf = new Map<string, number | undefined>()

  const groupOf = (authority: string): number | undefined => {
    if (groups.length === 0) return undefined
    const known = groupsOf.get(authority)
    if (known !== undefined) return known
    const group = keyGroupOf(groups, hostName(authority))
    if (groupsOf.size >= HOSTS_MAX) groupsOf.clear()
    groupsOf.set(authority, group)
    return group
  }

  const miss = (sessionKey: string, now: number): void => {
    missed.meet(sessionKey, groupIds, now)
    const group = (stekIdOfTicket(sessionKey) ?? 0) >>> 24
    if (groupIds.has(group)) first.missed(sessionKey, group)
  }

  const guard: SessionGuard<RequestKey> = {
    groupOf,
    get revocations() {
      return revoked
    },
    isRevoked: (session) => validator.isRevoked(session),
    // A session is the same object as long as the validator remembers the ticket.
    hintFor(session, tier, now, everyS) {
      const { id, ticket } = session
      const { generation } = ticket
      const raised = behaving.takeRaised(id)
      if (raised > 1) {
        const suspicion = { session: id, generation, tier: raised }
        if (suspicions.add(suspicion)) host.onSuspected(suspicion)
      }
      if (tier > ticket.tier) {
        const suspicion = { session: id, generation, tier }
        if (suspicions.add(suspicion)) host.onSuspected(suspicion)
      }
      const worst = Math.max(tier, suspicions.tierOf(id, generation))
      return hints.hintFor(session, ticket, worst, now, everyS)
    },
    validate(request, proof, now) {
      const validation = validator.validate(request, proof, now)
      // Who must not be served twice is asked about; of the others the neighbours hear.
      if (validation.kind === 'valid' && isMadeAgain(request.method)) {
        replay.saw(`${validation.session.id}${validation.proof.nonce}`)
      }
      if (validation.kind === 'refused' && validation.code === 'stek_unknown') {
        miss(request.sessionKey, now)
      }
      return validation
    },
    bearer(sessionKey, group, now) {
      const session = validator.bearer(sessionKey, group, now)
      if (session === 'stek_unknown') miss(sessionKey, now)
      return session
    },
    async meet(scope, session, nonce) {
      const met = await replay.meet({ scope, session, nonce })
      return met === 'failed' && onReplayError === 'open' ? 'fresh' : met
    },
    sealing: (session) => sealing.of(session),
    assertionFor(session, about, now) {
      const tier = behaving.tierOf(session.id)
      return assertions?.lineFor(session, tier > about.tier ? { ...about, tier } : about, now)
    },
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
      if (gone.length > 0) {
        validator.forget(new Set(gone))
        missed.forget(gone)
      }
      hints.policy = given.rotation
      hints.load = given.load
      validator.onFeedSilent = given.onFeedSilent
      onReplayError = given.onReplayError
      groups = given.groups ?? NO_GROUPS
      groupIds = new Set(groups.map(({ group }) => group))
      groupsOf.clear()
      takeAssertion(given.assertion)
      return steks.ids()
    },
    hear(entries, anew, now) {
      if (anew) revocations.startAnew()
      revoked += entries.filter(({ kind }) => REVOKES.has(kind)).length
      return entries.every((entry) => revocations.take(entry, now))
    },
    sawElsewhere(proofs, now) {
      for (const proof of proofs) validator.remember(proof, now)
    },
    firstRequests: () => first.counts(),
    suspectedElsewhere(suspicion) {
      // Its key goes because of that: once is enough.
      behaving.takeRaised(suspicion.session)
      suspicions.add(suspicion)
    },
    behaves: (tiers) => behaving.hear(tiers),
  }
}

/** It may be made twice: nobody waits for the neighbours. */
function isMadeAgain(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}
