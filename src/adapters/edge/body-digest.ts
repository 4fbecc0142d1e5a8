/**
 * Compares a request's body with its `Content-Digest` (RFC 9530) while it passes: SHA-256, the one that every client of
 * LSK/1 can make.
 *
 * @module
 */
import { createHash } from 'node:crypto'

const SHA256 = /^sha-256=:([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=):$/
/** Of no octets at all. */
const OF_NOTHING = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='

/** The base64 of a field that holds one SHA-256 and nothing else; undefined for any other. Never throws. */
export function readContentDigest(field: string): string | undefined {
  return field.length === 54 ? SHA256.exec(field)?.[1] : undefined
}

export class BodyDigest {
  readonly #wanted: string
  readonly #hash = createHash('sha256')

  /** @param wanted base64 */
  constructor(wanted: string) {
    this.#wanted = wanted
  }

  /** For a request that has no body. */
  get isOfNothing(): boolean {
    return this.#wanted === OF_NOTHING
  }

  update(octets: Uint8Array): void {
    this.#hash.update(octets)
  }

  /** Once, when the body is whole. Public on both sides: no secret to compare. */
  matches(): boolean {
    return this.#hash.digest('base64') === this.#wanted
  }
}
