/**
 * ClientHello -> {@link HelloFeatures} (LHS/1 section 3.5): what a profile needs of a hello, as plain data.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'
import type { ClientHello } from '../../wire/client-hello-message.ts'
import { isGrease } from '../../wire/grease.ts'
import type { Ja4 } from './ja4.ts'
import type { HelloFeatures } from './observation.ts'

/** `acceptedAt` by the clock that timed the chunks. Nothing of the hello's bytes is kept. */
export function helloFeatures(
  hello: ClientHello,
  fingerprint: Ja4,
  client: string,
  acceptedAt: number,
): HelloFeatures {
  const share = lastBytesOfFirstShare(hello)
  return {
    ja4: fingerprint.ja4,
    ja4Stable: fingerprint.stable,
    client,
    random: toHex(hello.random),
    keyShare: share === undefined ? '' : toHex(share.subarray(share.length - KEY_SHARE_BYTES)),
    sessionId: hello.sessionId.length === 0 ? '' : toHex(hello.sessionId),
    version: highestVersion(hello),
    legacyVersion: hello.legacyVersion,
    ciphers: countWithoutGrease(hello.ciphers),
    extensions: countWithoutGrease(hello.extensions),
    groups: countWithoutGrease(hello.groups),
    signatureAlgorithms: countWithoutGrease(hello.signatureAlgorithms),
    extensionOrder: orderOf(hello.extensions),
    grease: hello.grease,
    postQuantum: hello.keyShares.some(({ length }) => length >= POST_QUANTUM_SHARE_BYTES_MIN),
    alpn: (hello.alpn[0] ?? '').slice(0, ALPN_CHARACTERS_MAX),
    sni: hello.sni === '' ? 'none' : isAddress(hello.sni) ? 'address' : 'name',
    ech: hello.ech !== undefined,
    resumption: hello.psk !== undefined || (hello.sessionTicket?.length ?? 0) > 0,
    certificateAsks:
      (hello.statusRequest ? 1 : 0) |
      (hello.certificateAuthorities ? 2 : 0) |
      (hello.postHandshakeAuth ? 4 : 0),
    records: hello.records,
    chunks: hello.chunks,
    bytes: hello.bytes,
    firstByteMs: Math.max(0, hello.startedAt - acceptedAt),
    spanMs: Math.max(0, hello.completedAt - hello.startedAt),
  }
}

/** Numbers of a hello for comparing clients: what is counted in ten thousands comes as a logarithm. */
export function featureVector(features: HelloFeatures): number[] {
  return [
    features.version & 255,
    features.legacyVersion & 255,
    features.ciphers,
    features.extensions,
    features.groups,
    features.signatureAlgorithms,
    features.grease ? 1 : 0,
    features.postQuantum ? 1 : 0,
    features.alpn === '' ? 0 : 1,
    features.sni === 'name' ? 0 : features.sni === 'none' ? 1 : 2,
    features.ech ? 1 : 0,
    features.resumption ? 1 : 0,
    features.certificateAsks,
    features.records,
    features.chunks,
    Math.log2(1 + features.bytes),
    Math.log2(1 + features.spanMs),
  ]
}
/** Numbers in a {@link featureVector}. */
export const FEATURE_COUNT = 17

const KEY_SHARE_BYTES = 16
/** Long enough for every registered name (IANA, ALPN protocol ids); a client can send 255. */
const ALPN_CHARACTERS_MAX = 32
/** ML-KEM-768 is 1184 bytes (FIPS 203), the largest classical share (ffdhe8192, RFC 7919) 1024. */
const POST_QUANTUM_SHARE_BYTES_MIN = 1088

/** Highest version offered, GREASE out. */
export function highestVersion(hello: ClientHello): number {
  let highest = 0
  for (const version of hello.versions) {
    if (version > highest && !isGrease(version)) highest = version
  }
  return highest === 0 ? hello.legacyVersion : highest
}

/** X25519 ends every hybrid share too, so 32 bytes stand for the whole of it. */
export function lastBytesOfFirstShare(hello: ClientHello): Uint8Array | undefined {
  for (const share of hello.keyShares) {
    if (share.length >= 32) return share.key.subarray(share.length - 32)
  }
  return undefined
}

/** The order of extensions, GREASE out, as 32 bits (FNV-1a). */
function orderOf(extensions: readonly number[]): string {
  let hash = 0x811c9dc5
  for (const type of extensions) {
    if (isGrease(type)) continue
    hash = Math.imul(hash ^ (type & 255), 0x01000193)
    hash = Math.imul(hash ^ (type >> 8), 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, '0')
}

function countWithoutGrease(values: readonly number[]): number {
  let count = 0
  for (const value of values) if (!isGrease(value)) count++
  return count
}

function isAddress(name: string): boolean {
  return /^[0-9.]+$/.test(name) || name.includes(':')
}
