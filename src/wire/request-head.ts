/**
 * The head of an HTTP/1.x request: request line and fields, RFC 9112 sections 2 to 6. Strict: what two
 * recipients could read differently is refused, not repaired.
 *
 * A head is read in place and described by offsets, so that a forwarder can send the same octets on.
 * This is not where a request is judged good (limits of size are; routing and tiers are not).
 *
 * @module
 */
import {
  COLON,
  CR,
  FIELD_VALUE,
  HOST,
  HTAB,
  LF,
  octetsOf,
  SP,
  startsWithIgnoringCase,
  TARGET,
  TOKEN,
} from './http-octets.ts'

/** Why a request head is refused, with the status that says so. */
export const REQUEST_REFUSALS = {
  'bad-request-line': { status: 400, text: 'the request line is malformed' },
  'bad-target': { status: 400, text: 'the request target is malformed' },
  'bad-version': { status: 505, text: 'only HTTP/1.0 and HTTP/1.1 are spoken here' },
  'bad-field': { status: 400, text: 'a header field is malformed' },
  'folded-field': { status: 400, text: 'a header field is folded over lines' },
  'bare-line-feed': { status: 400, text: 'a line ends without CR LF' },
  'host-missing': { status: 400, text: 'the Host field is missing' },
  'host-doubled': { status: 400, text: 'there is more than one Host field' },
  'bad-host': { status: 400, text: 'the Host field is malformed' },
  'bad-content-length': { status: 400, text: 'Content-Length is malformed or doubled' },
  'length-and-encoding': {
    status: 400,
    text: 'Content-Length and Transfer-Encoding exclude each other',
  },
  'bad-transfer-encoding': { status: 501, text: 'only the chunked transfer coding is understood' },
  'bad-expect': { status: 417, text: 'only 100-continue can be expected' },
  'method-not-served': { status: 501, text: 'this method is not served here' },
  'target-too-long': { status: 414, text: 'the request target is too long' },
  'head-too-large': { status: 431, text: 'the header section is too large' },
  'too-many-fields': { status: 431, text: 'there are too many header fields' },
} as const

export type RequestRefusal = keyof typeof REQUEST_REFUSALS

/** Limits of one head. */
export interface HeadLimits {
  readonly headBytes: number
  readonly headersMax: number
  readonly urlBytes: number
}

/** What {@link RequestHeadReader.read} says besides a refusal. */
export type HeadRead = 'complete' | 'incomplete' | RequestRefusal

/** Fields that one hop says to the next, or that only the edge may set: never forwarded as they came. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'upgrade',
  'http2-settings',
  'expect',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
].map(octetsOf)

/** HOP_BY_HOP by length of the name, so that most fields are let through by one look-up. */
const HOP_BY_HOP_OF_LENGTH: readonly (readonly Uint8Array[])[] = Array.from(
  { length: 24 },
  (_, n) => HOP_BY_HOP.filter((name) => name.length === n),
)
const NONE: readonly Uint8Array[] = []

const NAME_CONNECTION = octetsOf('connection')
const NAME_CONTENT_DIGEST = octetsOf('content-digest')
const NAME_CONTENT_LENGTH = octetsOf('content-length')
const NAME_COOKIE = octetsOf('cookie')
const NAME_EXPECT = octetsOf('expect')
const NAME_HOST = octetsOf('host')
const NAME_SESSION_KEY = octetsOf('sessionkey')
const NAME_SIGNATURE = octetsOf('signature')
const NAME_SIGNATURE_INPUT = octetsOf('signature-input')
const NAME_TRANSFER_ENCODING = octetsOf('transfer-encoding')
const NAME_UPGRADE = octetsOf('upgrade')
/** Fields with this prefix are Limen's own word to the upstream. */
const PREFIX_LIMEN = octetsOf('limen-')
const VALUE_CHUNKED = octetsOf('chunked')
const VALUE_CONTINUE = octetsOf('100-continue')
/** The name of the protocol is case-sensitive (RFC 9112 section 2.3). */
const VERSION_1 = octetsOf('HTTP/1.')
const SCHEME_HTTP = octetsOf('http://')
const SCHEME_HTTPS = octetsOf('https://')
const UNDERSCORE = 95

