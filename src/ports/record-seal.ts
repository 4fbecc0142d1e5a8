/**
 * Seals a record before it reaches storage, which is not trusted with anything personal or secret.
 *
 * @module
 */
export interface RecordSeal {
  /** `name` is bound to the record: sealed bytes open under that name only. */
  seal(name: string, plain: Uint8Array): Uint8Array
  /** undefined when the bytes were changed, moved to another name, or sealed under another key. */
  open(name: string, sealed: Uint8Array): Uint8Array | undefined
}
