/**
 * The life of a session on a client (LSK/1 section 1.8): opened when it is needed, its key rotated in time and when asked
 * to, begun again when it is over. One at a time over all tabs; a message under way is kept until its reply is in, so that
 * a tab closed in the middle loses nothing.
 *
 *     none -open-> active(g) -hint, rotate after, security-> rotating(g), which goes on using g -> active(g + 1)
 *     a rotation that fails: again after 1, 2, 4 ... 60 s times chance; when the ticket is over, or refused: none
 *
 * @module
 */

import { HandshakeDesk, type KeeperOptions } from './handshake-desk.ts'
import { exchange } from './key-exchange.ts'
import { RotationTimer } from './rotation-timer.ts'
import { SessionError } from './session-error.ts'
import type { PendingHandshake, Session } from './session-handshake.ts'
import { NO_STATE, type SessionState } from './session-store.ts'
import type { SessionWorld } from './session-world.ts'

type Write = (state: SessionState) => Promise<void>
/** What a second try may do otherwise, once each. */
interface Tries {
  readonly freshKeys: boolean
  readonly freshClock: boolean
}
const FIRST_TRY: Tries = { freshKeys: false, freshClock: false }

/** The server repeats a reply for 60 s; later the message is worth nothing. */
const PENDING_MS = 50_000
/** LSK/1 section 1.8: requests under way with the old key. */
const RETIRED_MS = 5_000
const BACKOFF_MS = 1_000
const BACKOFF_MS_MAX = 60_000
/** Sendings of one opening: 15 s of waiting at most. */
const OPEN_ATTEMPTS_MAX = 5
/** A session refused this soon after it was opened is not answered by another one. */
const REPLACE_MS_MIN = 1_000
/** A ticket that ends within this is over by the time the request arrives, in seconds. */
const ENDING_S = 1
/** Below that the clock is not what is wrong. */
const CLOCK_MS_MIN = 2_000

export class SessionKeeper {
  readonly #world: SessionWorld
  readonly #desk: HandshakeDesk
  readonly #timer: RotationTimer
  #state: SessionState | undefined
  #isStale = false
  #rotating: Promise<Session> | undefined
  /** No opening before, after one failed. */
  #closed:
    | { readonly failures: number; readonly until: number; readonly error: unknown }
    | undefined

  constructor(world: SessionWorld, options: KeeperOptions) {
    this.#world = world
    this.#desk = new HandshakeDesk(world, options)
    this.#timer = new RotationTimer(world, () => this.#rotateQuietly())
    world.store.onChange(() => {
      this.#isStale = true
    })
  }

