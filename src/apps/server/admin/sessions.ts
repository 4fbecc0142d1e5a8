/**
 * Sessions of the console: a token is shown once, then the browser sends a cookie, so no page has to keep
 * the token. Kept in memory: a restart logs everybody out.
 *
 * Browsers send a cookie to every port of its host, so also to a site there, but only below the cookie's
 * path. Hence each session has a path of its own, which nobody but the page that logged in knows; the same
 * routes lie below it. Cookie and path open nothing without each other.
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
/** `/s/` and 16 random bytes, in front of the path of a route. */
const SESSION_PATH = /^\/s\/[\w-]{22}(?=\/v1\/)/

interface Session {
  readonly holder: TokenHolder
  readonly endsAt: number
}

export interface Sessions {
  /** Begins one. */
  begin(holder: TokenHolder): SessionMark
  /** Whose session it is. */
  find(mark: SessionMark): TokenHolder | undefined
  end(mark: SessionMark): void
}

/** What a request shows of its session. */
export interface SessionMark {
  /** The cookie's value. */
  readonly id: string
  /** The path it came by, e.g. `/s/mZ3xU0bV9yYq4hJr2kTnLw`. */
  readonly path: string
}

/** The part of `url` that belongs to a session; '' when it has none. */
export function sessionPathOf(url: string): string {
  return SESSION_PATH.exec(url)?.[0] ?? ''
}

export function openSessions(clock: Clock, random: Random): Sessions {
  /** By hash: what opens a session is nowhere in memory. */
  const sessions = new Map<string, Session>()
  return {
    begin(holder) {
      const oldest = sessions.keys().next()
      if (sessions.size >= SESSIONS_MAX && !oldest.done) sessions.delete(oldest.value)
      const text = (bytes: number) => Buffer.from(random.bytes(bytes)).toString('base64url')
      const mark = { id: text(32), path: `/s/${text(16)}` }
      sessions.set(keyOf(mark), { holder, endsAt: clock.now() + SESSION_MS })
      return mark
    },
    find(mark) {
      const key = keyOf(mark)
      const session = sessions.get(key)
      if (session === undefined) return undefined
      if (session.endsAt <= clock.now()) {
        sessions.delete(key)
        return undefined
      }
      return session.holder
    },
    end: (mark) => void sessions.delete(keyOf(mark)),
  }
}

function keyOf({ id, path }: SessionMark): string {
  return createHash('sha256').update(`${path} ${id}`).digest('hex')
}