/** Names that Connection may not take away: doing so would change what the request means. */
const NOT_TAKEN_AWAY = ['host', 'content-length', 'transfer-encoding', 'cookie', 'authorization']

/** At most this many field lines are cut out of one head; more of them is not honest. */
const CUTS_MAX = 32
/** Content-Length of more digits than this exceeds 2^53. */
const LENGTH_DIGITS_MAX = 15
const LEADING_EMPTY_LINES_MAX = 4
/** The longest registered method (UPDATEREDIRECTREF) has 17. */
const METHOD_BYTES_MAX = 32

/** Where a field lies, the last of `count`: name and value. Of none the rest says nothing. */
export interface FieldPlace {
  count: number
  line: number
  start: number
  end: number
}

/**
 * Reads request heads, one at a time; the fields describe the last complete one.
 * Reuse one reader: it holds no bytes, only offsets into what was given.
 */
export class RequestHeadReader {
  /** First octet of the request line (leading empty lines are skipped). */
  start = 0
  /** One past the empty line that ends the head. */
  end = 0
  methodEnd = 0
  targetStart = 0
  targetEnd = 0
  /** 0 or 1: HTTP/1.0 or HTTP/1.1. */
  minorVersion = 1
  /** -1 when absent. */
  contentLength = -1
  chunked = false
  hostStart = 0
  hostEnd = 0
  /** Value of the first Cookie field; `cookieStart` is 0 when there is none. */
  cookieStart = 0
  cookieEnd = 0
  /** Cookie fields; a client sends one (RFC 6265 section 5.4). */
  cookieCount = 0
  /** Value of Upgrade; `upgradeStart` is 0 when there is none or Connection does not name it. */
  upgradeStart = 0
  upgradeEnd = 0
  /** Where the fields of a request proof lie (`session-proof.ts`), and the digest of its body. */
  readonly sessionKey: FieldPlace = { count: 0, line: 0, start: 0, end: 0 }
  readonly signature: FieldPlace = { count: 0, line: 0, start: 0, end: 0 }
  readonly signatureInput: FieldPlace = { count: 0, line: 0, start: 0, end: 0 }
  readonly contentDigest: FieldPlace = { count: 0, line: 0, start: 0, end: 0 }
  expectsContinue = false
  /** The client wants (1.1 default, 1.0 by keep-alive) to go on after this exchange. */
  keepAlive = true
  /** The target is absolute (`http://host/path`): targetStart/hostStart point inside it. */
  absolute = false
  /** Field lines to leave out when forwarding: `cuts[2k]..cuts[2k+1]`, ascending. */
  readonly cuts = new Int32Array(CUTS_MAX * 2)
  cutCount = 0

  #fields = 0
  #connectionNamesUpgrade = false
  #closes = false
  #named: string[] = []
  #hosts = 0

