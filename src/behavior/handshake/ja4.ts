/**
 * JA4 (FoxIO, BSD 3-clause), the fingerprint of a TLS client by its ClientHello:
 * https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md. Only JA4 itself: its sister
 * methods (JA4S, JA4H, ...) carry another licence and are not here.
 *
 * @module
 */
import { sha256 } from '@noble/hashes/sha2.js'
import type { ClientHello } from '../../wire/client-hello-message.ts'
import { isGrease } from '../../wire/grease.ts'

/** What carried the hello: TLS over TCP, QUIC, or DTLS. */
export type Ja4Transport = 't' | 'q' | 'd'

/** The parts of a ClientHello that JA4 looks at. */
export type Ja4Input = Pick<
  ClientHello,
  'legacyVersion' | 'ciphers' | 'extensions' | 'alpn' | 'signatureAlgorithms' | 'versions'
>

export interface Ja4 {
  /** e.g. `t13d1516h2_8daaf6152771_e5627efa2ab1`. */
  readonly ja4: string
  /** JA4_r: the same with the lists in place of their hashes. */
  readonly raw: string
  /**
   * Not JA4, an extra of Limen: computed like `ja4` but without the extensions that come and go with
   * resumption ({@link RESUMPTION_EXTENSIONS}), so that all hellos of one client agree.
   */
  readonly stable: string
}

/**
 * Extensions that one client sends in some hellos only: padding (21, fills hellos of 256 to 511 bytes,
 * RFC 7685: gone as soon as a ticket makes the hello longer), pre_shared_key (41), early_data (42) and
 * cookie (44, only after a HelloRetryRequest). session_ticket (35) stays: every client of our captures
 * that knows it sends it always, empty or full.
 */
export const RESUMPTION_EXTENSIONS: readonly number[] = [21, 41, 42, 44]

/** Fingerprints kept; beyond, all are forgotten at once. A busy site meets some hundreds. */
export const JA4_CACHE_ENTRIES_MAX = 4096

interface CacheEntry {
  /** What was hashed, number by number: see {@link fillContent}. */
  readonly content: Uint16Array
  readonly value: Ja4
}

const cache = new Map<number, CacheEntry>()

/** More values than this in one hello (no honest one comes near) are fingerprinted without the cache. */
const CONTENT_MAX = 512
const content = new Uint16Array(CONTENT_MAX)

/** Computes the fingerprint. Pure: the cache changes its speed only. Never throws. */
export function ja4(hello: Ja4Input, transport: Ja4Transport): Ja4 {
  if (
    hello.ciphers.length + hello.extensions.length + hello.signatureAlgorithms.length >
    CONTENT_MAX - 8
  ) {
    return compute(hello, transport)
  }
  const length = fillContent(hello, transport)
  const key = hashOf(length)
  const known = cache.get(key)
  if (known !== undefined && sameContent(known.content, length)) return known.value
  const value = compute(hello, transport)
  if (cache.size >= JA4_CACHE_ENTRIES_MAX) cache.clear()
  cache.set(key, { content: content.slice(0, length), value })
  return value
}

/**
 * Writes all that JA4 depends on into `content`: transport, version, the ends of the first protocol
 * name, then the three lists behind their lengths, the first two sorted, GREASE left out. That is the
 * raw form as numbers, at a tenth of the price of the text.
 */
function fillContent(hello: Ja4Input, transport: Ja4Transport): number {
  const alpn = hello.alpn[0] ?? ''
  content[0] = transport.charCodeAt(0)
  content[1] = versionOf(hello)
  content[2] = alpn.length === 0 ? 0 : (alpn.charCodeAt(0) << 8) | alpn.charCodeAt(alpn.length - 1)
  // A name of two NUL bytes is not an absent one.
  content[3] = alpn.length === 0 ? 0 : 1
  let at = fillSorted(hello.ciphers, 4)
  at = fillSorted(hello.extensions, at)
  for (const value of hello.signatureAlgorithms) if (!isGrease(value)) content[at++] = value
  return at
}

function fillSorted(values: readonly number[], lengthAt: number): number {
  const from = lengthAt + 1
  let to = from
  // Sorted by insertion while copied: the lists are short and often in order already.
  for (const value of values) {
    if (isGrease(value)) continue
    let i = to++
    while (i > from && (content[i - 1] ?? 0) > value) {
      content[i] = content[i - 1] ?? 0
      i--
    }
    content[i] = value
  }
  content[lengthAt] = to - from
  return to
}

