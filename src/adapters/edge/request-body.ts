/**
 * The body of a request as it arrives over HTTP/1.x: counted, unchunked and held until it is sent on.
 * When it is sent on, and what is refused, is decided by `http1-connection.ts`.
 *
 * @module
 */
import { type ChunkError, ChunkedReader } from '../../wire/chunked-body.ts'
import type { BodyDigest } from './body-digest.ts'
import { keep, OCTETS } from './octets.ts'
import { filteredTrailer } from './trailer.ts'

const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

/** A body that is whole: what is still to be written to the head, and all of the body. */
export interface WholeBody {
  /** Framing field and the empty line; '' when the head has it already. */
  readonly framing: string
  readonly pieces: Buffer[]
}

/** One per connection, used again for each request. */
export class RequestBody {
  /** Octets of content so far. */
  bytes = 0
  /** To be compared with the content as it comes. */
  digest: BodyDigest | undefined
  #isChunked = false
  #left = 0
  #chunked: ChunkedReader | undefined
  #pieces: Buffer[] = []

  /** A request begins whose head announces a body. */
  begin(head: { readonly chunked: boolean; readonly contentLength: number }): void {
    this.#isChunked = head.chunked
    this.#left = head.contentLength
    this.#pieces = []
    this.bytes = 0
    this.digest = undefined
    if (!head.chunked) return
    this.#chunked ??= new ChunkedReader()
    this.#chunked.reset()
  }

  get isChunked(): boolean {
    return this.#isChunked
  }

  get complete(): boolean {
    return this.#isChunked ? (this.#chunked?.done ?? false) : this.#left === 0
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
    this.bytes += end - from
    this.#hold(from, end, streaming || this.#left === 0)
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
        this.bytes = reader.dataBytes
        if (this.bytes > bytesMax) return 'body-too-large'
        if (end !== reader.dataStart) OCTETS.copyWithin(end, reader.dataStart, reader.dataEnd)
        end += reader.dataEnd - reader.dataStart
      } else if (read === 'more' || read === 'done') {
        if (end > from) this.#hold(from, end, streaming || read === 'done')
        return reader.at
      } else return read
    }
  }

  /** What waits for the rest of a slow body is kept apart: in the slab, it would hold all of that. */
  #hold(from: number, to: number, briefly: boolean): void {
    this.digest?.update(OCTETS.subarray(from, to))
    this.#pieces.push(briefly ? keep(from, to) : Buffer.from(OCTETS.subarray(from, to)))
  }

  /** What has been read since last time, framed as it is sent on. */
  take(): Buffer[] {
    const pieces = this.#pieces
    this.#pieces = []
    if (!this.#isChunked || pieces.length === 0) return pieces
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
    return [Buffer.from(`${bytes.toString(16)}\r\n`), ...pieces, CRLF]
  }

  /** The last octets of a streamed body, framed; its trailer fields with them. */
  takeEnd(): Buffer[] {
    const pieces = this.take()
    if (!this.#isChunked) return pieces
    const trailer = filteredTrailer(this.#chunked as ChunkedReader)
    pieces.push(trailer === '' ? LAST_CHUNK : Buffer.from(`0\r\n${trailer}\r\n`, 'latin1'))
    return pieces
  }

  /** A body that was held whole: a chunked one gets a length, unless it has trailer fields. */
  takeWhole(): WholeBody {
    if (!this.#isChunked) return { framing: '', pieces: this.take() }
    if (filteredTrailer(this.#chunked as ChunkedReader) !== '') {
      return { framing: 'Transfer-Encoding: chunked\r\n\r\n', pieces: this.takeEnd() }
    }
    const pieces = this.#pieces
    this.#pieces = []
    return { framing: `Content-Length: ${this.bytes}\r\n\r\n`, pieces }
  }
}
