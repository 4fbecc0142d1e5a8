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

const HOP_BY_HOP = ['te', 'keep-alive', 'http2-settings', 'proxy-connection'].map(octetsOf)
const NAME_CONNECTION = octetsOf('connection')
const NAME_CONTENT_LENGTH = octetsOf('content-length')
const NAME_TRANSFER_ENCODING = octetsOf('transfer-encoding')
const NAME_UPGRADE = octetsOf('upgrade')
const NAME_LOAD = octetsOf('endpoint-load-metrics')
const NAME_LOAD_BIN = octetsOf('endpoint-load-metrics-bin')
const VALUE_CHUNKED = octetsOf('chunked')
const VALUE_CLOSE = octetsOf('close')
const VALUE_KEEP_ALIVE = octetsOf('keep-alive')
/** `SessionKey-Error` and `-Rotate`: of 16 and 17 octets. */
const PREFIX_SESSION_KEY = octetsOf('sessionkey-')
const VALUE_UPGRADE = octetsOf('upgrade')
const HTTP_1 = octetsOf('HTTP/1.')

/** Names that Connection may not take away: doing so would change what the response means. */
const NOT_TAKEN_AWAY = [
  ...['content-length', 'transfer-encoding', 'content-encoding', 'content-range', 'content-type'],
  ...['cache-control', 'set-cookie'],
]