/** FNV-1a over 16-bit values. Collisions are harmless: the content is compared. */
function hashOf(length: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (content[i] ?? 0), 0x01000193)
  return hash
}

function sameContent(known: Uint16Array, length: number): boolean {
  if (known.length !== length) return false
  for (let i = 0; i < length; i++) if (known[i] !== content[i]) return false
  return true
}

function compute(hello: Ja4Input, transport: Ja4Transport): Ja4 {
  const ciphers = sortedHex(hello.ciphers)
  const extensions = sortedHex(hello.extensions)
  const algorithms = hello.signatureAlgorithms
    .filter((value) => !isGrease(value))
    .map(hex4)
    .join(',')
  const first = `${transport}${VERSION_CODES[versionOf(hello)] ?? '00'}${hello.extensions.includes(0) ? 'd' : 'i'}`
  const alpn = alpnCode(hello.alpn[0])
  const form = (kept: readonly string[]) => {
    const named = kept.filter((type) => type !== '0000' && type !== '0010').join(',')
    const a = `${first}${twoDigits(ciphers.length)}${twoDigits(kept.length)}${alpn}`
    const b = ciphers.join(',')
    const c = named !== '' && algorithms !== '' ? `${named}_${algorithms}` : named
    return { raw: `${a}_${b}_${c}`, hashed: `${a}_${sha256Hex12(b)}_${sha256Hex12(c)}` }
  }
  const full = form(extensions)
  const changing = RESUMPTION_EXTENSIONS.map(hex4)
  const stable = form(extensions.filter((type) => !changing.includes(type)))
  return { ja4: full.hashed, raw: full.raw, stable: stable.hashed }
}

const VERSION_CODES: Readonly<Record<number, string>> = {
  772: '13',
  771: '12',
  770: '11',
  769: '10',
  768: 's3',
  2: 's2',
  65279: 'd1',
  65277: 'd2',
  65276: 'd3',
}

/** The highest version offered. DTLS counts downwards: 0xfefc (1.3) is above 0xfefd (1.2). */
function versionOf(hello: Ja4Input): number {
  let highest = -1
  for (const version of hello.versions) {
    if (isGrease(version)) continue
    if (highest < 0 || isHigher(version, highest)) highest = version
  }
  return highest < 0 ? hello.legacyVersion : highest
}

function isHigher(version: number, than: number): boolean {
  return version >> 8 === 0xfe && than >> 8 === 0xfe ? version < than : version > than
}

/**
 * First and last character of the first protocol. For ASCII that is not alphanumeric JA4.md wants hex
 * digits. For octets above 127 its text (hex) and the tools of its authors (9, and so every published
 * fingerprint) differ: fingerprints are for comparing, so the tools win (docs/decisions/0006).
 */
function alpnCode(protocol: string | undefined): string {
  if (protocol === undefined || protocol.length === 0) return '00'
  const first = protocol.charCodeAt(0)
  const last = protocol.charCodeAt(protocol.length - 1)
  if (first > 127 || last > 127) return `${beyondAscii(first)}${beyondAscii(last)}`
  if (isAlphanumeric(first) && isAlphanumeric(last)) return String.fromCharCode(first, last)
  return `${(first >> 4).toString(16)}${(last & 15).toString(16)}`
}

function beyondAscii(byte: number): string {
  return byte <= 127 && isAlphanumeric(byte) ? String.fromCharCode(byte) : '9'
}

function isAlphanumeric(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a)
  )
}

function sortedHex(values: readonly number[]): string[] {
  return values
    .filter((value) => !isGrease(value))
    .sort((a, b) => a - b)
    .map(hex4)
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, '0')
}

function twoDigits(count: number): string {
  return String(Math.min(count, 99)).padStart(2, '0')
}

/** The first 12 hex digits of SHA-256; zeros for nothing, so that "no values" is plain to see. */
function sha256Hex12(text: string): string {
  if (text === '') return '000000000000'
  const ascii = Uint8Array.from(text, (character) => character.charCodeAt(0))
  let hex = ''
  for (const byte of sha256(ascii).subarray(0, 6)) hex += byte.toString(16).padStart(2, '0')
  return hex
}
