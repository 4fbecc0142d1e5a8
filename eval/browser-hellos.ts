/**
 * ClientHellos of browsers that nobody captured for us: built from descriptions of what they send (curl-impersonate's
 * signatures, `browser-signatures/lwthiker/*.yaml`), with all that a browser draws drawn anew: random, session id, key shares,
 * GREASE (RFC 8701), tickets, and the order of extensions where the description says it is permuted.
 * A check that they are what they claim is their JA4: see the test.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { Random } from '../src/ground/random.ts'

/** The part of a description that says what bytes are sent. */
export interface BrowserSignature {
  readonly name: string
  readonly isPermuted: boolean
  readonly hello: {
    readonly record_version: string
    readonly handshake_version: string
    readonly session_id_length: number
    readonly ciphersuites: readonly (number | 'GREASE')[]
    readonly comp_methods: readonly number[]
    readonly extensions: readonly DescribedExtension[]
  }
}

interface DescribedExtension {
  readonly type: string
  readonly length?: number
  readonly supported_groups?: readonly (number | 'GREASE')[]
  readonly ec_point_formats?: readonly number[]
  readonly alpn_list?: readonly string[]
  readonly alps_alpn_list?: readonly string[]
  readonly sig_hash_algs?: readonly number[]
  readonly key_shares?: readonly {
    readonly group: number | 'GREASE'
    readonly length: number
  }[]
  readonly psk_ke_mode?: number
  readonly supported_versions?: readonly string[]
  readonly algorithms?: readonly number[]
  readonly record_size_limit?: number
}

export function readBrowserSignatures(folder: string): BrowserSignature[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), 'utf8')))
    .map((document) => {
      const { name, signature } = document.toJS()
      const isPermuted = signature.options?.tls_permute_extensions === true
      return { name, isPermuted, hello: signature.tls_client_hello }
    })
}

/** IANA, TLS ExtensionType Values. */
const TYPES: Readonly<Record<string, number>> = {
  server_name: 0,
  status_request: 5,
  supported_groups: 10,
  ec_point_formats: 11,
  signature_algorithms: 13,
  application_layer_protocol_negotiation: 16,
  signed_certificate_timestamp: 18,
  padding: 21,
  extended_master_secret: 23,
  compress_certificate: 27,
  record_size_limit: 28,
  delegated_credentials: 34,
  session_ticket: 35,
  pre_shared_key: 41,
  supported_versions: 43,
  psk_key_exchange_modes: 45,
  keyshare: 51,
  application_settings: 17513,
  renegotiation_info: 65281,
}

const PADDING = 21

const VERSIONS: Readonly<Record<string, number>> = {
  TLS_VERSION_1_0: 0x0301,
  TLS_VERSION_1_1: 0x0302,
  TLS_VERSION_1_2: 0x0303,
  TLS_VERSION_1_3: 0x0304,
}

/** One hello as that browser sends it now, with its record header. `resumes`: it offers a ticket (RFC 8446 section 4.2.11). */
export function browserHello(
  { hello, isPermuted }: BrowserSignature,
  random: Random,
  resumes: boolean,
): Uint8Array {
  // One value per place, two different ones for the extensions (BoringSSL, ssl_get_grease_value).
  const grease = [...random.bytes(5)].map((byte) => ((byte & 0xf0) | 0x0a) * 0x0101)
  if (grease[2] === grease[3]) grease[3] = (grease[3] ?? 0) ^ 0x1010
  const value = (given: number | 'GREASE', at: number) =>
    given === 'GREASE' ? (grease[at] ?? 0x0a0a) : given
  let greased = 2
  const extensions = hello.extensions.map((extension) => {
    const type = extension.type === 'GREASE' ? grease[greased++] : TYPES[extension.type]
    if (type === undefined) throw new Error(`Cannot build the extension ${extension.type}`)
    return { type, body: bodyOf(extension, type, random, value) }
  })
  const order = isPermuted ? permute(extensions, random) : extensions
  const withoutPadding = order.filter(({ type }) => type !== PADDING)
  const psk = resumes && hello.extensions.some(({ type }) => type === 'psk_key_exchange_modes')
  const last = psk ? [pskOf(random)] : []
  const start = [
    ...u16(VERSIONS[hello.handshake_version] ?? 0x0303),
    ...random.bytes(32),
    hello.session_id_length,
    ...random.bytes(hello.session_id_length),
    ...list16(hello.ciphersuites.flatMap((suite) => u16(value(suite, 0)))),
    ...list8(hello.comp_methods),
  ]
  const wire = [...withoutPadding, ...last].flatMap(({ type, body }) => extensionBytes(type, body))
  const body = [...start, ...list16(padded(wire, start.length + 4, psk))]
  const message = [1, 0, ...u16(body.length), ...body]
  return Uint8Array.from([
    22,
    ...u16(VERSIONS[hello.record_version] ?? 0x0301),
    ...u16(message.length),
    ...message,
  ])
}

