/**
 * A response on its way to who asked for it, recorded for a cache: only a whole one whose end was told by its framing.
 *
 * Stands between an exchange and its front only where a route has a cache and may keep what comes.
 *
 * @module
 */
import { ChunkedReader } from '../../wire/chunked-body.ts'
import type { ResponseHeadReader } from '../../wire/response-head.ts'
import { readStorable, type StorableResponse } from '../../wire/shared-cache.ts'
import type { ExchangeFailure, Front } from './exchange.ts'
import { OCTETS, textOf } from './octets.ts'
import type { Filling } from './response-cache.ts'
import { keptLines } from './response-rewrite.ts'
import type { BodyFraming, UpstreamConnection } from './upstream-connection.ts'
import type { UpstreamServer } from './upstream-pool.ts'

/** Of the message or told anew by the cache, not kept with it. */
const NOT_KEPT = /^(?:transfer-encoding|content-length|age):/i
const CRLF = Buffer.from('\r\n')

interface Begun {
  readonly response: StorableResponse
  readonly lines: readonly string[]
  /** -1 when it is chunked. */
  readonly length: number
  /** Chunks come with their framing. */
  readonly isFramed: boolean
}

export class CacheRecording implements Front {
  readonly #front: Front
  readonly #filling: Filling
  #begun: Begun | undefined
  #isOfUser = false
  #pieces: Buffer[] = []

  constructor(front: Front, filling: Filling) {
    this.#front = front
    this.#filling = filling
  }

  get wantsChunked(): boolean {
    return this.#front.wantsChunked
  }

  get isUnderSession(): boolean {
    return this.#front.isUnderSession
  }

  onInterim(head: ResponseHeadReader): void {
    this.#front.onInterim(head)
  }

  onUser(value: string): void {
    this.#isOfUser = true
    this.#front.onUser(value)
  }

  onHead(head: ResponseHeadReader, framing: BodyFraming): void {
    // Before the front: it rewrites the head where it lies.
    this.#begun = this.#begin(head, framing)
    if (this.#begun === undefined) this.#filling.refuse()
    this.#front.onHead(head, framing)
  }

  onBody(from: number, to: number): void {
    if (this.#begun !== undefined) {
      if (this.#filling.hold(to - from)) this.#pieces.push(Buffer.from(OCTETS.subarray(from, to)))
      else this.#refuse()
    }
    this.#front.onBody(from, to)
  }

  onTrailer(lines: string): void {
    if (lines !== '') this.#refuse()
    else if (this.#begun?.isFramed) this.#pieces.push(CRLF)
    this.#front.onTrailer(lines)
  }

  onEnd(): void {
    this.#store()
    this.#front.onEnd()
  }

  onFlush(): void {
    this.#front.onFlush()
  }

  onUpgrade(
    head: ResponseHeadReader,
    connection: UpstreamConnection,
    from: number,
    to: number,
  ): void {
    this.#filling.refuse()
    this.#front.onUpgrade(head, connection, from, to)
  }

  onFailure(failure: ExchangeFailure, begun: boolean): void {
    this.drop()
    this.#front.onFailure(failure, begun)
  }

  onDrain(): void {
    this.#front.onDrain()
  }

  preface(server: UpstreamServer): Uint8Array | undefined {
    return this.#front.preface(server)
  }

  /** Nobody waits for the response any more, so it will not be whole. */
  drop(): void {
    this.#begun = undefined
    this.#pieces = []
    this.#filling.drop()
  }

  #begin(head: ResponseHeadReader, framing: BodyFraming): Begun | undefined {
    const isWholeKnown = framing === 'length' || framing === 'chunked'
    if (head.status !== 200 || this.#isOfUser || !isWholeKnown) return undefined
    const response = readStorable(textOf(head.statusLineEnd, head.end - 2))
    if (response === undefined || (this.#filling.isBound && !response.isPublic)) return undefined
    const lines = keptLines(head).filter((line) => !NOT_KEPT.test(line))
    const length = framing === 'length' ? head.contentLength : -1
    const isFramed = framing === 'chunked' && this.wantsChunked
    return { response, lines, length, isFramed }
  }

  #refuse(): void {
    this.#begun = undefined
    this.#pieces = []
    this.#filling.refuse()
  }

  #store(): void {
    const begun = this.#begun
    if (begun === undefined) return
    const octets = Buffer.concat(this.#pieces)
    const body = begun.isFramed ? dataOf(octets) : octets
    if (body === undefined || (begun.length >= 0 && body.length !== begun.length)) this.#refuse()
    else this.#filling.store(begun.response, begun.lines, body)
    this.#begun = undefined
    this.#pieces = []
  }
}

/** Of a chunked body; undefined when there is a trailer, or no end. */
function dataOf(octets: Buffer): Buffer | undefined {
  const reader = new ChunkedReader()
  const pieces: Buffer[] = []
  for (;;) {
    const read = reader.next(octets, octets.length)
    if (read === 'data') pieces.push(octets.subarray(reader.dataStart, reader.dataEnd))
    else if (read !== 'done' || reader.trailer.length > 0) return undefined
    else return Buffer.concat(pieces)
  }
}