  /**
   * Reads one head from `bytes[from..to)`. `bytes[to]`, if there is one, is overwritten with 0: a
   * sentinel that ends every inner loop. Never throws.
   */
  read(bytes: Uint8Array, from: number, to: number, limits: HeadLimits): HeadRead {
    if (to < bytes.length) bytes[to] = 0
    this.#reset()
    let at = from
    for (let lines = 0; bytes[at] === CR && at < to; lines++) {
      if (at + 1 >= to) return 'incomplete'
      if (bytes[at + 1] !== LF || lines === LEADING_EMPTY_LINES_MAX) return 'bad-request-line'
      at += 2
    }
    this.start = at
    const line = this.#requestLine(bytes, at, to, limits)
    if (line !== 'complete') return this.#unfinished(line, at, to, limits)
    at = this.end
    while (bytes[at] !== CR || at >= to) {
      if (at >= to) return this.#unfinished('incomplete', from, to, limits)
      if (++this.#fields > limits.headersMax) return 'too-many-fields'
      const field = this.#field(bytes, at, to)
      if (field !== 'complete') return this.#unfinished(field, from, to, limits)
      at = this.end
    }
    if (at + 1 >= to) return this.#unfinished('incomplete', from, to, limits)
    if (bytes[at + 1] !== LF) return 'bad-field'
    this.end = at + 2
    if (this.end - this.start > limits.headBytes) return 'head-too-large'
    return this.#whole(bytes)
  }

  #reset(): void {
    this.contentLength = -1
    this.chunked = false
    this.hostStart = 0
    this.hostEnd = 0
    this.cookieStart = 0
    this.cookieCount = 0
    this.sessionKey.count = 0
    this.signature.count = 0
    this.signatureInput.count = 0
    this.contentDigest.count = 0
    this.upgradeStart = 0
    this.expectsContinue = false
    this.keepAlive = true
    this.absolute = false
    this.cutCount = 0
    this.#fields = 0
    this.#hosts = 0
    this.#connectionNamesUpgrade = false
    this.#closes = false
    if (this.#named.length > 0) this.#named = []
  }

  #unfinished(read: HeadRead, from: number, to: number, limits: HeadLimits): HeadRead {
    if (read !== 'incomplete' || to - from <= limits.headBytes) return read
    return 'head-too-large'
  }