/** Fields of one hop that say nothing here, each of a length of its own. */
const HOP_BY_HOP_OF_LENGTH: readonly (Uint8Array | undefined)[] = Array.from(
  { length: 17 },
  (_, n) => HOP_BY_HOP.find((name) => name.length === n),
)
/** Lengths, below 16, of names that mean something here. */
const KNOWN_LENGTHS = Uint8Array.from({ length: 16 }, (_, n) =>
  [2, 7, 10, 14].includes(n) ? 1 : 0,
)

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
  #isUnderSession = false
  /** Connection-level field lines, and what is read as said below, to leave out: `cuts[2k]..cuts[2k+1]`, ascending. */
  readonly cuts = new Int32Array(CUTS_MAX * 2)
  cutCount = 0
  #closes = false
  /** Names of field lines to leave out that only a second look finds. */
  readonly #named: Uint8Array[] = []

  /**
   * Reads one head from `bytes[from..to)`; `bytes[to]`, if there is one, is overwritten with 0.
   * Never throws.
   *
   * @param readsLoad whether load reports (`orca-load.ts`) are looked for, and cut out
   * @param userField name in lower case of the field that says who the user is: looked for, and cut out
   * @param isUnderSession whether what an edge says of session keys (LSK/1) is cut out: it would be a server's word for ours
   */
  read(
    bytes: Uint8Array,
    from: number,
    to: number,
    headBytes: number,
    readsLoad = false,
    userField?: Uint8Array,
    isUnderSession = false,
  ): ResponseRead {
    if (to < bytes.length) bytes[to] = 0
    this.start = from
    this.contentLength = -1
    this.chunked = false
    this.cutCount = 0
    this.transferEncodingStart = 0
    this.transferEncodingEnd = 0
    this.#closes = false
    if (this.#named.length > 0) this.#named.length = 0
    this.upgradeStart = 0
    this.upgradeEnd = 0
    this.loadStart = 0
    this.loadEnd = 0
    this.#loads = 0
    this.#readsLoad = readsLoad
    this.userStart = 0
    this.userEnd = 0
    this.#users = 0
    this.#userField = userField
    this.#isUnderSession = isUnderSession
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
    // RFC 9110 section 15.2.2: it says to what.
    if (this.status === 101 && this.upgradeEnd === this.upgradeStart) return 'bad-field'
    // RFC 9110 section 8.6, RFC 9112 section 6.1: interim responses have no content to frame.
    if (this.status < 200 && (this.chunked || this.contentLength > 0)) return 'bad-framing'
    if (this.end - from > headBytes) return 'head-too-large'
    if (this.status < 200 || this.status === 204) this.#unframe()
    return this.#named.length > 0 ? this.#cutNamed(bytes) : 'complete'
  }

  /** Without content: it may not say how it is framed (RFC 9110 section 8.6, RFC 9112 section 6.1). */
  #unframe(): void {
    if (this.contentLength >= 0) this.#named.push(NAME_CONTENT_LENGTH)
    if (!this.chunked) return
    this.#named.push(NAME_TRANSFER_ENCODING)
    this.transferEncodingStart = 0
    this.transferEncodingEnd = 0
  }

  /** Cuts the named fields, wherever they stand. Rare, so it may walk again. */
  #cutNamed(bytes: Uint8Array): ResponseRead {
    let cut = 0
    for (let line = this.statusLineEnd; line < this.end - 2; ) {
      const next = bytes.indexOf(LF, line) + 1
      if (cut < this.cutCount && this.cuts[2 * cut] === line) cut++
      else if (this.#isNamed(bytes, line)) {
        if (this.cutCount === CUTS_MAX) return 'bad-field'
        this.cuts.copyWithin(2 * cut + 2, 2 * cut, 2 * this.cutCount)
        this.cuts[2 * cut] = line
        this.cuts[2 * cut + 1] = next
        this.cutCount++
        cut++
      }
      line = next
    }
    return 'complete'
  }

  #isNamed(bytes: Uint8Array, line: number): boolean {
    return this.#named.some(
      (name) => bytes[line + name.length] === COLON && startsWithIgnoringCase(bytes, line, name),
    )
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
    if (!isUser && nameLength < 16 && KNOWN_LENGTHS[nameLength] === 0) return 'complete'
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
    const hop = HOP_BY_HOP_OF_LENGTH[nameLength]
    if (hop !== undefined && startsWithIgnoringCase(bytes, name, hop)) return this.#cut(name)
    if (nameLength === 10 && startsWithIgnoringCase(bytes, name, NAME_CONNECTION)) {
      this.#connection(bytes, value, valueEnd)
      return this.#named.length > CUTS_MAX ? 'bad-field' : this.#cut(name)
    }
    if (nameLength === 14 && startsWithIgnoringCase(bytes, name, NAME_CONTENT_LENGTH)) {
      return this.#contentLength(bytes, value, valueEnd)
    }
    if (nameLength === 17 && startsWithIgnoringCase(bytes, name, NAME_TRANSFER_ENCODING)) {
      if (this.chunked || !isText(bytes, value, valueEnd, VALUE_CHUNKED)) return 'bad-framing'
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
    if (this.#isUnderSession && startsWithIgnoringCase(bytes, name, PREFIX_SESSION_KEY)) {
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
    let from = value
    while (from < valueEnd) {
      while (from < valueEnd && TOKEN[bytes[from] as number] !== 1) from++
      let to = from
      while (to < valueEnd && TOKEN[bytes[to] as number] === 1) to++
      if (to > from) this.#option(bytes, from, to)
      from = to
    }
  }

  /** What names no field, or one that is cut anyway, costs nothing. */
  #option(bytes: Uint8Array, from: number, to: number): void {
    if (isText(bytes, from, to, VALUE_CLOSE)) {
      this.#closes = true
      this.keepAlive = false
    } else if (isText(bytes, from, to, VALUE_KEEP_ALIVE)) this.keepAlive = !this.#closes
    else if (!isText(bytes, from, to, VALUE_UPGRADE) && this.#named.length <= CUTS_MAX) {
      let option = ''
      for (let i = from; i < to; i++) option += String.fromCharCode(bytes[i] as number)
      option = option.toLowerCase()
      if (!NOT_TAKEN_AWAY.includes(option)) this.#named.push(octetsOf(option))
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

/** Whether `bytes[from..to)` is `lower`, ignoring ASCII case. */
function isText(bytes: Uint8Array, from: number, to: number, lower: Uint8Array): boolean {
  return to - from === lower.length && startsWithIgnoringCase(bytes, from, lower)
}
