/**
 * How often a rotation may fail. Whoever has somebody's ticket can ask for rotations, which cost a good part of a millisecond
 * before they turn out to be nobody's: without the session's key a handful is heard, and then one a second. By session and
 * address: who asks from elsewhere keeps neither the session's owner from rotating nor others of that address.
 *
 * @module
 */

/** At once: clocks, keys of the configuration and tabs may differ for a moment. */
const FAILURES_MAX = 5
const FORGIVEN_MS = 1000
/** Remembered: those of minutes, when a thousand a second fail it is those of ten seconds. */
const KNOWN_MAX = 10_000

export class FailedRotations {
  /** When the last of them is forgiven, ms. */
  readonly #until = new Map<string, number>()

  /**
   * @param address of who asks; '' when that is not known
   * @param nowMs milliseconds
   */
  mayTry(session: string, address: string, nowMs: number): boolean {
    const until = this.#until.get(`${session} ${address}`) ?? 0
    return until - nowMs < FAILURES_MAX * FORGIVEN_MS
  }

  failed(session: string, address: string, nowMs: number): void {
    const name = `${session} ${address}`
    const until = Math.max(nowMs, this.#until.get(name) ?? 0) + FORGIVEN_MS
    this.#until.delete(name)
    this.#until.set(name, until)
    if (this.#until.size > KNOWN_MAX) this.#until.delete(this.#until.keys().next().value ?? '')
  }
}
