/**
 * Sessions of the console: a token is shown once, then the browser sends a cookie, so no page has to keep
 * the token. Kept in memory: a restart logs everybody out.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import type { TokenHolder } from '../material.ts'

export const SESSION_COOKIE = 'limen_session'
/** A working day. */
export const SESSION_MS = 8 * 3_600_000
/** More people than look at one edge; the oldest is logged out. */
const SESSIONS_MAX = 1000

interface Session {
  readonly holder: TokenHolder
  readonly endsAt: number
}

export interface Sessions {
  /** Begins one and returns its id, which goes into the cookie. */
  begin(holder: TokenHolder): string
  /** Whose session it is. */
  find(id: string): TokenHolder | undefined
  end(id: string): void
}

export function openSessions(clock: Clock, random: Random): Sessions {
  /** By hash: the ids themselves are nowhere in memory. */
  const sessions = new Map<string, Session>()
  return {
    begin(holder) {
      const oldest = sessions.keys().next()
      if (sessions.size >= SESSIONS_MAX && !oldest.done) sessions.delete(oldest.value)
      const id = Buffer.from(random.bytes(32)).toString('base64url')
      sessions.set(keyOf(id), { holder, endsAt: clock.now() + SESSION_MS })
      return id
    },
    find(id) {
      const key = keyOf(id)
      const session = sessions.get(key)
      if (session === undefined) return undefined
      if (session.endsAt <= clock.now()) {
        sessions.delete(key)
        return undefined
      }
      return session.holder
    },
    end: (id) => void sessions.delete(keyOf(id)),
  }
}

function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('hex')
}
