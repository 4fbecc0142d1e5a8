/**
 * When a client rotates its key: at a moment of its own within what the ticket or an edge allows, so that no crowd of
 * clients comes at once. Without calling back where nobody waits (a service worker): then {@link RotationTimer.isDue} is asked.
 *
 * @module
 */
import type { Session } from './session-handshake.ts'
import type { SessionWorld } from './session-world.ts'

/** `SessionKey-Rotate: by=<unix>;reason=time|load|security[;from=<unix>]` */
const HINT = /^\s*by=(\d{1,12})\s*(?:;\s*reason=([a-z]+)\s*(?:;\s*from=(\d{1,12}))?)?/
/** Moments after `rotate after` are drawn from so much of what is left of the ticket then, and 30 s at most. */
const SPREAD_SHARE = 0.1
const SPREAD_MS_MAX = 30_000
/** Longer timers overflow: they are set again. */
const TIMER_MS_MAX = 2 ** 31 - 1

export class RotationTimer {
  readonly #world: SessionWorld
  readonly #act: () => void
  #ticket = ''
  #at = Number.POSITIVE_INFINITY
  #retryAt = 0
  #isHinted = false
  /** When the ticket ends, by our clock. */
  #latest = 0
  #stop: () => void = () => {}

  constructor(world: SessionWorld, act: () => void) {
    this.#world = world
    this.#act = act
  }

  /**
   * What is known of the session now; draws a moment for each ticket once.
   *
   * @param retryAt when a rotation that failed is to be tried again, ms since 1970; 0 for none
   */
  plan(session: Session | undefined, clockOffsetMs: number, retryAt: number): void {
    if (session === undefined) {
      this.#ticket = ''
      this.#set(Number.POSITIVE_INFINITY, 0)
    } else if (session.ticket !== this.#ticket) {
      this.#ticket = session.ticket
      this.#isHinted = false
      const rotateAfterMs = session.rotateAfter * 1000
      this.#latest = session.expires * 1000 - clockOffsetMs
      const left = session.expires * 1000 - rotateAfterMs
      const spread = Math.min(SPREAD_MS_MAX, Math.max(0, left * SPREAD_SHARE))
      const drawn = rotateAfterMs - clockOffsetMs + this.#world.fraction() * spread
      this.#set(retryAt > 0 ? Math.min(drawn, retryAt) : drawn, retryAt)
    } else if (retryAt !== this.#retryAt) {
      this.#set(retryAt > 0 ? Math.min(this.#at, retryAt) : this.#at, retryAt)
    }
  }

  /** Takes a hint; true when it is to be done at once. @param serverNow seconds since 1970, as the hint has them */
  heed(hint: string, serverNow: number): boolean {
    const match = HINT.exec(hint)
    if (match === null) return false
    if (match[2] === 'security') return true
    // Drawn once: the same hint comes with each answer until it is followed.
    if (this.#isHinted) return false
    this.#isHinted = true
    const fromMs = Math.max(0, (Number(match[3] ?? 0) - serverNow) * 1000)
    const withinMs = Math.max(fromMs, (Number(match[1]) - serverNow) * 1000)
    const at = this.#world.now() + fromMs + this.#world.fraction() * (withinMs - fromMs)
    // Busy servers ask for later too, as long as the ticket lasts.
    const isPutOff = match[2] === 'load' && at < this.#latest
    if (at < this.#at || isPutOff) this.#set(at, this.#retryAt)
    return this.isDue()
  }

  isDue(): boolean {
    return this.#world.now() >= Math.max(this.#at, this.#retryAt)
  }

  #set(at: number, retryAt: number): void {
    this.#stop()
    this.#at = at
    this.#retryAt = retryAt
    if (at === Number.POSITIVE_INFINITY) return
    const wait = Math.max(at, retryAt) - this.#world.now()
    this.#stop = this.#world.later(Math.min(Math.max(0, wait), TIMER_MS_MAX), () => {
      if (this.isDue()) this.#act()
      else this.#set(this.#at, this.#retryAt)
    })
  }
}
