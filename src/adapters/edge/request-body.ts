/**
 * The body of a request as it arrives over HTTP/1.x: counted, unchunked, taken in (`body-intake.ts`) and framed anew.
 * When it is sent on, and what is refused, is decided by `http1-connection.ts`.
 *
 * @module
 */
import { type ChunkError, ChunkedReader } from '../../wire/chunked-body.ts'
import { type BodyChecks, BodyIntake, type BodyRefusal } from './body-intake.ts'
import { OCTETS } from './octets.ts'
import type { RequestCapture } from './request-captures.ts'
import { filteredTrailer } from './trailer.ts'

const LAST_CHUNK = Buffer.from('0\r\n\r\n')
const TRANSFER_CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n'

/** What is still to be written to the head, and what there is of the body. */
export interface FramedBody {
  /** Framing field and the empty line; '' when the head has it already. */
  readonly framing: string
  readonly pieces: Buffer[]
}

/** One per connection, used again for each request. */
export class RequestBody {
  #intake = new BodyIntake()
  #isChunked = false
  #left = 0
  #chunked: ChunkedReader | undefined

  /** A request begins whose head announces a body, or none. */
  begin(
    head: { readonly chunked: boolean; readonly contentLength: number },
    checks?: BodyChecks,
    capture?: RequestCapture,
  ): void {
    this.#isChunked = head.chunked
    this.#left = Math.max(0, head.contentLength)
    this.#intake = new BodyIntake(checks, capture)
    if (!head.chunked) return
    this.#chunked ??= new ChunkedReader()
    this.#chunked.reset()
  }

  /** Octets so far, as they came. */
  get bytes(): number {
    return this.#intake.bytes
  }

  get complete(): boolean {
    return this.#isChunked ? (this.#chunked?.done ?? false) : this.#left === 0
  }

  /** Why none of it may be sent on any more. */
  get refusal(): BodyRefusal | undefined {
    return this.#intake.refusal
  }

  /** The head that is sent on says nothing of its length. */
  get #isReframed(): boolean {
    return this.#isChunked || this.#intake.isOpened
  }

  /**
   * Reads on in `OCTETS[from..to)`; returns where the body, or what there is of it, ends.
   *
   * @param bytesMax limit of a chunked body; the length of others has been checked
   * @param streaming what is read is sent on at once
   */
  read(
    from: number,
    to: number,
    bytesMax: number,
    streaming: boolean,
  ): number | ChunkError | 'body-too-large' {
    return this.#isChunked
      ? this.#readChunks(from, to, bytesMax, streaming)
      : this.#readLength(from, to, streaming)
  }

  #readLength(from: number, to: number, streaming: boolean): number {
    const end = Math.min(to, from + this.#left)
    this.#left -= end - from
    this.#intake.take(from, end, streaming || this.#left === 0)
    return end
  }

  #readChunks(
    from: number,
    to: number,
    bytesMax: number,
    streaming: boolean,
  ): number | ChunkError | 'body-too-large' {
    const reader = this.#chunked as ChunkedReader
    reader.start(from)
    // Data is closed up in place: chunks of one octet cost no more than one of all of them.
    let end = from
    for (;;) {
      const read = reader.next(OCTETS, to)
      if (read === 'data') {
        if (reader.dataBytes > bytesMax) return 'body-too-large'
        if (end !== reader.dataStart) OCTETS.copyWithin(end, reader.dataStart, reader.dataEnd)
        end += reader.dataEnd - reader.dataStart
      } else if (read === 'more' || read === 'done') {
        this.#intake.take(from, end, streaming || read === 'done')
        return reader.at
      } else return read
    }
  }

  /** It is complete: what is wrong with it. */
  end(): BodyRefusal | undefined {
    return this.#intake.end()
  }

  /** What has been read since last time, framed as it is sent on. */
  take(): Buffer[] {
    return this.#isReframed ? this.#intake.chunk() : this.#intake.pieces()
  }

  /** The last octets of a streamed body, framed; its trailer fields with them. */
  takeEnd(): Buffer[] {
    const pieces = this.take()
    if (!this.#isReframed) return pieces
    const trailer = this.#trailer
    pieces.push(trailer === '' ? LAST_CHUNK : Buffer.from(`0\r\n${trailer}\r\n`, 'latin1'))
    return pieces
  }

  /** A body that was held whole: one that is framed anew gets a length, unless it has trailer fields. */
  takeWhole(): FramedBody {
    if (!this.#isReframed) return { framing: '', pieces: this.take() }
    if (this.#trailer !== '') return { framing: TRANSFER_CHUNKED, pieces: this.takeEnd() }
    const framing = `Content-Length: ${this.#intake.contentBytes}\r\n\r\n`
    return { framing, pieces: this.#intake.pieces() }
  }

  /** What there is of one that is streamed from here on. */
  takeBegun(): FramedBody {
    return { framing: this.#isReframed ? TRANSFER_CHUNKED : '', pieces: this.take() }
  }

  get #trailer(): string {
    return this.#isChunked ? filteredTrailer(this.#chunked as ChunkedReader) : ''
  }
}