  /** Seconds since 1970 by the server's clock, as far as it is known. */
  now(): number {
    return (this.#world.now() + (this.#state?.clockOffsetMs ?? 0)) / 1000
  }

  /** A rotation under way; a service worker stays alive for it. */
  get work(): Promise<unknown> {
    return this.#rotating?.catch(() => {}) ?? Promise.resolve()
  }

  /** The session to make requests under; opened when there is none. @throws SessionError */
  async session(): Promise<Session> {
    const usable = this.#usable(await this.#known())
    if (usable !== undefined) {
      if (this.#timer.isDue()) this.#rotateQuietly()
      return usable
    }
    return await this.#exclusively(
      async (state, write) => this.#usable(state) ?? (await this.#open(state, write)),
    )
  }

  /** Rotates now, unless another tab just did. The session in use afterwards. @throws SessionError */
  rotate(): Promise<Session> {
    this.#rotating ??= this.#rotate().finally(() => {
      this.#rotating = undefined
    })
    return this.#rotating
  }

  /** A session as who the application says, in the place of any other. @param jwt at most 1024 characters */
  async login(jwt: string): Promise<Session> {
    return await this.#exclusively((state, write) =>
      this.#open({ ...state, pending: undefined }, write, jwt),
    )
  }

  /**
   * Another session in the place of one that an edge refuses: that of another tab, the one of a rotation whose reply was
   * lost, or a new one. undefined when that was just done, and did not help.
   */
  async replace(failed: Session): Promise<Session | undefined> {
    return await this.#exclusively(async (state, write) => {
      const usable = this.#usable(state)
      if (usable !== undefined && usable.ticket !== failed.ticket) return usable
      if (usable !== undefined && this.#resumable(state, usable) !== undefined) {
        return await this.#follow(usable, state, write)
      }
      if (state.openedAt + REPLACE_MS_MIN > this.#world.now()) return undefined
      return await this.#open(state, write)
    })
  }

  /** The generation before `session`, while requests under it may be under way. */
  retired(session: Session): Session | undefined {
    const { session: current, retired } = this.#state ?? NO_STATE
    const isOurs = current?.ticket === session.ticket && retired !== undefined
    return isOurs && retired.until > this.#world.now() ? retired.session : undefined
  }

  /** `SessionKey-Rotate` of an answer to a request under `session`. */
  heed(hint: string | null, session: Session): void {
    if (hint === null || session.ticket !== this.#state?.session?.ticket) return
    if (this.#timer.heed(hint, this.now())) this.#rotateQuietly()
  }

  /**
   * Takes the server's clock for right. False when ours was not far off.
   *
   * @param said of an answer's `Date`; without one the key server is asked
   */
  async learnClock(said: number | undefined): Promise<boolean> {
    return await this.#exclusively(async (state, write) => {
      const date = said ?? (await this.#desk.dateOfServer(state))
      const clockOffsetMs = (date ?? 0) - this.#world.now()
      const isFar = Math.abs(clockOffsetMs - state.clockOffsetMs) >= CLOCK_MS_MIN
      if (date === undefined || !isFar) return false
      await write({ ...state, clockOffsetMs })
      return true
    })
  }

  /** Forgets the session on this device. */
  async end(): Promise<void> {
    await this.#exclusively(async ({ authorityKey, clockOffsetMs }, write) => {
      await write({ ...NO_STATE, authorityKey, clockOffsetMs })
    })
  }

  async #known(): Promise<SessionState> {
    if (this.#state === undefined || this.#isStale) {
      this.#isStale = false
      this.#take(await this.#world.store.read())
    }
    return this.#state ?? NO_STATE
  }

  #take(state: SessionState): void {
    this.#state = state
    const { session, clockOffsetMs, retryAt } = state
    this.#timer.plan(session, clockOffsetMs, retryAt)
  }

  #usable({ session }: SessionState): Session | undefined {
    return session !== undefined && session.expires > this.now() + ENDING_S ? session : undefined
  }

  #exclusively<T>(work: (state: SessionState, write: Write) => Promise<T>): Promise<T> {
    return this.#world.store.exclusively(async (state, write) => {
      this.#take(state)
      return await work(state, async (next) => {
        await write(next)
        this.#take(next)
      })
    })
  }

  #rotateQuietly(): void {
    // When it fails, the key in use is good for a while longer, and it is tried again.
    this.rotate().catch(() => {})
  }

  async #rotate(): Promise<Session> {
    const before = await this.session()
    return await this.#exclusively(async (state, write) => {
      const usable = this.#usable(state)
      if (usable === undefined) return await this.#open(state, write)
      // Another tab was first: its key is the one to use.
      return usable.ticket === before.ticket ? await this.#follow(usable, state, write) : usable
    })
  }

  async #follow(
    session: Session,
    state: SessionState,
    write: Write,
    tries = FIRST_TRY,
  ): Promise<Session> {
    let kept = state
    try {
      const begun = this.#resumable(state, session)
      if (begun === undefined) {
        kept = await this.#desk.begin(state, session, undefined, tries.freshKeys)
        await write(kept)
      }
      const outcome = await exchange(this.#world, begun ?? handshakeOf(kept))
      if (outcome.kind === 'opened') {
        const retired = { session, until: this.#world.now() + RETIRED_MS }
        await write({ ...kept, ...NOTHING_PENDING, session: outcome.session, retired })
        return outcome.session
      }
      if (outcome.kind === 'lost') throw new SessionError('unreachable')
      kept = { ...kept, pending: undefined }
      const again = this.#again(outcome, kept, tries)
      if (again !== undefined) return await this.#follow(session, again.state, write, again.tries)
      if (outcome.code === 'gen_conflict') {
        // Without locks another tab may have been first after all.
        const stored = this.#usable(await this.#world.store.read())
        if (stored !== undefined && stored.ticket !== session.ticket) return stored
      }
      if (outcome.status !== 401 && outcome.status !== 409) {
        throw new SessionError('refused', outcome.code)
      }
    } catch (error) {
      const failures = kept.failures + 1
      const retryAt = this.#world.now() + this.#backoffMs(failures)
      await write({ ...kept, failures, retryAt })
      throw error
    }
    return await this.#open(kept, write)
  }

  async #open(state: SessionState, write: Write, jwt?: string): Promise<Session> {
    const closed = this.#closed
    if (closed !== undefined && closed.until > this.#world.now() && jwt === undefined) {
      throw closed.error
    }
    try {
      const session = await this.#openNow(state, write, jwt)
      this.#closed = undefined
      return session
    } catch (error) {
      const failures = (closed?.failures ?? 0) + 1
      this.#closed = { failures, error, until: this.#world.now() + this.#backoffMs(failures) }
      throw error
    }
  }

  async #openNow(state: SessionState, write: Write, jwt: string | undefined): Promise<Session> {
    let [kept, tries] = [state, FIRST_TRY]
    for (let attempt = 1; ; attempt++) {
      const begun = this.#resumable(kept, undefined)
      if (begun === undefined) {
        kept = await this.#desk.begin(kept, undefined, jwt, tries.freshKeys)
        await write(kept)
      }
      const outcome = await exchange(this.#world, begun ?? handshakeOf(kept))
      if (outcome.kind === 'opened') {
        const { session } = outcome
        const openedAt = this.#world.now()
        await write({ ...kept, ...NOTHING_PENDING, session, openedAt, retired: undefined })
        return session
      }
      if (outcome.kind === 'refused') {
        kept = { ...kept, pending: undefined }
        const again = this.#again(outcome, kept, tries)
        if (again === undefined) {
          await write(kept)
          throw new SessionError('refused', outcome.code)
        }
        ;({ state: kept, tries } = again)
      } else {
        if (attempt >= OPEN_ATTEMPTS_MAX) throw new SessionError('unreachable')
        await this.#world.wait(Math.max(outcome.retryAfterMs, this.#backoffMs(attempt)))
      }
    }
  }

  /** What a second try would begin with, where one may help. */
  #again(
    { code, date }: { readonly code: string; readonly date: number | undefined },
    state: SessionState,
    tries: Tries,
  ): { readonly state: SessionState; readonly tries: Tries } | undefined {
    // The configuration at hand is an old one.
    if ((code === 'kid_unknown' || code === 'suite_refused') && !tries.freshKeys) {
      return { state, tries: { ...tries, freshKeys: true } }
    }
    if (code !== 'clock_skew' || tries.freshClock || date === undefined) return undefined
    const clockOffsetMs = date - this.#world.now()
    return { state: { ...state, clockOffsetMs }, tries: { ...tries, freshClock: true } }
  }

  /** The message under way that follows `previous`, while the server still knows its reply. */
  #resumable(
    { pending }: SessionState,
    previous: Session | undefined,
  ): PendingHandshake | undefined {
    if (pending === undefined || pending.since + PENDING_MS < this.#world.now()) return undefined
    return pending.handshake.previous?.ticket === previous?.ticket ? pending.handshake : undefined
  }

  #backoffMs(failures: number): number {
    return this.#world.fraction() * Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (failures - 1))
  }
}

const NOTHING_PENDING = { pending: undefined, failures: 0, retryAt: 0 } as const

function handshakeOf({ pending }: SessionState): PendingHandshake {
  if (pending === undefined) throw new TypeError('Cannot send a message that was not begun')
  return pending.handshake
}
