/**
 * Tickets under keys that a worker was not given (LSK/1 section 1.9): which key, and whether somebody should be asked for it.
 * A ticket that nobody opened may be anybody's invention, so little is asked, and one key only now and then.
 *
 * @module
 */
import { KEY_MISSED_MS } from '../../ports/data-plane.ts'

/** Keys asked for in that time; what else is shown then must come again. */
const ASKS_MAX = 8
/** `:`, then the type and the number of the key in 8 characters of base64. */
const NUMBERED = /^:([A-Za-z0-9+/]{8})/

/** The key that a `SessionKey` field says it is sealed under; undefined for what is no ticket. */
export function stekIdOfTicket(sessionKey: string): number | undefined {
  const [, start] = NUMBERED.exec(sessionKey) ?? []
  const bytes = start === undefined ? undefined : Buffer.from(start, 'base64')
  return bytes === undefined || bytes[0] !== 1 ? undefined : bytes.readUInt32BE(1)
}

export class MissedKeys {
  readonly #tell: (stekId: number) => void
  /** Of this time, and the one before. */
  #asked = new Set<number>()
  #before = new Set<number>()
  #since = 0

  constructor(tell: (stekId: number) => void) {
    this.#tell = tell
  }

  /** @param now seconds since 1970 */
  meet(sessionKey: string, groups: ReadonlySet<number>, now: number): void {
    const stekId = stekIdOfTicket(sessionKey)
    if (stekId === undefined || !groups.has(stekId >>> 24)) return
    if ((now - this.#since) * 1000 >= KEY_MISSED_MS) {
      this.#before = this.#asked
      this.#asked = new Set()
      this.#since = now
    }
    const isKnown = this.#asked.has(stekId) || this.#before.has(stekId)
    if (isKnown || this.#asked.size >= ASKS_MAX) return
    this.#asked.add(stekId)
    this.#tell(stekId)
  }

  /** Keys that were held and are not any more: whoever shows a ticket under one may ask for it at once. */
  forget(stekIds: readonly number[]): void {
    for (const stekId of stekIds) {
      this.#asked.delete(stekId)
      this.#before.delete(stekId)
    }
  }
}
