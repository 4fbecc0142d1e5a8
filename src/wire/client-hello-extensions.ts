/**
 * The bodies of the ClientHello extensions Limen looks at (RFC 8446 section 4.2, RFC 6066, RFC 7301,
 * RFC 5077, RFC 9849). Other extensions are known by their type only.
 *
 * @module
 */
import { u16 } from './big-endian.ts'
import type { HelloDraft } from './hello-draft.ts'

/** Extensions whose body is checked (RFC 8446 section 4.2), and what a malformed one is called. */
const ERROR_CODES = {
  0: 'ext_server_name',
  5: 'ext_status_request',
  10: 'ext_supported_groups',
  13: 'ext_signature_algorithms',
  16: 'ext_alpn',
  41: 'ext_pre_shared_key',
  42: 'ext_early_data',
  43: 'ext_supported_versions',
  45: 'ext_psk_key_exchange_modes',
  49: 'ext_post_handshake_auth',
  50: 'ext_signature_algorithms_cert',
  51: 'ext_key_share',
  65037: 'ext_encrypted_client_hello',
} as const

export type ExtensionErrorCode = (typeof ERROR_CODES)[keyof typeof ERROR_CODES]

const CODES: Readonly<Record<number, ExtensionErrorCode>> = ERROR_CODES

/** RFC 1035 section 2.3.4: a host name is at most 255 bytes. */
const HOST_NAME_BYTES_MAX = 255

/** Fills `hello` from one extension body `bytes[from, to)`. Returns a code when the body is malformed. */
export function readExtension(
  hello: HelloDraft,
  type: number,
  bytes: Uint8Array,
  from: number,
  to: number,
): ExtensionErrorCode | undefined {
  return readBody(hello, type, bytes, from, to) ? undefined : CODES[type]
}

function readBody(
  hello: HelloDraft,
  type: number,
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  switch (type) {
    case 0:
      return readServerName(hello, bytes, from, to)
    case 5:
      hello.statusRequest = true
      return from < to
    case 10:
      return readU16List(hello.groups, bytes, from, to)
    case 13:
      return readU16List(hello.signatureAlgorithms, bytes, from, to)
    case 16:
      return readProtocolNames(hello, bytes, from, to)
    case 35:
      hello.sessionTicket = bytes.subarray(from, to)
      return true
    case 41:
      return readPreSharedKey(hello, bytes, from, to)
    case 42:
      hello.earlyData = true
      return from === to
    case 43:
      return readVersions(hello, bytes, from, to)
    case 45:
      return readPskModes(hello, bytes, from, to)
    case 47:
      hello.certificateAuthorities = true
      return true
    case 49:
      hello.postHandshakeAuth = true
      return from === to
    case 50:
      return readU16List(hello.signatureAlgorithmsCert, bytes, from, to)
    case 51:
      return readKeyShares(hello, bytes, from, to)
    case 0xfe0d:
      return readEncryptedClientHello(hello, bytes, from, to)
    default:
      return true
  }
}

/** A u16 length, then that many bytes of u16: exactly up to `to`, at least one. */
function readU16List(list: number[], bytes: Uint8Array, from: number, to: number): boolean {
  if (from + 4 > to || u16(bytes, from) !== to - from - 2 || ((to - from) & 1) === 1) return false
  for (let at = from + 2; at < to; at += 2) list.push(u16(bytes, at))
  return true
}

function readVersions(hello: HelloDraft, bytes: Uint8Array, from: number, to: number): boolean {
  if (from + 3 > to || bytes[from] !== to - from - 1 || ((to - from) & 1) === 0) return false
  for (let at = from + 1; at < to; at += 2) hello.versions.push(u16(bytes, at))
  return true
}

function readPskModes(hello: HelloDraft, bytes: Uint8Array, from: number, to: number): boolean {
  if (from + 2 > to || bytes[from] !== to - from - 1) return false
  for (let at = from + 1; at < to; at++) hello.pskModes.push(bytes[at] ?? 0)
  return true
}

/** RFC 6066 section 3: a list of (type, name); the one type there is, is host_name (0). */
function readServerName(hello: HelloDraft, bytes: Uint8Array, from: number, to: number): boolean {
  if (from + 5 > to || u16(bytes, from) !== to - from - 2 || bytes[from + 2] !== 0) return false
  const length = u16(bytes, from + 3)
  if (length === 0 || length > HOST_NAME_BYTES_MAX || from + 5 + length !== to) return false
  hello.sni = latin1(bytes, from + 5, to)
  return !hello.sni.includes('\0')
}

/** RFC 7301 section 3.1: a list of names of 1 to 255 bytes. What can be read of a bad list is kept. */
function readProtocolNames(
  hello: HelloDraft,
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  if (from + 4 > to || u16(bytes, from) !== to - from - 2) return false
  let at = from + 2
  let good = true
  while (at < to) {
    const nameEnd = at + 1 + (bytes[at] ?? 0)
    if (nameEnd > to) return false
    if (nameEnd === at + 1) good = false
    hello.alpn.push(latin1(bytes, at + 1, nameEnd))
    at = nameEnd
  }
  return good
}

function readKeyShares(hello: HelloDraft, bytes: Uint8Array, from: number, to: number): boolean {
  if (from + 2 > to || u16(bytes, from) !== to - from - 2) return false
  let at = from + 2
  while (at < to) {
    if (at + 4 > to) return false
    const length = u16(bytes, at + 2)
    const keyEnd = at + 4 + length
    if (length === 0 || keyEnd > to) return false
    hello.keyShares.push({ group: u16(bytes, at), length, key: bytes.subarray(at + 4, keyEnd) })
    at = keyEnd
  }
  return true
}

/** RFC 8446 section 4.2.11: identities<7..>, binders<33..>. Only the first identity is kept. */
function readPreSharedKey(hello: HelloDraft, bytes: Uint8Array, from: number, to: number): boolean {
  if (from + 4 > to) return false
  const identitiesEnd = from + 2 + u16(bytes, from)
  const firstEnd = from + 4 + u16(bytes, from + 2)
  if (firstEnd === from + 4 || firstEnd + 4 > identitiesEnd) return false
  if (identitiesEnd + 2 > to) return false
  hello.psk = bytes.subarray(from + 4, firstEnd)
  return identitiesEnd + 2 + u16(bytes, identitiesEnd) === to
}

function readEncryptedClientHello(
  hello: HelloDraft,
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  const type = from < to ? bytes[from] : undefined
  if (type === 0) hello.ech = 'outer'
  else if (type === 1) hello.ech = 'inner'
  return type === 0 || (type === 1 && from + 1 === to)
}

/** Character by character: for names this short nothing is faster. */
function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] ?? 0)
  return text
}
