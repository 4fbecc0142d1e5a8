/**
 * QUIC Initial packet protection (RFC 9001 section 5; version 2: RFC 9369 section 3.3): keys from the
 * client's first destination connection id, header protection, AES-128-GCM. It keeps nothing secret:
 * anybody who sees the packet can do this. Not here: headers and frames (`wire/quic-packet.ts`).
 *
 * @module
 */
import { ecb, gcm } from '@noble/ciphers/aes.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { fromHex } from '../ground/hex.ts'

export interface InitialKeys {
  readonly key: Uint8Array
  readonly iv: Uint8Array
  readonly headerProtection: Uint8Array
}

/** Where a protected packet lies in its datagram. */
export interface ProtectedPacket {
  readonly start: number
  readonly packetNumberAt: number
  readonly end: number
}

interface Version {
  readonly salt: string
  readonly label: 'quic' | 'quicv2'
}

const V1 = '38762cf7f55934b34d179ae6a4c80cadccbb7f0a'
const DRAFT_29 = 'afbfec289993d24c9e9786f19c6111e04390a899'
const DRAFT_23 = 'c3eef712c72ebb5a11a7d2432bb46365bef9f502'

/** Salts: RFC 9001 section 5.2, RFC 9369 section 3.3.1, and those of the drafts in old captures. */
const VERSIONS: ReadonlyMap<number, Version> = new Map([
  [0x00000001, { salt: V1, label: 'quic' }],
  [0x6b3343cf, { salt: '0dede3def700a6db819381be6e269dcbf9bd2ed9', label: 'quicv2' }],
  ...[33, 34].map((n): [number, Version] => [draft(n), { salt: V1, label: 'quic' }]),
  ...[29, 30, 31, 32].map((n): [number, Version] => [draft(n), { salt: DRAFT_29, label: 'quic' }]),
  ...[23, 24, 25, 26, 27, 28].map((n): [number, Version] => [
    draft(n),
    { salt: DRAFT_23, label: 'quic' },
  ]),
])

function draft(number: number): number {
  return (0xff000000 + number) >>> 0
}

/** The client's keys, or undefined when the version is not known. */
export function clientInitialKeys(
  version: number,
  destinationId: Uint8Array,
): InitialKeys | undefined {
  const known = VERSIONS.get(version)
  if (known === undefined) return undefined
  const initial = extract(sha256, destinationId, fromHex(known.salt))
  const client = expandLabel(initial, 'client in', 32)
  return {
    key: expandLabel(client, `${known.label} key`, 16),
    iv: expandLabel(client, `${known.label} iv`, 12),
    headerProtection: expandLabel(client, `${known.label} hp`, 16),
  }
}

const SAMPLE_BYTES = 16
const TAG_BYTES = 16

/** Opens a packet: its plaintext frames, or undefined when the keys do not fit. Never throws. */
export function openInitial(
  datagram: Uint8Array,
  packet: ProtectedPacket,
  keys: InitialKeys,
): Uint8Array | undefined {
  const { start, packetNumberAt, end } = packet
  // The sample is taken as if the packet number had 4 bytes (RFC 9001 section 5.4.2).
  const sampleAt = packetNumberAt + 4
  if (sampleAt + SAMPLE_BYTES > end || end > datagram.length) return undefined
  const sample = datagram.subarray(sampleAt, sampleAt + SAMPLE_BYTES)
  const mask = ecb(keys.headerProtection, { disablePadding: true }).encrypt(sample)

  const first = (datagram[start] ?? 0) ^ ((mask[0] ?? 0) & 0x0f)
  const numberBytes = (first & 3) + 1
  const header = datagram.slice(start, packetNumberAt + numberBytes)
  header[0] = first
  const nonce = keys.iv.slice()
  for (let i = 0; i < numberBytes; i++) {
    const at = packetNumberAt - start + i
    const byte = (header[at] ?? 0) ^ (mask[1 + i] ?? 0)
    header[at] = byte
    // A client's first packets have small numbers: the truncated number is the number.
    const nonceAt = nonce.length - numberBytes + i
    nonce[nonceAt] = (nonce[nonceAt] ?? 0) ^ byte
  }
  const sealed = datagram.subarray(packetNumberAt + numberBytes, end)
  if (sealed.length < TAG_BYTES) return undefined
  try {
    return gcm(keys.key, nonce, header).decrypt(sealed)
  } catch {
    // Not for these keys: another connection, or not QUIC at all. An answer, not a failure.
    return undefined
  }
}

/** HKDF-Expand-Label with an empty context (RFC 8446 section 7.1). */
function expandLabel(secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = `tls13 ${label}`
  const info = new Uint8Array(4 + name.length)
  info[1] = length
  info[2] = name.length
  for (let i = 0; i < name.length; i++) info[3 + i] = name.charCodeAt(i)
  return expand(sha256, secret, info, length)
}
