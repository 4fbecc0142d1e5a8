/**
 * The body of a ClientHello (RFC 8446 section 4.1.2; RFC 5246 section 7.4.1.2; RFC 6101 for SSL 3.0)
 * read in place: an index walks over the bytes, nothing is copied but numbers and short strings.
 * Not here: records and packets (`client-hello.ts`), fingerprints (`behavior/handshake/ja4.ts`).
 *
 * @module
 */
import { u16 } from './big-endian.ts'
import { type ExtensionErrorCode, readExtension } from './client-hello-extensions.ts'
import { isGrease } from './grease.ts'
import type { HelloDraft, KeyShare } from './hello-draft.ts'

/** What is wrong inside a hello. `ext_*` names the extension whose body is malformed. */
export type HelloErrorCode =
  | 'decode:short'
  | 'decode:session_id_length'
  | 'decode:cipher_suites_length'
  | 'decode:compression_methods_length'
  | 'decode:extensions_length'
  | 'decode:extension_length'
  | 'duplicate_extension'
  | 'psk_not_last'
  | ExtensionErrorCode

/**
 * A ClientHello as it came. Lists keep the order of the wire and hold GREASE values too.
 *
 * **Views.** `random`, `sessionId`, `psk`, `sessionTicket` and the keys of `keyShares` are views into
 * the bytes the hello was read from: the caller's own chunk when the hello came in one, a private
 * buffer when it was reassembled. Use them before the chunk's buffer is used again, or copy them.
 * Everything else is a number, a string or an array of them and may be kept.
 */
export interface ClientHello {
  readonly legacyVersion: number
  /** Version in the header of the first record; 0 when there was none (QUIC). */
  readonly recordVersion: number
  readonly random: Uint8Array
  readonly sessionId: Uint8Array
  readonly ciphers: readonly number[]
  readonly compressions: readonly number[]
  /** Extension types. */
  readonly extensions: readonly number[]
  /** server_name (RFC 6066): the host name, bytes as Latin-1; '' when none. */
  readonly sni: string
  /** ALPN (RFC 7301): protocol names, bytes as Latin-1. */
  readonly alpn: readonly string[]
  readonly groups: readonly number[]
  readonly keyShares: readonly KeyShare[]
  readonly signatureAlgorithms: readonly number[]
  readonly signatureAlgorithmsCert: readonly number[]
  /** supported_versions; empty when the extension is absent. */
  readonly versions: readonly number[]
  readonly pskModes: readonly number[]
  /** First pre_shared_key identity. For tickets of ours its first 16 bytes name the ticket key. */
  readonly psk: Uint8Array | undefined
  /** Body of session_ticket (RFC 5077): empty asks for a ticket, otherwise it is one. */
  readonly sessionTicket: Uint8Array | undefined
  readonly earlyData: boolean
  /** encrypted_client_hello (RFC 9849). `outer` may be GREASE: the two look the same on purpose. */
  readonly ech: 'outer' | 'inner' | undefined
  readonly statusRequest: boolean
  readonly certificateAuthorities: boolean
  readonly postHandshakeAuth: boolean
  /** A GREASE value (RFC 8701) among ciphers, extensions, groups or versions. */
  readonly grease: boolean
  /** How it travelled: TLS records, chunks fed, bytes of the handshake message with its header. */
  readonly records: number
  readonly chunks: number
  readonly bytes: number
  /** When the first and the last chunk were fed (the caller's clock, ms). */
  readonly startedAt: number
  readonly completedAt: number
}

/**
 * What came of reading a body. `hello` beside an `error` holds what could be read all the same: good
 * enough to fingerprint a malformed client, never to be served.
 */
export interface MessageOutcome {
  readonly hello: HelloDraft | undefined
  readonly error: HelloErrorCode | undefined
}

/** RFC 8446 section 4.1.2: legacy_session_id is at most 32 bytes. */
const SESSION_ID_BYTES_MAX = 32
const RANDOM_BYTES = 32
const PRE_SHARED_KEY = 41
const EMPTY = new Uint8Array(0)

/**
 * Reads the body `bytes[start, end)` of a ClientHello (behind the handshake header). With `cookie` it
 * is one of DTLS, which has a cookie behind the session id (RFC 6347 section 4.2.1). Never throws.
 */
