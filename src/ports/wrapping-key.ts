/**
 * The key that wraps the data key of a custody node: in a PKCS#11 token, in a file under a passphrase, or itself in shares until
 * enough are given. What is kept on the disk opens only with it. Implementations: `adapters/pkcs11/wrapping-key.ts`,
 * `adapters/node/passphrase-key.ts`, `adapters/node/memory-key.ts`.
 *
 * @module
 */

/** Of a data key, which is for AES-256. */
export const DATA_KEY_BYTES = 32
/** Of the name of a wrapping key. */
export const REFERENCE_BYTES = 16

export interface WrappingKey {
  /** Names the key and says nothing about it; 16 octets. The same after a restart. */
  readonly reference: Uint8Array
  /**
   * @param key 32 octets; still the caller's, to be zeroed
   * @throws LimenError when the key cannot be reached
   */
  wrap(key: Uint8Array): Promise<Uint8Array>
  /**
   * The 32 octets, which the caller zeroes; undefined for what this key has not wrapped, or what was changed.
   *
   * @throws LimenError when the key cannot be reached
   */
  unwrap(wrapped: Uint8Array): Promise<Uint8Array | undefined>
  /** Forgets it, logs out. */
  close(): void | Promise<void>
}