  #requestLine(bytes: Uint8Array, from: number, to: number, limits: HeadLimits): HeadRead {
    let at = from
    while (TOKEN[bytes[at] as number] === 1) at++
    if (at - from > METHOD_BYTES_MAX) return 'bad-request-line'
    if (at >= to) return 'incomplete'
    if (bytes[at] !== SP || at === from) return 'bad-request-line'
    this.methodEnd = at
    this.targetStart = ++at
    while (TARGET[bytes[at] as number] === 1) at++
    if (at - this.targetStart > limits.urlBytes) return 'target-too-long'
    if (at >= to) return 'incomplete'
    this.targetEnd = at
    if (bytes[at] !== SP || at === this.targetStart) return 'bad-target'
    if (!startsWith(bytes, at + 1, VERSION_1) || at + 10 >= to) return badVersion(bytes, at + 1, to)
    const minor = (bytes[at + 8] as number) - 48
    if ((minor !== 0 && minor !== 1) || bytes[at + 9] !== CR || bytes[at + 10] !== LF) {
      return badVersion(bytes, at + 1, to)
    }
    this.minorVersion = minor
    this.keepAlive = minor === 1
    this.end = at + 11
    return this.#target(bytes)
  }

  #target(bytes: Uint8Array): HeadRead {
    const first = bytes[this.targetStart]
    const length = this.targetEnd - this.targetStart
    if (first === 47) return 'complete'
    if (first === 42 && length === 1 && this.#methodIs(bytes, OPTIONS)) return 'complete'
    const scheme = startsWithIgnoringCase(bytes, this.targetStart, SCHEME_HTTP)
      ? SCHEME_HTTP.length
      : startsWithIgnoringCase(bytes, this.targetStart, SCHEME_HTTPS)
        ? SCHEME_HTTPS.length
        : 0
    if (scheme === 0) return this.#methodIs(bytes, CONNECT) ? 'method-not-served' : 'bad-target'
    // absolute-form: its authority replaces Host (RFC 9112 section 3.2.2).
    this.absolute = true
    this.hostStart = this.targetStart + scheme
    let at = this.hostStart
    while (at < this.targetEnd && HOST[bytes[at] as number] === 1) at++
    this.hostEnd = at
    this.targetStart = at
    if (at === this.hostStart || (at < this.targetEnd && bytes[at] !== 47)) return 'bad-target'
    return 'complete'
  }

  #methodIs(bytes: Uint8Array, method: Uint8Array): boolean {
    return this.methodEnd - this.start === method.length && startsWith(bytes, this.start, method)
  }

  /** Reads one field line at `from`; leaves `end` behind it. */
  #field(bytes: Uint8Array, from: number, to: number): HeadRead {
    let at = from
    let underscores = 0
    let octet = bytes[at] as number
    while (TOKEN[octet] === 1) {
      if (octet === UNDERSCORE) underscores++
      octet = bytes[++at] as number
    }
    if (at >= to) return 'incomplete'
    if (octet !== COLON || at === from) {
      if (octet === LF) return 'bare-line-feed'
      return at === from && (octet === SP || octet === HTAB) ? 'folded-field' : 'bad-field'
    }
    const nameLength = at - from
    at++
    while (bytes[at] === SP || bytes[at] === HTAB) at++
    const value = at
    while (FIELD_VALUE[bytes[at] as number] === 1) at++
    if (at + 1 >= to) return at >= to || bytes[at] === CR ? 'incomplete' : this.#badOctet(bytes, at)
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return this.#badOctet(bytes, at)
    this.end = at + 2
    const valueEnd = trimmed(bytes, value, at)
    if (underscores > 0 && this.#aliases(bytes, from, nameLength)) return this.#cut(from)
    return this.#known(bytes, from, nameLength, value, valueEnd)
  }

  #badOctet(bytes: Uint8Array, at: number): HeadRead {
    return bytes[at] === LF ? 'bare-line-feed' : 'bad-field'
  }

  /** The few fields that matter to a forwarder; everything else passes as it is. */
  #known(
    bytes: Uint8Array,
    name: number,
    nameLength: number,
    value: number,
    valueEnd: number,
  ): HeadRead {
    switch (nameLength) {
      case 4:
        if (startsWithIgnoringCase(bytes, name, NAME_HOST))
          return this.#host(bytes, value, valueEnd, name)
        break
      case 6:
        if (startsWithIgnoringCase(bytes, name, NAME_COOKIE)) return this.#cookie(value, valueEnd)
        if (startsWithIgnoringCase(bytes, name, NAME_EXPECT)) {
          if (!valueIs(bytes, value, valueEnd, VALUE_CONTINUE)) return 'bad-expect'
          this.expectsContinue = true
        }
        break
      case 7:
        if (startsWithIgnoringCase(bytes, name, NAME_UPGRADE)) {
          this.upgradeStart = value
          this.upgradeEnd = valueEnd
        }
        break
      case 9:
      case 15:
        this.#ofProof(bytes, name, nameLength, value, valueEnd)
        break
      case 10:
        this.#ofProof(bytes, name, nameLength, value, valueEnd)
        if (startsWithIgnoringCase(bytes, name, NAME_CONNECTION)) {
          this.#connection(bytes, value, valueEnd)
          if (this.#named.length > CUTS_MAX) return 'too-many-fields'
        }
        break
      case 14:
        if (startsWithIgnoringCase(bytes, name, NAME_CONTENT_LENGTH)) {
          return this.#contentLength(bytes, value, valueEnd)
        }
        this.#ofProof(bytes, name, nameLength, value, valueEnd)
        break
      case 17:
        if (startsWithIgnoringCase(bytes, name, NAME_TRANSFER_ENCODING)) {
          if (this.chunked || !valueIs(bytes, value, valueEnd, VALUE_CHUNKED)) {
            return 'bad-transfer-encoding'
          }
          this.chunked = true
          // The forwarder frames anew: by length once the body is there, else by its own chunks.
          return this.#cut(name)
        }
        break
      default:
    }
    return this.#hop(bytes, name, nameLength)
  }

  #cookie(value: number, valueEnd: number): HeadRead {
    this.cookieCount++
    if (this.cookieStart === 0) {
      this.cookieStart = value
      this.cookieEnd = valueEnd
    }
    return 'complete'
  }

  /** Notes where a field of a proof lies, if this is one. */
  #ofProof(
    bytes: Uint8Array,
    name: number,
    nameLength: number,
    value: number,
    valueEnd: number,
  ): void {
    let wanted = NAME_SIGNATURE
    let place = this.signature
    if (nameLength === 10) {
      wanted = NAME_SESSION_KEY
      place = this.sessionKey
    } else if (nameLength === 14) {
      wanted = NAME_CONTENT_DIGEST
      place = this.contentDigest
    } else if (nameLength === 15) {
      wanted = NAME_SIGNATURE_INPUT
      place = this.signatureInput
    }
    if (!startsWithIgnoringCase(bytes, name, wanted)) return
    place.count++
    place.line = name
    place.start = value
    place.end = valueEnd
  }

  /** What is meant for this hop only, or is the edge's own to say, is cut. */
  #hop(bytes: Uint8Array, name: number, nameLength: number): HeadRead {
    const hop = HOP_BY_HOP_OF_LENGTH[nameLength] ?? NONE
    for (let i = 0; i < hop.length; i++) {
      if (startsWithIgnoringCase(bytes, name, hop[i] as Uint8Array)) return this.#cut(name)
    }
    if (nameLength > 6 && startsWithIgnoringCase(bytes, name, PREFIX_LIMEN)) return this.#cut(name)
    return 'complete'
  }

  #host(bytes: Uint8Array, value: number, valueEnd: number, name: number): HeadRead {
    if (++this.#hosts > 1) return 'host-doubled'
    for (let i = value; i < valueEnd; i++) if (HOST[bytes[i] as number] !== 1) return 'bad-host'
    if (this.absolute) return this.#cut(name)
    if (value === valueEnd) return 'bad-host'
    this.hostStart = value
    this.hostEnd = valueEnd
    return 'complete'
  }

  #contentLength(bytes: Uint8Array, value: number, valueEnd: number): HeadRead {
    const digits = valueEnd - value
    if (this.contentLength >= 0 || digits === 0 || digits > LENGTH_DIGITS_MAX) {
      return 'bad-content-length'
    }
    let length = 0
    for (let i = value; i < valueEnd; i++) {
      const digit = (bytes[i] as number) - 48
      if (digit < 0 || digit > 9) return 'bad-content-length'
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
      this.#option(bytes, from, to)
      from = to
    }
  }

  #option(bytes: Uint8Array, from: number, to: number): void {
    if (from === to) return
    let option = ''
    for (let i = from; i < to; i++) option += String.fromCharCode(bytes[i] as number)
    option = option.toLowerCase()
    if (option === 'close') {
      this.#closes = true
      this.keepAlive = false
    } else if (option === 'keep-alive') this.keepAlive = !this.#closes
    else if (option === 'upgrade') this.#connectionNamesUpgrade = true
    else if (!NOT_TAKEN_AWAY.includes(option) && this.#named.length <= CUTS_MAX) {
      this.#named.push(option)
    }
  }

  /** `X_Forwarded_For` and its like: many servers read `_` as `-`, so the alias is cut as well. */
  #aliases(bytes: Uint8Array, name: number, nameLength: number): boolean {
    // Of a Buffer, `slice` would be the head itself.
    const dashed = Uint8Array.from(bytes.subarray(name, name + nameLength))
    for (let i = 0; i < nameLength; i++) if (dashed[i] === UNDERSCORE) dashed[i] = 45
    const hop = HOP_BY_HOP_OF_LENGTH[nameLength] ?? NONE
    return (
      hop.some((known) => startsWithIgnoringCase(dashed, 0, known)) ||
      startsWithIgnoringCase(dashed, 0, PREFIX_LIMEN) ||
      (nameLength === 14 && startsWithIgnoringCase(dashed, 0, NAME_CONTENT_LENGTH)) ||
      (nameLength === 17 && startsWithIgnoringCase(dashed, 0, NAME_TRANSFER_ENCODING))
    )
  }

  /**
   * Leaves out `from..to` as well, a field line or a part of one, of a head that is complete. False when there are too
   * many cuts.
   */
  cut(from: number, to: number): boolean {
    let at = this.cutCount
    while (at > 0 && (this.cuts[2 * at - 2] as number) > from) at--
    const isWithin = at > 0 && (this.cuts[2 * at - 1] as number) >= to
    const isKnown = at < this.cutCount && this.cuts[2 * at] === from
    if (isWithin || isKnown) return true
    if (this.cutCount === CUTS_MAX) return false
    if (at < this.cutCount) this.cuts.copyWithin(2 * at + 2, 2 * at, 2 * this.cutCount)
    this.cuts[2 * at] = from
    this.cuts[2 * at + 1] = to
    this.cutCount++
    return true
  }

  #cut(from: number): HeadRead {
    if (this.cutCount === CUTS_MAX) return 'too-many-fields'
    this.cuts[this.cutCount * 2] = from
    this.cuts[this.cutCount * 2 + 1] = this.end
    this.cutCount++
    return 'complete'
  }

  /** What only the whole head can tell. */
  #whole(bytes: Uint8Array): HeadRead {
    if (this.hostStart === 0 && (this.minorVersion === 1 || this.#hosts > 0)) return 'host-missing'
    if (this.absolute && this.#hosts === 0 && this.minorVersion === 1) return 'host-missing'
    if (this.chunked) {
      if (this.contentLength >= 0) return 'length-and-encoding'
      if (this.minorVersion === 0) return 'bad-transfer-encoding'
    }
    if (this.#methodIs(bytes, TRACE) || this.#methodIs(bytes, CONNECT)) return 'method-not-served'
    if (!this.#connectionNamesUpgrade) this.upgradeStart = 0
    if (this.#named.length > 0) return this.#cutNamed(bytes)
    return 'complete'
  }

  /** Cuts the fields that Connection names (RFC 9110 section 7.6.1). Rare, so it may walk again. */
  #cutNamed(bytes: Uint8Array): HeadRead {
    const named = this.#named.map(octetsOf)
    const cuts: [number, number][] = []
    for (let k = 0; k < this.cutCount; k++) {
      cuts.push([this.cuts[2 * k] as number, this.cuts[2 * k + 1] as number])
    }
    let line = this.targetEnd
    while (bytes[line] !== LF) line++
    for (line++; bytes[line] !== CR; ) {
      let colon = line
      while (bytes[colon] !== COLON) colon++
      let next = colon
      while (bytes[next] !== LF) next++
      next++
      const length = colon - line
      const isNamed = named.some(
        (name) => name.length === length && startsWithIgnoringCase(bytes, line, name),
      )
      const from = line
      if (isNamed && !cuts.some(([start]) => start === from)) cuts.push([line, next])
      line = next
    }
    if (cuts.length > CUTS_MAX) return 'too-many-fields'
    cuts.sort(([a], [b]) => a - b)
    cuts.forEach(([start, end], k) => {
      this.cuts[2 * k] = start
      this.cuts[2 * k + 1] = end
    })
    this.cutCount = cuts.length
    return 'complete'
  }
}

const OPTIONS = octetsOf('OPTIONS')
const CONNECT = octetsOf('CONNECT')
const TRACE = octetsOf('TRACE')

/** What is wrong with a version that is not `HTTP/1.0` or `HTTP/1.1` and CR LF, or 'incomplete'. */
function badVersion(bytes: Uint8Array, from: number, to: number): HeadRead {
  for (let i = 0; from + i < to; i++) {
    const octet = bytes[from + i] as number
    if (
      i === 7 ? octet === 48 || octet === 49 : octet === (i < 7 ? VERSION_1[i] : i === 8 ? CR : LF)
    )
      continue
    if (i > 7) return octet === LF && i === 8 ? 'bare-line-feed' : 'bad-request-line'
    return i < 5 ? 'bad-request-line' : 'bad-version'
  }
  return 'incomplete'
}

/** Where a value ends without the space behind it. */
function trimmed(bytes: Uint8Array, value: number, end: number): number {
  let at = end
  while (at > value && (bytes[at - 1] === SP || bytes[at - 1] === HTAB)) at--
  return at
}

function startsWith(bytes: Uint8Array, from: number, exact: Uint8Array): boolean {
  for (let i = 0; i < exact.length; i++) if (bytes[from + i] !== exact[i]) return false
  return true
}

function valueIs(bytes: Uint8Array, from: number, to: number, lower: Uint8Array): boolean {
  return to - from === lower.length && startsWithIgnoringCase(bytes, from, lower)
}