export function readClientHelloMessage(
  bytes: Uint8Array,
  start: number,
  end: number,
  layout?: { readonly cookie: boolean },
): MessageOutcome {
  if (start + 2 + RANDOM_BYTES + 1 > end) return failed('decode:short')
  const hello = draft()
  hello.legacyVersion = u16(bytes, start)
  let at = start + 2
  hello.random = bytes.subarray(at, at + RANDOM_BYTES)
  at += RANDOM_BYTES

  const sessionIdLength = bytes[at] ?? 0
  at += 1
  if (sessionIdLength > SESSION_ID_BYTES_MAX) return failed('decode:session_id_length')
  if (at + sessionIdLength + 2 > end) return failed('decode:short')
  if (sessionIdLength > 0) hello.sessionId = bytes.subarray(at, at + sessionIdLength)
  at += sessionIdLength
  if (layout?.cookie === true) at += 1 + (bytes[at] ?? 0)
  if (at + 2 > end) return failed('decode:short')

  const ciphersLength = u16(bytes, at)
  at += 2
  if ((ciphersLength & 1) === 1) return failed('decode:cipher_suites_length')
  if (at + ciphersLength + 1 > end) return failed('decode:short')
  for (const stop = at + ciphersLength; at < stop; at += 2) hello.ciphers.push(u16(bytes, at))

  const compressionsLength = bytes[at] ?? 0
  at += 1
  if (at + compressionsLength > end) return failed('decode:short')
  for (const stop = at + compressionsLength; at < stop; at++)
    hello.compressions.push(bytes[at] ?? 0)

  let error: HelloErrorCode | undefined
  if (ciphersLength === 0) error = 'decode:cipher_suites_length'
  else if (compressionsLength === 0) error = 'decode:compression_methods_length'
  // A hello may end here: SSL 3.0 and TLS 1.0 knew no extensions (RFC 5246 section 7.4.1.2).
  if (at < end) error = readExtensions(hello, bytes, at, end) ?? error
  hello.grease =
    hello.ciphers.some(isGrease) ||
    hello.extensions.some(isGrease) ||
    hello.groups.some(isGrease) ||
    hello.versions.some(isGrease)
  return { hello, error }
}

/** Marks extension types met in the hello being read: finds doubles in linear time, is left all zero. */
const seen = new Uint8Array(65536)

function readExtensions(
  hello: HelloDraft,
  bytes: Uint8Array,
  start: number,
  end: number,
): HelloErrorCode | undefined {
  if (start + 2 > end) return 'decode:extensions_length'
  let at = start + 2
  const stop = at + u16(bytes, start)
  let error: HelloErrorCode | undefined = stop === end ? undefined : 'decode:extensions_length'
  const limit = Math.min(stop, end)
  while (at < limit) {
    if (at + 4 > limit) {
      error ??= 'decode:extension_length'
      break
    }
    const type = u16(bytes, at)
    const bodyEnd = at + 4 + u16(bytes, at + 2)
    if (bodyEnd > limit) {
      error ??= 'decode:extension_length'
      break
    }
    hello.extensions.push(type)
    if (seen[type] === 1) error ??= 'duplicate_extension'
    else {
      seen[type] = 1
      const wrong = readExtension(hello, type, bytes, at + 4, bodyEnd)
      if (wrong !== undefined) error ??= wrong
    }
    at = bodyEnd
  }
  for (const type of hello.extensions) seen[type] = 0
  // RFC 8446 section 4.2.11: the binders cover all that comes before, so it must be last.
  if (hello.psk !== undefined && hello.extensions.at(-1) !== PRE_SHARED_KEY)
    error ??= 'psk_not_last'
  return error
}

function failed(error: HelloErrorCode): MessageOutcome {
  return { hello: undefined, error }
}

function draft(): HelloDraft {
  return {
    legacyVersion: 0,
    recordVersion: 0,
    random: EMPTY,
    sessionId: EMPTY,
    ciphers: [],
    compressions: [],
    extensions: [],
    sni: '',
    alpn: [],
    groups: [],
    keyShares: [],
    signatureAlgorithms: [],
    signatureAlgorithmsCert: [],
    versions: [],
    pskModes: [],
    psk: undefined,
    sessionTicket: undefined,
    earlyData: false,
    ech: undefined,
    statusRequest: false,
    certificateAuthorities: false,
    postHandshakeAuth: false,
    grease: false,
    records: 0,
    chunks: 0,
    bytes: 0,
    startedAt: 0,
    completedAt: 0,
  }
}
