/**
 * What the body of a request goes through before a server gets it, the same for HTTP/1.1 and HTTP/2: compared with its
 * digest as it came, opened where it is sealed, held until it is sent on. When that is, and how it is framed, is theirs.
 *
 * @module
 */
import type { SealedBodyError } from '../../wire/sealed-body.ts'
import type { BodyDigest } from './body-digest.ts'
import type { BodyOpener } from './body-sealing.ts'
import { keep, OCTETS } from './octets.ts'
import type { RequestCapture } from './request-captures.ts'

/** What is wrong with the body of a request under a session key. */
export type BodyRefusal = SealedBodyError | 'digest_mismatch'

/** Absent: the body is taken as it comes. */
export interface BodyChecks {
  readonly digest: BodyDigest | undefined
  readonly opener: BodyOpener | undefined
}

const CRLF = Buffer.from('\r\n')

export class BodyIntake {
  /** Octets as they came: what limits and deadlines are about. What was sealed is never more once it is opened. */
  bytes = 0
  /** Of these, or of what was in them: octets for the server. */
  contentBytes = 0
  readonly #digest: BodyDigest | undefined
  readonly #opener: BodyOpener | undefined
  readonly #capture: RequestCapture | undefined
  #refusal: BodyRefusal | undefined
  #isOver = false
  #pieces: Buffer[] = []

  /** @param capture gets a copy of what a server gets */
  constructor(checks?: BodyChecks, capture?: RequestCapture) {
    this.#capture = capture
    this.#digest = checks?.digest
    this.#opener = checks?.opener
  }

  /** Its length is not known before its end. */
  get isOpened(): boolean {
    return this.#opener !== undefined
  }

  /** Why none of it may be sent on any more. */
  get refusal(): BodyRefusal | undefined {
    return this.#refusal
  }

  /**
   * Takes `OCTETS[from..to)`.
   *
   * @param briefly it is sent on at once; what waits for the rest of a slow body is kept apart: in the slab, it would
   *   hold all of that
   */
  take(from: number, to: number, briefly: boolean): void {
    if (from === to || this.#refusal !== undefined) return
    this.bytes += to - from
    const octets = OCTETS.subarray(from, to)
    this.#digest?.update(octets)
    if (this.#opener !== undefined) this.#opened(this.#opener.push(octets))
    else {
      this.contentBytes += to - from
      this.#capture?.take(octets)
      this.#pieces.push(briefly ? keep(from, to) : Buffer.from(octets))
    }
  }

  /** All of it has come: what may only now be sent on is, or the refusal. Again: the same. */
  end(): BodyRefusal | undefined {
    if (this.#isOver || this.#refusal !== undefined) return this.#refusal
    this.#isOver = true
    if (this.#digest?.matches() === false) this.#refusal = 'digest_mismatch'
    else if (this.#opener !== undefined) this.#opened(this.#opener.end())
    return this.#refusal
  }

  /** What may be sent on, and has not been. */
  pieces(): Buffer[] {
    const pieces = this.#pieces
    this.#pieces = []
    return pieces
  }

  /** The same as a chunk (RFC 9112 section 7.1), nothing when there is nothing. */
  chunk(): Buffer[] {
    const pieces = this.pieces()
    if (pieces.length === 0) return pieces
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    return [Buffer.from(`${bytes.toString(16)}\r\n`), ...pieces, CRLF]
  }

  #opened(content: Buffer | SealedBodyError): void {
    if (typeof content === 'string') {
      this.#refusal = content
      this.#pieces = []
    } else if (content.length > 0) {
      this.contentBytes += content.length
      this.#capture?.take(content)
      this.#pieces.push(content)
    }
  }
}
