/**
 * The body of a request as it arrives over HTTP/2: counted against the window and what was announced, taken in
 * (`body-intake.ts`) and framed for a server of HTTP/1.1. When it is sent on is decided by `http2-stream.ts`.
 *
 * @module
 */
import * as h2 from '../../wire/http2-frame.ts'
import { type BodyChecks, BodyIntake, type BodyRefusal } from './body-intake.ts'
import type { RequestCapture } from './request-captures.ts'

const LAST_CHUNK = Buffer.from('0\r\n\r\n')
/** The client is given room again after so much. */
const ROOM_STEP_BYTES = 32_768

export class Http2RequestBody {
  /** As announced, -1 when it was not. */
  readonly declared: number
  readonly #intake: BodyIntake
  /** Since the client was last given room, with padding. */
  #received = 0
  /** There was more behind the fields, if only the word that there is nothing. */
  #isWithData = false

  constructor(declared: number, checks?: BodyChecks, capture?: RequestCapture) {
    this.declared = declared
    this.#intake = new BodyIntake(checks, capture)
  }

  /** Octets so far, as they came. */
  get bytes(): number {
    return this.#intake.bytes
  }

  /** The head that is sent on cannot say its length before its end. */
  get #isReframed(): boolean {
    return this.declared < 0 || this.#intake.isOpened
  }

  /**
   * Takes `OCTETS[from..to)`. Returns an error code for the stream, NO_ERROR otherwise.
   *
   * @param flow octets of the frame, padding too
   */
  take(from: number, to: number, flow: number, ended: boolean, window: number): number {
    this.#received += flow
    if (this.#received > window) return h2.FLOW_CONTROL_ERROR
    const bytes = this.bytes + to - from
    if (this.declared >= 0 && (bytes > this.declared || (ended && bytes !== this.declared))) {
      return h2.PROTOCOL_ERROR
    }
    this.#isWithData = true
    this.#intake.take(from, to, true)
    return h2.NO_ERROR
  }

  /** What is wrong with it so far. All that was announced is all there is, whether the end has been said or not. */
  refusal(ended: boolean): BodyRefusal | undefined {
    return ended || this.bytes === this.declared ? this.#intake.end() : this.#intake.refusal
  }

  /** How much more the client may send; 0 for none yet. */
  room(): number {
    const received = this.#received
    if (received < ROOM_STEP_BYTES) return 0
    this.#received = 0
    return received
  }

  /** All of it, with the rest of the head. */
  takeWhole(): { readonly framing: string; readonly pieces: Buffer[] } {
    // A length of 0 was said by the client and means something for POST; others have no body.
    const length = this.#isWithData ? this.#intake.contentBytes : this.declared
    const framing = length < 0 ? '\r\n' : `content-length: ${length}\r\n\r\n`
    return { framing, pieces: this.#intake.pieces() }
  }

  /** What there is of one that is streamed from here on. */
  takeBegun(): { readonly framing: string; readonly pieces: Buffer[] } {
    const framing = this.#isReframed
      ? 'transfer-encoding: chunked'
      : `content-length: ${this.declared}`
    return { framing: `${framing}\r\n\r\n`, pieces: this.takeMore() }
  }

  takeMore(): Buffer[] {
    return this.#isReframed ? this.#intake.chunk() : this.#intake.pieces()
  }

  takeEnd(): Buffer[] {
    const pieces = this.takeMore()
    return this.#isReframed ? [...pieces, LAST_CHUNK] : pieces
  }

  /** Nobody wants it any more. */
  drop(): void {
    this.#intake.pieces()
  }
}
