/**
 * HTTP/1.1 as the operations API speaks it (RFC 9112): one request after the other on a connection, heads read as strictly as at the edge
 * (`wire/request-head.ts`), bodies whole. Node's own parser is not used because it does not know LIST, which Vault's clients send.
 *
 * @module
 */
import type { Duplex } from 'node:stream'
import { ChunkedReader } from '../../wire/chunked-body.ts'
import {
  REQUEST_REFUSALS,
  RequestHeadReader,
  type RequestRefusal,
} from '../../wire/request-head.ts'
import { GrowingOctets } from './growing-octets.ts'

export interface RequestHead {
  readonly method: string
  /** Path and query as they came. */
  readonly target: string
  /** '' when it is not there; undefined when it is there more than once. */
  field(name: string): string | undefined
}

export interface HttpAnswer {
  readonly status: number
  /** JSON; undefined: none. */
  readonly body: string | undefined
}

export interface HttpHandler {
  /** From the head alone: an answer, or how many octets of body are read. */
  admit(head: RequestHead): HttpAnswer | { readonly bodyBytesMax: number }
  /** `body` is zeroed after it. Never rejects. */
  handle(head: RequestHead, body: Uint8Array): Promise<HttpAnswer>
  /** Of a request that cannot be read. */
  refuse(status: number, text: string): HttpAnswer
}

const LIMITS = { headBytes: 16_384, headersMax: 64, urlBytes: 2_048 }
/** From its first octet to its last; of a head, and of a body. Of the first head from the beginning of the connection. */
const REQUEST_MS = 10_000
/** Between requests: longer than clients keep an idle connection, most of them 5 to 60 s. */
const KEEP_MS = 65_000
/** Of an answer, for a client that does not read. */
const SEND_MS = 30_000
/** How long a client whose body is not read may take to read the answer and close: closing at once would lose it. */
const LINGER_MS = 2_000
/** Of the body of a request that is refused by its head: read and dropped, so that the connection goes on. */
const DROPPED_BYTES_MAX = 65_536
/**
 * Octets of sizes, extensions and trailers: so many, and one for each octet of data. Who sends a few octets a chunk is read; who sends
 * one at a time, six times what it is, is refused (RFC 9112, section 7.1, leaves it to the recipient).
 */
const CHUNK_FRAMING_BYTES = 16_384

/**
 * Until the connection ends. Never rejects.
 *
 * @param socket one that may be half open: some clients say early that they will send nothing more
 * @param requestMs {@link REQUEST_MS} for all but tests
 */
export async function serveHttp(
  socket: Duplex,
  handler: HttpHandler,
  requestMs = REQUEST_MS,
): Promise<void> {
  const input = new Input(socket, requestMs)
  try {
    while (await serveOne(socket, input, handler));
    await input.linger()
  } catch {
    // It was closed, or went too slowly.
  } finally {
    input.stop()
    socket.destroy()
  }
}

/** @returns whether the connection goes on */
async function serveOne(socket: Duplex, input: Input, handler: HttpHandler): Promise<boolean> {
  const read = await input.head()
  if (read === undefined) return false
  if (typeof read === 'string') {
    const { status, text } = REQUEST_REFUSALS[read]
    await send(socket, handler.refuse(status, text), { isHead: false, keepAlive: false })
    return false
  }
  const { framing, ...head } = read
  const isHead = head.method === 'HEAD'
  const hasBody = framing.chunked || framing.length > 0
  const admitted = handler.admit(head)
  if ('status' in admitted) {
    const isDropped = !framing.chunked && framing.length <= DROPPED_BYTES_MAX
    if (isDropped) await input.body(framing.length)
    const keepAlive = framing.keepAlive && isDropped
    await send(socket, admitted, { isHead, keepAlive })
    return keepAlive
  }
  if (framing.length > admitted.bodyBytesMax) return await tooLarge(socket, handler)
  if (framing.expectsContinue && hasBody) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
  const body = framing.chunked
    ? await input.chunkedBody(admitted.bodyBytesMax)
    : await input.body(framing.length)
  if (body === 'too-large') return await tooLarge(socket, handler)
  if (body === 'bad-chunks') return await badChunks(socket, handler)
  const answer = await handler.handle(head, body)
  body.fill(0)
  await send(socket, answer, { isHead, keepAlive: framing.keepAlive })
  return framing.keepAlive
}

async function tooLarge(socket: Duplex, handler: HttpHandler): Promise<false> {
  const answer = handler.refuse(413, 'the body is too large')
  await send(socket, answer, { isHead: false, keepAlive: false })
  return false
}

async function badChunks(socket: Duplex, handler: HttpHandler): Promise<false> {
  const answer = handler.refuse(400, 'the body is not in chunks, or in too many')
  await send(socket, answer, { isHead: false, keepAlive: false })
  return false
}

