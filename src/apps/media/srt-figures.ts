/**
 * What a relay of SRT counted.
 *
 * @module
 */

/**
 * Why a datagram went no further: no SRT; of no connection; no handshake that could be; too many handshakes; not under the passphrase; no epoch
 * that is worth anything; too many connections; more than was asked with.
 */
export type SrtDrop = keyof typeof NO_DROPS

export interface SrtFigures {
  /** That may be called under. */
  readonly epoch: number | undefined
  readonly connections: number
  readonly data: number
  readonly sentAgain: number
  /** Changes of SRT's own even and odd keys. */
  readonly keyChanges: number
  /** Connections that were ended here. */
  readonly cut: number
  readonly dropped: Readonly<Record<SrtDrop, number>>
}

const NO_DROPS = {
  ...{ malformed: 0, unknown: 0, handshake: 0, rate: 0, passphrase: 0 },
  ...{ locked: 0, full: 0, larger: 0 },
}

export function noSrtDrops(): Record<SrtDrop, number> {
  return { ...NO_DROPS }
}
