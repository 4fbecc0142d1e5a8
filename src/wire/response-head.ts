/**
 * The head of an HTTP/1.x response: status line and fields, RFC 9112 sections 4 to 6. As strict as
 * `request-head.ts`: an upstream that cannot be read one way only is a bad gateway's fault (502).
 *
 * Read in place and described by offsets.
 *
 * @module
 */
import {
  COLON,
  CR,
  FIELD_VALUE,
  HTAB,
  LF,
  octetsOf,
  SP,
  startsWithIgnoringCase,
  TOKEN,
} from './http-octets.ts'

/** What {@link ResponseHeadReader.read} says. */
export type ResponseRead =
  | 'complete'
  | 'incomplete'
  | 'bad-status-line'
  | 'bad-field'
  | 'bad-framing'
  | 'head-too-large'

const NAME_CONNECTION = octetsOf('connection')
const NAME_KEEP_ALIVE = octetsOf('keep-alive')
const NAME_PROXY_CONNECTION = octetsOf('proxy-connection')
const NAME_CONTENT_LENGTH = octetsOf('content-length')
const NAME_TRANSFER_ENCODING = octetsOf('transfer-encoding')
const NAME_UPGRADE = octetsOf('upgrade')
const NAME_LOAD = octetsOf('endpoint-load-metrics')
const NAME_LOAD_BIN = octetsOf('endpoint-load-metrics-bin')
const VALUE_CHUNKED = octetsOf('chunked')
const VALUE_CLOSE = octetsOf('close')
const VALUE_KEEP_ALIVE = octetsOf('keep-alive')
const HTTP_1 = octetsOf('HTTP/1.')

const CUTS_MAX = 16
const LENGTH_DIGITS_MAX = 15

/** Reads response heads, one at a time; the fields describe the last complete one. */
export class ResponseHeadReader {
  start = 0
  /** One past the status line's CR LF. */
  statusLineEnd = 0
  end = 0
  status = 0
  minorVersion = 1
  /** -1 when absent. */
  contentLength = -1
  chunked = false
  keepAlive = true
  /** Where the Transfer-Encoding line lies; `transferEncodingStart` is 0 when there is none. */
  transferEncodingStart = 0
  transferEncodingEnd = 0
  upgradeStart = 0
  upgradeEnd = 0
  /** Where the value of the load report lies; 0 when there is none, none was looked for, or more than one came. */
  loadStart = 0
  loadEnd = 0
  /** It is that of `endpoint-load-metrics-bin`. */
  isLoadBinary = false
  #readsLoad = false
  #loads = 0
  /** Where the value of the field that says who the user is lies; 0 when there is none, or more than one came. */
  userStart = 0
  userEnd = 0
  #userField: Uint8Array | undefined
  #users = 0
  /** Connection-level field lines, and what is read as said below, to leave out: `cuts[2k]..cuts[2k+1]`, ascending. */
  readonly cuts = new Int32Array(CUTS_MAX * 2)
  cutCount = 0

  /**
   * Reads one head from `bytes[from..to)`; `bytes[to]`, if there is one, is overwritten with 0.
   * Never throws.
   *
   * @param readsLoad whether load reports (`orca-load.ts`) are looked for, and cut out
   * @param userField name in lower case of the field that says who the user is: looked for, and cut out
   */
  read(
    bytes: Uint8Array,
    from: number,
    to: number,
    headBytes: number,
    readsLoad = false,
    userField?: Uint8Array,
  ): ResponseRead {
    if (to < bytes.length) bytes[to] = 0
    this.start = from
    this.contentLength = -1
    this.chunked = false
    this.cutCount = 0
    this.transferEncodingStart = 0
    this.upgradeStart = 0
    this.loadStart = 0
    this.#loads = 0
    this.#readsLoad = readsLoad
    this.userStart = 0
    this.#users = 0
    this.#userField = userField
    const line = this.#statusLine(bytes, from, to)
    if (line !== 'complete') return this.#unfinished(line, from, to, headBytes)
    let at = this.end
    while (bytes[at] !== CR || at >= to) {
      if (at >= to) return this.#unfinished('incomplete', from, to, headBytes)
      const field = this.#field(bytes, at, to)
      if (field !== 'complete') return this.#unfinished(field, from, to, headBytes)
      at = this.end
    }
    if (at + 1 >= to) return this.#unfinished('incomplete', from, to, headBytes)
    if (bytes[at + 1] !== LF) return 'bad-field'
    this.end = at + 2
    if (this.chunked && (this.contentLength >= 0 || this.minorVersion === 0)) return 'bad-framing'
    // RFC 9110 section 8.6, RFC 9112 section 6.1: interim responses have no content to frame.
    if (this.status < 200 && (this.chunked || this.contentLength > 0)) return 'bad-framing'
    return this.end - from > headBytes ? 'head-too-large' : 'complete'
  }

