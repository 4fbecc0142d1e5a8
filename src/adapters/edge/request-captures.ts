/**
 * Requests of sessions in tier 3, copied beside their way to a server: the head without credentials, the body as far as there is room.
 * What is done waits here, in a ring that is bounded in octets, until the worker hands it on; no request waits for that. What has no
 * room is counted.
 *
 * @module
 */

import type { CapturedRequest, FlowEnd } from '../../ports/request-capture.ts'
import { fieldValue } from '../../wire/field-value.ts'
import type { ClientConnection } from './client-connection.ts'

export interface CaptureLimits {
  /** Of one request's body. */
  readonly requestBytes: number
  /** Names in lower case whose values are taken out, besides {@link ALWAYS_REDACTED}. */
  readonly redact: readonly string[]
}

/** A request as it begins. */
export interface CaptureSubject {
  readonly session: string
  readonly client: FlowEnd
  readonly server: FlowEnd
  readonly openedAt: number
  readonly nth: number
  readonly protocol: CapturedRequest['protocol']
  /** The head as its server gets it: request line and field lines with CR LF; one octet per character. */
  readonly head: string
}

/** What stands in the place of a value. */
export const REDACTED = '[redacted]'
/** Limen's own proofs, good for a while to whoever has them: also where `redact` says nothing. */
const ALWAYS_REDACTED = ['sessionkey', 'signature', 'signature-input', 'limen-assertion']
/** Our cookies are in Cookie: its value goes as a whole or, with `redact` without it, in these parts. */
const OWN_COOKIES = /__Host-limen(?:-[a-z-]+)?[ \t]*=[^;]*/g
/** Of all that is going on or waits, per worker. */
const HELD_BYTES_MAX = 16 * 2 ** 20
/** Besides its body: a head is 64 KiB at most, and mostly one. */
const HEAD_BYTES = 1024

type Begun = Omit<CapturedRequest, 'body' | 'bodyBytes' | 'isWhole' | 'status'>

/** Of one worker. */
export class RequestCaptures {
  limits: CaptureLimits
  readonly #wallClock: () => number
  /** Octets of all that is going on or waits. */
  #held = 0
  #done: { readonly request: CapturedRequest; readonly held: number }[] = []
  #dropped = 0

  constructor(limits: CaptureLimits, wallClock: () => number) {
    this.limits = limits
    this.#wallClock = wallClock
  }

  /** undefined: there is no room, and it is counted. */
  begin({ head, ...subject }: CaptureSubject): RequestCapture | undefined {
    const size = HEAD_BYTES + head.length
    if (this.#reserve(size) < size) {
      this.#dropped++
      return undefined
    }
    const [line = '', ...lines] = head.split('\r\n').filter((each) => each !== '')
    const [method = '', target = ''] = line.split(' ', 2)
    const all = lines.map(fieldOf)
    const host = all.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? ''
    const fields = all.map(([name, value]) => [name, this.#shown(name, value)] as const)
    const begun: Begun = { ...subject, at: this.#wallClock(), method, target, host, fields }
    return new RequestCapture(begun, this.limits.requestBytes, {
      reserve: (bytes) => this.#reserve(bytes),
      done: (request) => this.#done.push({ request, held: size + request.body.length }),
    })
  }

  /** What is done since it was asked last, and how many had no room. */
  take(): { readonly requests: readonly CapturedRequest[]; readonly dropped: number } {
    const taken = { requests: this.#done.map(({ request }) => request), dropped: this.#dropped }
    for (const { held } of this.#done) this.#held -= held
    this.#done = []
    this.#dropped = 0
    return taken
  }

  /** @returns as many of these octets as there is room for */
  #reserve(bytes: number): number {
    const given = bytes <= HELD_BYTES_MAX - this.#held ? bytes : 0
    this.#held += given
    return given
  }

  #shown(name: string, value: string): string {
    const lower = name.toLowerCase()
    if (ALWAYS_REDACTED.includes(lower) || this.limits.redact.includes(lower)) return REDACTED
    return lower === 'cookie' ? value.replace(OWN_COOKIES, REDACTED) : value
  }
}

interface CaptureHost {
  /** All of these octets, or none. */
  reserve(bytes: number): number
  done(request: CapturedRequest): void
}

/** One request, from its head to its answer or its end, whichever is last. */
export class RequestCapture {
  readonly #begun: Begun
  readonly #host: CaptureHost
  #left: number
  #pieces: Buffer[] = []
  #bodyBytes = 0
  #isWhole = false
  #status = 0
  #isDone = false

  constructor(begun: Begun, bytesMax: number, host: CaptureHost) {
    this.#begun = begun
    this.#left = bytesMax
    this.#host = host
  }

  /** More of its body, copied as far as there is room. */
  take(octets: Uint8Array): void {
    this.#bodyBytes += octets.length
    const kept = this.#isDone ? 0 : this.#host.reserve(Math.min(this.#left, octets.length))
    // What comes after a gap would be read as following it.
    this.#left = kept < octets.length ? 0 : this.#left - kept
    if (kept > 0) this.#pieces.push(Buffer.from(octets.subarray(0, kept)))
  }

  /** All of it has come. */
  whole(): void {
    this.#isWhole = true
    if (this.#status !== 0) this.over()
  }

  answered(status: number): void {
    this.#status = status
    if (this.#isWhole) this.over()
  }

  /** Nothing more comes of it. Again: nothing happens. */
  over(): void {
    if (this.#isDone) return
    this.#isDone = true
    const [bodyBytes, isWhole, status] = [this.#bodyBytes, this.#isWhole, this.#status]
    const body = Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#host.done({ ...this.#begun, body, bodyBytes, isWhole, status })
  }
}

/** A request of that session, over that connection. undefined: nothing is captured, or there is no room. */
export function captureOver(
  client: ClientConnection,
  captures: RequestCaptures | undefined,
  about: Pick<CaptureSubject, 'session' | 'protocol' | 'head' | 'nth'>,
): RequestCapture | undefined {
  const { remoteAddress, remotePort, accepted, localPort, openedAt } = client
  return captures?.begin({
    ...{ ...about, openedAt, client: { address: remoteAddress, port: remotePort } },
    server: { address: accepted.localAddress, port: localPort },
  })
}

function fieldOf(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), fieldValue(line, colon + 1)]
}
