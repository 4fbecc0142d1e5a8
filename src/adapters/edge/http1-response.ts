/**
 * A response on its way to a client of HTTP/1.x: its head rewritten where it lies, its body framed anew where the
 * server's framing will not do, and sealed where the session wants it. What is written together is one write.
 *
 * @module
 */
import type { ResponseHeadReader } from '../../wire/response-head.ts'
import { type BodySealer, type BodySealing, sealedLines, sealedTrailer } from './body-sealing.ts'
import { keep, OCTETS, textOf } from './octets.ts'
import { keptLines, rewriteHead } from './response-rewrite.ts'
import { sendableTrailer } from './trailer.ts'
import type { BodyFraming } from './upstream-connection.ts'

/** Where it is written. */
export interface Http1Writer {
  write(octets: Buffer): void
  /** Writes `OCTETS[from..to)`. */
  writeRange(from: number, to: number): void
}

export interface Http1ResponseTerms {
  readonly minorVersion: number
  readonly isHead: boolean
  /** The connection may go on after it, as far as it is concerned. */
  readonly keepAlive: boolean
  /** Field lines with CR LF. */
  readonly added: Buffer[]
  readonly sealing: BodySealing | undefined
}

/** Where the minor version stands in `HTTP/1.1`. */
const MINOR_VERSION_AT = 7
const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')
const CONNECTION_CLOSE = Buffer.from('Connection: close\r\n')
const CONNECTION_KEEP_ALIVE = Buffer.from('Connection: keep-alive\r\n')
const TRANSFER_CHUNKED = Buffer.from('Transfer-Encoding: chunked\r\n')

/** One per connection, used again for each response. */
export class Http1Response {
  readonly #writer: Http1Writer
  #chunking = false
  /** The server's chunks are sent on as they came, up to the trailer section. */
  #passesChunks = false
  #from = 0
  #to = 0
  #finished = false
  #sealer: BodySealer | undefined
  #trailer = ''
  /** Behind the held octets, to be written with them: what one read of the server made. */
  #gathered: Buffer[] = []

  constructor(writer: Http1Writer) {
    this.#writer = writer
  }

  /** Its head; returns whether the connection can go on behind it. */
  begin(response: ResponseHeadReader, framing: BodyFraming, terms: Http1ResponseTerms): boolean {
    const { minorVersion, isHead, added, sealing } = terms
    const hasBody = framing !== 'none' && response.contentLength !== 0
    const isSealed = sealing !== undefined && hasBody
    this.#chunking = minorVersion === 1 && (isSealed || framing === 'close')
    this.#passesChunks = minorVersion === 1 && !isSealed && framing === 'chunked'
    const isUnframed =
      minorVersion === 0 && (isSealed || framing === 'close' || framing === 'chunked')
    const keepAlive = terms.keepAlive && !isUnframed
    this.#finished = false
    this.#trailer = ''
    this.#sealer = isSealed ? sealing.sealer() : undefined
    if (this.#chunking) added.push(TRANSFER_CHUNKED)
    if (!keepAlive) added.push(CONNECTION_CLOSE)
    else if (minorVersion === 0) added.push(CONNECTION_KEEP_ALIVE)
    // What is sent on is ours to frame: an answer of HTTP/1.0 may not be chunked or kept alive.
    if (response.minorVersion === 0) OCTETS[response.start + MINOR_VERSION_AT] = 49
    if (sealing === undefined) {
      // HTTP/1.0 knows none, whether a body follows or not (RFC 9112 section 6.1).
      const dechunk = minorVersion === 0 && response.transferEncodingStart > 0
      this.#from = rewriteHead(response, dechunk, added)
      this.#to = response.end
    } else {
      const isCoded = hasBody || (isHead && response.contentLength !== 0)
      this.#sealedHead(response, added, isCoded, framing !== 'none' && !hasBody)
    }
    return keepAlive
  }

  #sealedHead(
    response: ResponseHeadReader,
    added: readonly Buffer[],
    isCoded: boolean,
    isEmpty: boolean,
  ): void {
    const { start, statusLineEnd } = response
    const fields = sealedLines(keptLines(response), { isCoded, isEmpty }).join('\r\n')
    const text = Buffer.from(`${textOf(start, statusLineEnd)}${fields}\r\n`, 'latin1')
    this.#gathered.push(text, ...added, CRLF)
  }

  /** Octets of the body in `OCTETS`; chunked ones with their framing, unless it is sealed. */
  body(from: number, to: number): void {
    if (this.#sealer !== undefined) this.#piece(this.#sealer.push(OCTETS.subarray(from, to)))
    else if (this.#chunking) {
      if (from < to) this.#piece(keep(from, to))
    } else if (from === this.#to) this.#to = to
    else {
      this.#writeHeld()
      this.#from = from
      this.#to = to
    }
  }

  /** Trailer fields that came behind the body. HTTP/1.0 knows none. */
  trailer(lines: string): void {
    if (this.#sealer !== undefined) this.#trailer = sealedTrailer(sendableTrailer(lines))
    else if (this.#passesChunks) {
      this.#gathered.push(Buffer.from(`${sendableTrailer(lines)}\r\n`, 'latin1'))
    }
  }

  end(): void {
    if (this.#sealer !== undefined) this.#piece(this.#sealer.end())
    if (this.#chunking) {
      const trailer = this.#trailer
      const last = trailer === '' ? LAST_CHUNK : Buffer.from(`0\r\n${trailer}\r\n`, 'latin1')
      this.#gathered.push(last)
    }
    this.#sealer = undefined
    this.#finished = true
  }

  /** Writes what is held; true, once, when that was the last of it. */
  flush(): boolean {
    this.#writeHeld()
    const finished = this.#finished
    this.#finished = false
    return finished
  }

  #piece(octets: Buffer): void {
    if (octets.length === 0) return
    if (this.#chunking) {
      this.#gathered.push(Buffer.from(`${octets.length.toString(16)}\r\n`), octets, CRLF)
    } else this.#gathered.push(octets)
  }

  #writeHeld(): void {
    const from = this.#from
    const to = this.#to
    this.#from = 0
    this.#to = 0
    if (to > from) this.#writer.writeRange(from, to)
    if (this.#gathered.length === 0) return
    const gathered = this.#gathered
    this.#gathered = []
    this.#writer.write(Buffer.concat(gathered))
  }
}
