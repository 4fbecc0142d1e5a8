/**
 * What follows here from a security event of somebody else: sessions end, sessions count as an attacker's or as surely the
 * person's. Each is in the audit log before it happens, under pseudonyms. Done twice it does no more than once.
 *
 * @module
 */
import type { AuditLog } from '../../../adapters/node/audit-log.ts'
import type { PeopleFeed } from '../behavior/people-feed.ts'
import type { KeyServer } from '../key-server/key-server.ts'
import type { EventSubject } from './event-subject.ts'
import type { EventToken, SecurityEvent } from './event-token.ts'

/** `unknown-subject`: it names nobody that could be here. */
export type EventResult = 'applied' | 'noted' | 'unknown-event' | 'unknown-subject'

export interface SignalEffectsOptions {
  /** undefined: session keys are off, or the key server is elsewhere. */
  readonly keyServer: Pick<KeyServer, 'session' | 'revokeSession' | 'revokeSubject'> | undefined
  /** undefined while nobody's behavior is watched. */
  readonly people: Pick<PeopleFeed, 'idOf' | 'vouch' | 'doubt' | 'sessionIdsOf'> | undefined
  /** Who may name users in an `iss_sub`, besides whoever tells. */
  readonly loginIssuer: string | undefined
  /** 16 bytes, by the name the application has of somebody. */
  pseudonymOf(user: string): Buffer
  readonly audit: Pick<AuditLog, 'append'>
}

export class SignalEffects {
  readonly #options: SignalEffectsOptions

  constructor(options: SignalEffectsOptions) {
    this.#options = options
  }

  /** @throws LimenError when something cannot be written: it is to be told again */
  apply(issuer: string, { id, events }: EventToken): readonly EventResult[] {
    return events.map((event) => this.#apply(issuer, id, event))
  }

  #apply(issuer: string, token: string, event: SecurityEvent): EventResult {
    const { kind, subject } = event
    if (kind === 'unknown') return 'unknown-event'
    if (kind === 'verification') return 'noted'
    const known = subject === undefined ? undefined : this.#known(issuer, subject)
    if (known === undefined) return 'unknown-subject'
    const { user, session } = known
    this.#options.audit.append({
      ...{ who: `signals ${issuer}`, action: `signal.${kind}` },
      subject: user?.pseudonym ?? session ?? '',
      detail: {
        ...{ token, byUser: event.byUser },
        ...(user?.person === undefined ? {} : { person: user.person }),
        ...(session === undefined ? {} : { session }),
        ...(event.direction === undefined ? {} : { direction: event.direction }),
      },
    })
    if (kind === 'device-compliance-change') return 'noted'
    if (kind === 'assurance-level-change') return this.#assured(event, user)
    this.#revoke(known)
    const { keyServer, people } = this.#options
    const isLogout = kind === 'session-revoked' && event.byUser
    if (user?.person !== undefined && !isLogout) people?.doubt(user.person, 3)
    const isOutOfReach = keyServer === undefined && (people === undefined || isLogout)
    return isOutOfReach ? 'noted' : 'applied'
  }

  #assured({ direction }: SecurityEvent, user: KnownUser | undefined): EventResult {
    const { people } = this.#options
    if (direction === undefined || user?.person === undefined) return 'noted'
    if (direction === 'increase') people?.vouch(user.person)
    else people?.doubt(user.person, 2)
    return 'applied'
  }

  /** One session where it is one of ours; else all of the user's. */
  #revoke({ user, session }: Known): void {
    const { keyServer, people } = this.#options
    if (session !== undefined) {
      keyServer?.revokeSession(session)
      return
    }
    if (user === undefined) return
    keyServer?.revokeSubject(user.pseudonym)
    // Of whom only the application says who they are.
    for (const one of user.person === undefined ? [] : (people?.sessionIdsOf(user.person) ?? [])) {
      if (keyServer?.session(one) !== undefined) keyServer.revokeSession(one)
    }
  }

  #known(issuer: string, { user, issuer: by, session }: EventSubject): Known | undefined {
    const { loginIssuer, keyServer, people, pseudonymOf } = this.#options
    const ours = session !== undefined && keyServer?.session(session) !== undefined
    const isNamed = user !== undefined && (by === undefined || by === issuer || by === loginIssuer)
    if (!ours && !isNamed) return undefined
    return {
      session: ours ? session : undefined,
      user: isNamed
        ? { pseudonym: pseudonymOf(user).toString('base64url'), person: people?.idOf(user) }
        : undefined,
    }
  }
}

interface KnownUser {
  /** As session keys have it. */
  readonly pseudonym: string
  /** As profiles of behavior have it. */
  readonly person: string | undefined
}

interface Known {
  readonly user: KnownUser | undefined
  readonly session: string | undefined
}
