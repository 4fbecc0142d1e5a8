/**
 * Chance, passed in. Nothing below `adapters/` draws a random number: it is handed a source.
 *
 * @module
 */

/** A source of chance. The product passes the system's CSPRNG, a simulation passes a seeded one. */
export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array
  /** A number in [0, 1). Fit for choices (which server), never for secrets: see {@link Random.bytes}. */
  fraction(): number
}