const REASONS: Readonly<Record<number, string>> = {
  ...{ 200: 'OK', 204: 'No Content', 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found' },
  ...{ 405: 'Method Not Allowed', 409: 'Conflict', 413: 'Content Too Large' },
  ...{ 429: 'Too Many Requests', 500: 'Internal Server Error', 503: 'Service Unavailable' },
}

async function send(
  socket: Duplex,
  { status, body }: HttpAnswer,
  { isHead, keepAlive }: { readonly isHead: boolean; readonly keepAlive: boolean },
): Promise<void> {
  const octets = Buffer.from(body ?? '')
  const fields = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? ''}`,
    ...(body === undefined ? [] : ['Content-Type: application/json']),
    ...(status === 204 ? [] : [`Content-Length: ${octets.length}`]),
    'Cache-Control: no-store',
    ...(keepAlive ? [] : ['Connection: close']),
  ]
  const head = Buffer.from(`${fields.join('\r\n')}\r\n\r\n`)
  const whole = isHead || octets.length === 0 ? head : Buffer.concat([head, octets])
  octets.fill(0)
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error('The client does not read'))
    }, SEND_MS)
    socket.write(whole, (error) => {
      clearTimeout(timer)
      if (whole !== head) whole.fill(0)
      if (error) reject(error)
      else resolve()
    })
  })
}

interface Framing {
  /** 0: none. */
  readonly length: number
  readonly chunked: boolean
  readonly keepAlive: boolean
  readonly expectsContinue: boolean
}

/** What has come and is not used yet. */
class Input {
  readonly #socket: Duplex
  readonly #requestMs: number
  readonly #pieces: AsyncIterator<Buffer>
  readonly #reader = new RequestHeadReader()
  #held: Buffer<ArrayBuffer> = Buffer.alloc(0)
  #timer: NodeJS.Timeout | undefined
  #isUsed = false

  constructor(socket: Duplex, requestMs: number) {
    this.#socket = socket
    this.#requestMs = requestMs
    this.#pieces = (socket as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  }

  /** undefined: there is no further one. @throws when the connection fails */
  async head(): Promise<
    (RequestHead & { readonly framing: Framing }) | RequestRefusal | undefined
  > {
    const isWaiting = this.#isUsed && this.#held.length === 0
    this.#within(isWaiting ? KEEP_MS : this.#requestMs)
    this.#isUsed = true
    let hasBegun = this.#held.length > 0
    for (;;) {
      // The reader writes a sentinel behind what it reads.
      const bytes = Buffer.concat([this.#held, Buffer.alloc(1)])
      const read = this.#reader.read(bytes, 0, this.#held.length, LIMITS)
      if (read === 'complete') return this.#headIn(bytes)
      if (read !== 'incomplete') return read
      if (!(await this.#more())) return undefined
      if (!hasBegun) this.#within(this.#requestMs)
      hasBegun = true
    }
  }

  /** @throws when the connection fails or ends */
  async body(length: number): Promise<Uint8Array> {
    this.#within(this.#requestMs)
    // No Buffer, of which a slice is no copy.
    const body = new Uint8Array(length)
    for (let at = 0; ; ) {
      const taken = this.#held.subarray(0, length - at)
      body.set(taken, at)
      at += taken.length
      this.#drop(taken.length)
      if (at === length) {
        clearTimeout(this.#timer)
        return body
      }
      if (!(await this.#more())) throw new Error('A body has ended early')
    }
  }

  /** @throws when the connection fails or ends */
  async chunkedBody(bytesMax: number): Promise<Uint8Array | 'too-large' | 'bad-chunks'> {
    this.#within(this.#requestMs)
    const reader = new ChunkedReader()
    const body = new GrowingOctets(bytesMax)
    let bytesBefore = 0
    try {
      for (;;) {
        reader.start(0)
        const read = this.#takeChunks(reader, body, bytesBefore)
        if (read === 'done') {
          this.#drop(reader.at)
          clearTimeout(this.#timer)
          return body.take()
        }
        if (read !== 'more') return read
        bytesBefore += this.#held.length
        this.#drop(this.#held.length)
        if (!(await this.#more())) throw new Error('A body has ended early')
      }
    } finally {
      body.wipe()
    }
  }

  #takeChunks(
    reader: ChunkedReader,
    body: GrowingOctets,
    bytesBefore: number,
  ): 'more' | 'done' | 'too-large' | 'bad-chunks' {
    for (;;) {
      const read = reader.next(this.#held, this.#held.length)
      const framingBytes = bytesBefore + reader.at - reader.dataBytes
      if (framingBytes > CHUNK_FRAMING_BYTES + reader.dataBytes) return 'bad-chunks'
      if (read === 'more' || read === 'done') return read
      if (read !== 'data') return 'bad-chunks'
      if (!body.add(this.#held.subarray(reader.dataStart, reader.dataEnd))) return 'too-large'
    }
  }

  /** Says that nothing more is sent, and drops what still comes, for a while. */
  async linger(): Promise<void> {
    this.#within(LINGER_MS)
    await new Promise<void>((resolve) => this.#socket.end(resolve))
    while (await this.#more()) this.#drop(this.#held.length)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#held.fill(0)
  }

  #headIn(bytes: Buffer): RequestHead & { readonly framing: Framing } {
    const { start, end, methodEnd, targetStart, targetEnd, chunked, keepAlive } = this.#reader
    const { contentLength, expectsContinue } = this.#reader
    clearTimeout(this.#timer)
    const text = bytes.toString('latin1', start, end)
    this.#drop(end)
    return {
      method: bytes.toString('latin1', start, methodEnd),
      target: bytes.toString('latin1', targetStart, targetEnd),
      field(name) {
        const found = [...text.matchAll(new RegExp(`\\r\\n${name}:[ \\t]*([^\\r]*)`, 'gi'))]
        return found.length > 1 ? undefined : (found[0]?.[1]?.trimEnd() ?? '')
      },
      framing: { length: Math.max(0, contentLength), chunked, keepAlive, expectsContinue },
    }
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#pieces.next()
    if (done === true) return false
    const before = this.#held
    this.#held = Buffer.concat([before, value])
    before.fill(0)
    value.fill(0)
    return true
  }

  #drop(length: number): void {
    const rest = Buffer.from(this.#held.subarray(length))
    this.#held.fill(0)
    this.#held = rest
  }

  /** For the whole of what comes next, not for each piece: who drips is cut off. */
  #within(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#socket.destroy(), ms)
  }
}
