/**
 * The header fields of an HTTP/2 request, checked (RFC 9113 section 8.2 and 8.3) and put into the words of
 * HTTP/1.1. As strict as `wire/request-head.ts`: what would mean something else there is refused.
 *
 * @module
 */

import type { HpackField } from '../../wire/hpack-table.ts'
import { FIELD_VALUE, HOST, TARGET, TOKEN } from '../../wire/http-octets.ts'

/** What was found out about a field, kept with its entry in the compression table. */
export interface FieldMeaning {
  readonly kind:
    | 'line'
    | 'dropped'
    | 'malformed'
    | 'cookie'
    | 'length'
    | 'host'
    | 'expect'
    | 'sessionkey'
    | 'signature'
    | 'signature-input'
    | ':method'
    | ':path'
    | ':scheme'
    | ':authority'
  /** As it goes into an HTTP/1.1 head, with CR LF. */
  readonly line: string
}

export type RequestField = HpackField<FieldMeaning>

const DROPPED =
  /^(?:forwarded|x[-_]forwarded[-_](?:for|host|port|proto)|x[-_]real[-_]ip|limen[-_].*|http2[-_]settings|proxy[-_]authorization|proxy_connection|keep_alive|content_length|transfer_encoding)$/
/** Connection-specific fields make a request malformed (section 8.2.2). */
const FORBIDDEN = /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade)$/
const UPPER_CASE = /[A-Z]/

const MALFORMED: FieldMeaning = { kind: 'malformed', line: '' }
const DROP: FieldMeaning = { kind: 'dropped', line: '' }

/** What a field means; found out once per entry. */
export function meaningOf(field: RequestField): FieldMeaning {
  field.derived ??= findMeaning(field.name, field.value)
  return field.derived
}

function findMeaning(name: string, value: string): FieldMeaning {
  if (!isValue(value)) return MALFORMED
  if (name.startsWith(':')) return pseudo(name, value)
  if (!isMadeOf(TOKEN, name) || name === '' || UPPER_CASE.test(name)) return MALFORMED
  if (FORBIDDEN.test(name) || (name === 'te' && value !== 'trailers')) return MALFORMED
  if (name === 'te' || DROPPED.test(name)) return DROP
  if (name === 'cookie') return { kind: 'cookie', line: value }
  if (name === 'content-length') {
    return /^\d{1,15}$/.test(value) ? { kind: 'length', line: value } : MALFORMED
  }
  if (name === 'host') {
    return isMadeOf(HOST, value) && value !== '' ? { kind: 'host', line: value } : MALFORMED
  }
  if (name === 'expect') return { kind: 'expect', line: value }
  if (name === 'sessionkey' || name === 'signature' || name === 'signature-input') {
    return { kind: name, line: value }
  }
  return { kind: 'line', line: `${name}: ${value}\r\n` }
}

function pseudo(name: string, value: string): FieldMeaning {
  switch (name) {
    case ':method':
      return isMadeOf(TOKEN, value) && value !== '' ? { kind: name, line: value } : MALFORMED
    case ':path':
      return isMadeOf(TARGET, value) && (value.startsWith('/') || value === '*')
        ? { kind: name, line: value }
        : MALFORMED
    case ':scheme':
      return value === 'https' || value === 'http' ? { kind: name, line: value } : MALFORMED
    case ':authority':
      return isMadeOf(HOST, value) ? { kind: name, line: value } : MALFORMED
    default:
      return MALFORMED
  }
}

function isMadeOf(table: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false
  return true
}

/** No control characters, and no space around (section 8.2.1). */
function isValue(value: string): boolean {
  const last = value.length - 1
  if (last < 0) return true
  return (
    isMadeOf(FIELD_VALUE, value) &&
    !isSpace(value.charCodeAt(0)) &&
    !isSpace(value.charCodeAt(last))
  )
}

const isSpace = (octet: number): boolean => octet === 32 || octet === 9