/** Servers of old choked on hellos of 256 to 511 bytes: browsers pad theirs to 512 (RFC 7685). Not before a PSK, which is last. */
function padded(wire: number[], before: number, isLastTaken: boolean): number[] {
  const length = before + 2 + wire.length
  if (isLastTaken || length < 256 || length >= 508) return wire
  return [...wire, ...extensionBytes(PADDING, new Array(Math.max(1, 508 - length)).fill(0))]
}

function bodyOf(
  extension: DescribedExtension,
  type: number,
  random: Random,
  value: (given: number | 'GREASE', at: number) => number,
): number[] {
  const numbers = (list: readonly (number | 'GREASE')[] | undefined, at: number) =>
    list16((list ?? []).flatMap((each) => u16(value(each, at))))
  switch (extension.type) {
    case 'server_name': {
      const name = [...new TextEncoder().encode('www.example.com')]
      return list16([0, ...list16(name)])
    }
    case 'status_request':
      return [1, 0, 0, 0, 0]
    case 'supported_groups':
      return numbers(extension.supported_groups, 1)
    case 'ec_point_formats':
      return list8(extension.ec_point_formats ?? [0])
    case 'signature_algorithms':
    case 'delegated_credentials':
      return numbers(extension.sig_hash_algs, 1)
    case 'application_layer_protocol_negotiation':
      return names(extension.alpn_list ?? [])
    case 'application_settings':
      return names(extension.alps_alpn_list ?? [])
    case 'compress_certificate':
      return list8((extension.algorithms ?? []).flatMap(u16))
    case 'record_size_limit':
      return u16(extension.record_size_limit ?? 0)
    case 'supported_versions': {
      const versions = extension.supported_versions ?? []
      return list8(
        versions.flatMap((name) => u16(name === 'GREASE' ? value(name, 4) : (VERSIONS[name] ?? 0))),
      )
    }
    case 'psk_key_exchange_modes':
      return list8([extension.psk_ke_mode ?? 1])
    case 'keyshare':
      return list16(
        (extension.key_shares ?? []).flatMap(({ group, length }) => {
          const key = group === 'GREASE' ? [0] : [...random.bytes(length)]
          return [...u16(value(group, 1)), ...list16(key)]
        }),
      )
    case 'renegotiation_info':
      return [0]
    default:
      return new Array<number>(type === PADDING ? 0 : (extension.length ?? 0)).fill(0)
  }
}

/** A ticket as servers make them, and its binder (SHA-256). */
function pskOf(random: Random): { type: number; body: number[] } {
  const identity = [...list16([...random.bytes(192)]), ...random.bytes(4)]
  return { type: 41, body: [...list16(identity), ...list16(list8([...random.bytes(32)]))] }
}

/** All but the first, which is GREASE, and what must be last (Chromium 110 and later). */
function permute<T extends { readonly type: number }>(extensions: readonly T[], random: Random) {
  const isMovable = ({ type }: T) => type !== PADDING && (type & 0x0f0f) !== 0x0a0a
  const movable = extensions.filter(isMovable)
  for (let i = movable.length - 1; i > 0; i--) {
    const j = Math.floor(random.fraction() * (i + 1))
    const [a, b] = [movable[i], movable[j]]
    if (a !== undefined && b !== undefined) [movable[i], movable[j]] = [b, a]
  }
  return extensions.map((extension) =>
    isMovable(extension) ? (movable.shift() ?? extension) : extension,
  )
}

const u16 = (value: number): number[] => [value >> 8, value & 255]
const list8 = (bytes: readonly number[]): number[] => [bytes.length, ...bytes]
const list16 = (bytes: readonly number[]): number[] => [...u16(bytes.length), ...bytes]
const names = (list: readonly string[]): number[] =>
  list16(list.flatMap((name) => list8([...new TextEncoder().encode(name)])))
const extensionBytes = (type: number, body: readonly number[]): number[] => [
  ...u16(type),
  ...list16(body),
]