  #unfinished(read: ResponseRead, from: number, to: number, headBytes: number): ResponseRead {
    return read === 'incomplete' && to - from > headBytes ? 'head-too-large' : read
  }

  #statusLine(bytes: Uint8Array, from: number, to: number): ResponseRead {
    if (to - from < 13) return 'incomplete'
    for (let i = 0; i < HTTP_1.length; i++) {
      if (bytes[from + i] !== HTTP_1[i]) return 'bad-status-line'
    }
    const minor = (bytes[from + 7] as number) - 48
    if ((minor !== 0 && minor !== 1) || bytes[from + 8] !== SP) return 'bad-status-line'
    let status = 0
    for (let i = from + 9; i < from + 12; i++) {
      const digit = (bytes[i] as number) - 48
      if (digit < 0 || digit > 9) return 'bad-status-line'
      status = status * 10 + digit
    }
    if (status < 100 || status > 599) return 'bad-status-line'
    let at = from + 12
    if (bytes[at] !== SP && bytes[at] !== CR) return 'bad-status-line'
    while (FIELD_VALUE[bytes[at] as number] === 1) at++
    if (at + 1 >= to) return at >= to || bytes[at] === CR ? 'incomplete' : 'bad-status-line'
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return 'bad-status-line'
    this.minorVersion = minor
    this.keepAlive = minor === 1
    this.status = status
    this.statusLineEnd = at + 2
    this.end = at + 2
    return 'complete'
  }

  #field(bytes: Uint8Array, from: number, to: number): ResponseRead {
    let at = from
    while (TOKEN[bytes[at] as number] === 1) at++
    if (at >= to) return 'incomplete'
    if (bytes[at] !== COLON || at === from) return 'bad-field'
    const nameLength = at - from
    at++
    while (bytes[at] === SP || bytes[at] === HTAB) at++
    const value = at
    while (FIELD_VALUE[bytes[at] as number] === 1) at++
    if (at + 1 >= to) return at >= to || bytes[at] === CR ? 'incomplete' : 'bad-field'
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return 'bad-field'
    this.end = at + 2
    const isUser = nameLength === this.#userField?.length && this.#isUser(bytes, from)
    if (!isUser && nameLength !== 7 && nameLength !== 10 && nameLength !== 14 && nameLength < 16) {
      return 'complete'
    }
    let valueEnd = at
    while (valueEnd > value && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) {
      valueEnd--
    }
    if (isUser) return this.#user(from, value, valueEnd)
    return this.#known(bytes, from, nameLength, value, valueEnd)
  }

  #isUser(bytes: Uint8Array, name: number): boolean {
    return this.#userField !== undefined && startsWithIgnoringCase(bytes, name, this.#userField)
  }

  #user(name: number, value: number, valueEnd: number): ResponseRead {
    this.userStart = this.#users === 0 ? value : 0
    this.userEnd = valueEnd
    this.#users++
    return this.#cut(name)
  }

  #known(
    bytes: Uint8Array,
    name: number,
    nameLength: number,
    value: number,
    valueEnd: number,
  ): ResponseRead {
    if (nameLength === 10) {
      if (startsWithIgnoringCase(bytes, name, NAME_CONNECTION)) {
        this.#connection(bytes, value, valueEnd)
        return this.#cut(name)
      }
      return startsWithIgnoringCase(bytes, name, NAME_KEEP_ALIVE) ? this.#cut(name) : 'complete'
    }
    if (nameLength === 14 && startsWithIgnoringCase(bytes, name, NAME_CONTENT_LENGTH)) {
      return this.#contentLength(bytes, value, valueEnd)
    }
    if (nameLength === 17 && startsWithIgnoringCase(bytes, name, NAME_TRANSFER_ENCODING)) {
      const isChunked =
        valueEnd - value === VALUE_CHUNKED.length &&
        startsWithIgnoringCase(bytes, value, VALUE_CHUNKED)
      if (this.chunked || !isChunked) return 'bad-framing'
      this.chunked = true
      this.transferEncodingStart = name
      this.transferEncodingEnd = this.end
      return 'complete'
    }
    if (nameLength === 7 && startsWithIgnoringCase(bytes, name, NAME_UPGRADE)) {
      this.upgradeStart = value
      this.upgradeEnd = valueEnd
      return this.#cut(name)
    }
    if (nameLength === 16 && startsWithIgnoringCase(bytes, name, NAME_PROXY_CONNECTION)) {
      return this.#cut(name)
    }
    return this.#readsLoad ? this.#load(bytes, name, nameLength, value, valueEnd) : 'complete'
  }

  #load(
    bytes: Uint8Array,
    name: number,
    nameLength: number,
    value: number,
    valueEnd: number,
  ): ResponseRead {
    const isBinary = nameLength === NAME_LOAD_BIN.length
    if (!isBinary && nameLength !== NAME_LOAD.length) return 'complete'
    if (!startsWithIgnoringCase(bytes, name, isBinary ? NAME_LOAD_BIN : NAME_LOAD))
      return 'complete'
    this.isLoadBinary = isBinary
    this.loadStart = this.#loads === 0 ? value : 0
    this.loadEnd = valueEnd
    this.#loads++
    return this.#cut(name)
  }

  #contentLength(bytes: Uint8Array, value: number, valueEnd: number): ResponseRead {
    const digits = valueEnd - value
    if (this.contentLength >= 0 || digits === 0 || digits > LENGTH_DIGITS_MAX) return 'bad-framing'
    let length = 0
    for (let i = value; i < valueEnd; i++) {
      const digit = (bytes[i] as number) - 48
      if (digit < 0 || digit > 9) return 'bad-framing'
      length = length * 10 + digit
    }
    this.contentLength = length
    return 'complete'
  }

  #connection(bytes: Uint8Array, value: number, valueEnd: number): void {
    for (let at = value; at < valueEnd; at++) {
      if (at > value && TOKEN[bytes[at - 1] as number] === 1) continue
      if (startsWithIgnoringCase(bytes, at, VALUE_CLOSE)) this.keepAlive = false
      else if (this.minorVersion === 0 && startsWithIgnoringCase(bytes, at, VALUE_KEEP_ALIVE)) {
        this.keepAlive = true
      }
    }
  }

  #cut(from: number): ResponseRead {
    if (this.cutCount === CUTS_MAX) return 'bad-field'
    this.cuts[this.cutCount * 2] = from
    this.cuts[this.cutCount * 2 + 1] = this.end
    this.cutCount++
    return 'complete'
  }
}
