/**
 * Sessions as a person looks at them: what the key server saw of each, in memory, the oldest fall out. Nothing is
 * decided by it.
 *
 * @module
 */
import type { Tier } from '../../../behavior/tier.ts'

/** Times in milliseconds since 1970. */
export interface SessionView {
  /** base64url of 16 bytes. */
  readonly id: string
  readonly generation: number
  readonly openedAt: number
  /** When its key was agreed on; that of the opening until it rotates. */
  readonly rotatedAt: number
  /** Why it rotated last; `opened` before. */
  readonly reason: 'opened' | 'time' | 'security' | 'client'
  /** When it is to rotate next, as far as it was told with its ticket. */
  readonly rotateAfter: number
  /** Why then: lines for a person. */
  readonly why: readonly string[]
  /** Until when its ticket is good. */
  readonly expires: number
  readonly tier: Tier
  readonly group: number
  readonly suite: 'x25519' | 'p256' | 'x25519-mlkem768'
  readonly origin: string
  /** Pseudonym of who logged in. */
  readonly subject?: string
  readonly revoked: boolean
}

export interface SessionTable {
  note(session: Omit<SessionView, 'openedAt' | 'revoked'>): void
  get(id: string): SessionView | undefined
  markRevoked(matches: (session: SessionView) => boolean): number
  /** Those whose tickets are good, the last to rotate first. */
  list(limit: number, now: number): readonly SessionView[]
  /** How many of those there are. */
  living(now: number): number
}

/** @param most sessions remembered */
export function sessionTable(most: number): SessionTable {
  /** The last to rotate last. */
  const sessions = new Map<string, SessionView>()
  const forgetOver = (now: number): void => {
    for (const [id, { expires }] of sessions) {
      if (sessions.size <= most && expires > now) return
      sessions.delete(id)
    }
  }
  return {
    note(session) {
      const before = sessions.get(session.id)
      sessions.delete(session.id)
      const openedAt = before?.openedAt ?? session.rotatedAt
      const why = [...session.why, ...changeOf(before, session)]
      sessions.set(session.id, { ...session, why, openedAt, revoked: before?.revoked ?? false })
      forgetOver(session.rotatedAt)
    },
    get: (id) => sessions.get(id),
    markRevoked(matches) {
      let count = 0
      for (const [id, session] of sessions) {
        if (session.revoked || !matches(session)) continue
        sessions.set(id, { ...session, revoked: true })
        count++
      }
      return count
    },
    list(limit, now) {
      forgetOver(now)
      return [...sessions.values()].slice(-limit).reverse()
    },
    living(now) {
      forgetOver(now)
      return sessions.size
    },
  }
}

type Rotating = Pick<SessionView, 'rotatedAt' | 'rotateAfter'>

/** What is to be said of an interval that is another than the one before. */
function changeOf(before: Rotating | undefined, after: Rotating): string[] {
  // Tickets hold whole seconds.
  const seconds = ({ rotatedAt, rotateAfter }: Rotating) =>
    Math.floor(rotateAfter / 1000) - Math.floor(rotatedAt / 1000)
  if (before === undefined || Math.abs(seconds(before) - seconds(after)) <= 1) return []
  return [`every ${seconds(after)} s now, every ${seconds(before)} s before`]
}