/** One request's fields, gathered in order. Reused from request to request. */
export class RequestFields {
  method = ''
  path = ''
  scheme = ''
  authority = ''
  contentLength = -1
  cookies = ''
  lines = ''
  expectsContinue = false
  /** Of a request proof (`wire/session-proof.ts`); '' when absent, not among `lines`. */
  sessionKey = ''
  signature = ''
  signatureInput = ''
  /** One of these is there twice: which one counts would be a guess. */
  proofDoubled = false
  count = 0
  malformed = false
  #regularSeen = false

  clear(): void {
    this.method = ''
    this.path = ''
    this.scheme = ''
    this.authority = ''
    this.contentLength = -1
    this.cookies = ''
    this.lines = ''
    this.expectsContinue = false
    this.sessionKey = ''
    this.signature = ''
    this.signatureInput = ''
    this.proofDoubled = false
    this.count = 0
    this.malformed = false
    this.#regularSeen = false
  }

  readonly add = (field: RequestField): void => {
    const { kind, line } = field.derived ?? meaningOf(field)
    this.count++
    if (kind === 'line') {
      this.lines += line
      this.#regularSeen = true
      return
    }
    if (kind.charCodeAt(0) === 58) {
      if (this.#regularSeen) this.malformed = true
      this.#pseudo(kind, line)
      return
    }
    this.#regularSeen = true
    this.#special(kind, line)
  }

  /** The value of a field, '' when there is none; the first of several. Not for the hot path. */
  text(name: string): string {
    const at = `\r\n${this.lines}`.indexOf(`\r\n${name}: `)
    if (at < 0) return ''
    const from = at + name.length + 2
    return this.lines.slice(from, this.lines.indexOf('\r\n', from))
  }

  /** The same, '' also when there are several. */
  onlyText(name: string): string {
    return `\r\n${this.lines}`.split(`\r\n${name}: `).length === 2 ? this.text(name) : ''
  }

  /** The fields of a proof as lines, for who looks at it elsewhere. */
  get proofLines(): string {
    const { sessionKey, signature, signatureInput } = this
    if (sessionKey === '' && signature === '' && signatureInput === '') return ''
    return (
      (sessionKey === '' ? '' : `sessionkey: ${sessionKey}\r\n`) +
      (signatureInput === '' ? '' : `signature-input: ${signatureInput}\r\n`) +
      (signature === '' ? '' : `signature: ${signature}\r\n`)
    )
  }

  /** Whether the fields make a request (section 8.3.1). */
  complete(): boolean {
    if (this.malformed || this.method === '' || this.path === '' || this.scheme === '') return false
    if (this.authority === '') return false
    return this.path !== '*' || this.method === 'OPTIONS'
  }

  #pseudo(kind: FieldMeaning['kind'], value: string): void {
    if (kind === ':method') this.method = this.#once(this.method, value)
    else if (kind === ':path') this.path = this.#once(this.path, value)
    else if (kind === ':scheme') this.scheme = this.#once(this.scheme, value)
    else this.authority = this.#once(this.authority, value)
  }

  #special(kind: FieldMeaning['kind'], value: string): void {
    switch (kind) {
      case 'cookie':
        this.cookies = this.cookies === '' ? value : `${this.cookies}; ${value}`
        break
      case 'length': {
        if (this.contentLength >= 0) this.malformed = true
        this.contentLength = Number(value)
        break
      }
      case 'host':
        // Host and :authority must agree (section 8.3.1).
        if (this.authority === '') this.authority = value
        else if (this.authority.toLowerCase() !== value.toLowerCase()) this.malformed = true
        break
      case 'expect':
        this.expectsContinue = value.toLowerCase() === '100-continue'
        break
      case 'sessionkey':
        this.sessionKey = this.#joined(this.sessionKey, value)
        break
      case 'signature':
        this.signature = this.#joined(this.signature, value)
        break
      case 'signature-input':
        this.signatureInput = this.#joined(this.signatureInput, value)
        break
      case 'malformed':
        this.malformed = true
        break
      default:
    }
  }

  /** RFC 9110 section 5.3. */
  #joined(before: string, value: string): string {
    if (before === '') return value
    this.proofDoubled = true
    return `${before}, ${value}`
  }

  #once(before: string, value: string): string {
    if (before !== '') this.malformed = true
    return value
  }
}
