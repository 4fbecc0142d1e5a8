/**
 * What became of devices and their keys lately, in memory, for who looks; for good it is in the audit log.
 *
 * @module
 */
export interface Happened {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly what: string
  readonly epoch?: number
  readonly reason?: string
  readonly tookMs?: number
  readonly from?: string
  /** The evidence of an anomaly. */
  readonly why?: string
}

const HAPPENED_MAX = 50

export class DeviceHistory {
  readonly #happened = new Map<string, readonly Happened[]>()

  meet(party: string, what: Omit<Happened, 'at'>): void {
    const before = this.of(party)
    this.#happened.set(party, [...before, { at: Date.now(), ...what }].slice(-HAPPENED_MAX))
  }

  /** The oldest first. */
  of(party: string): readonly Happened[] {
    return this.#happened.get(party) ?? []
  }
}
