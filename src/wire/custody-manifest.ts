/**
 * LCM1: what everybody may know of a key in custody (LCU/1, `docs/wire/custody.md`): who holds which share, and what the shares
 * are checked against. Signed by the cluster's identity. Bytes only; checking is `keys/custody/`.
 *
 *  0  4  "LCM1"                      28  4  generation in which the secret was dealt
 *  4  1  1 (version)                 32  1  n, holders
 *  5  1  scheme                      33  1  t, threshold
 *  6  2  0 (flags)                   34  2  0
 *  8 16  key id                      36     n times: point u8 | node 16, ascending by point
 * 24  4  generation
 *
 * then, of octets (scheme 1), n times 32: commitments to the shares in the same order, and 8: the key check value; of a group
 * (2, 3) t times 32: commitments to the polynomial, the public key first. Last 64: Ed25519 signature over
 * "limen/lcu/1 manifest" 0x00 and all bytes before it.
 *
 * @module
 */

import { toHex } from '../ground/hex.ts'
import { joinOctets } from '../ground/octets.ts'
import { u16, u32 } from './big-endian.ts'
import { isScheme, KEY_ID_BYTES, NODE_ID_BYTES, SCHEME, type Scheme } from './share-record.ts'

export const MANIFEST_LABEL = 'limen/lcu/1 manifest\0'
export const CHECK_VALUE_BYTES = 8
const MAGIC = [0x4c, 0x43, 0x4d, 0x31]
const VERSION = 1
const HEAD_BYTES = 36
const HOLDER_BYTES = 1 + NODE_ID_BYTES
const COMMITMENT_BYTES = 32
const SIGNATURE_BYTES = 64

export interface ShareHolder {
  readonly point: number
  readonly node: Uint8Array
}

export interface CustodyManifest {
  readonly scheme: Scheme
  readonly keyId: Uint8Array
  /** Grows with each refresh and reshare. */
  readonly generation: number
  /** The generation in which the secret was dealt, which the key check value names. At most `generation`. */
  readonly dealt: number
  readonly threshold: number
  /** Ascending by point; no node twice. */
  readonly holders: readonly ShareHolder[]
  /** Octets: one per holder in turn. A group: of the polynomial, as many as the threshold. */
  readonly commitments: readonly Uint8Array[]
  /** Octets only. */
  readonly checkValue: Uint8Array | undefined
}

export interface SignedManifest {
  readonly manifest: CustodyManifest
  /** What the signature is over, without the label. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Views of `bytes`; undefined for anything but one whole manifest. Neither the signature nor whether commitments are elements is
 * looked at here. Never throws.
 */
export function readCustodyManifest(bytes: Uint8Array): SignedManifest | undefined {
  if (bytes.length < HEAD_BYTES || MAGIC.some((octet, i) => bytes[i] !== octet)) return undefined
  const scheme = bytes[5] as number
  const count = bytes[32] as number
  const threshold = bytes[33] as number
  if (bytes[4] !== VERSION || !isScheme(scheme)) return undefined
  if (u16(bytes, 6) !== 0 || u16(bytes, 34) !== 0) return undefined
  if (threshold < 2 || threshold > count) return undefined
  const isOctets = scheme === SCHEME.octets
  const commitmentsAt = HEAD_BYTES + count * HOLDER_BYTES
  const checkAt = commitmentsAt + (isOctets ? count : threshold) * COMMITMENT_BYTES
  const end = checkAt + (isOctets ? CHECK_VALUE_BYTES : 0)
  const generation = u32(bytes, 24)
  const dealt = u32(bytes, 28)
  if (bytes.length !== end + SIGNATURE_BYTES || dealt > generation) return undefined
  const holders = readHolders(bytes.subarray(HEAD_BYTES, commitmentsAt))
  if (holders === undefined) return undefined
  const commitments: Uint8Array[] = []
  for (let at = commitmentsAt; at < checkAt; at += COMMITMENT_BYTES) {
    commitments.push(bytes.subarray(at, at + COMMITMENT_BYTES))
  }
  const manifest: CustodyManifest = {
    scheme,
    keyId: bytes.subarray(8, 8 + KEY_ID_BYTES),
    generation,
    dealt,
    threshold,
    holders,
    commitments,
    checkValue: isOctets ? bytes.subarray(checkAt, end) : undefined,
  }
  return { manifest, signed: bytes.subarray(0, end), signature: bytes.subarray(end) }
}

function readHolders(bytes: Uint8Array): ShareHolder[] | undefined {
  const holders: ShareHolder[] = []
  const nodes = new Set<string>()
  let last = 0
  for (let at = 0; at < bytes.length; at += HOLDER_BYTES) {
    const point = bytes[at] as number
    const node = bytes.subarray(at + 1, at + HOLDER_BYTES)
    if (point <= last) return undefined
    last = point
    nodes.add(toHex(node))
    holders.push({ point, node })
  }
  return nodes.size === holders.length ? holders : undefined
}

/** Bytes to be signed, for {@link sealCustodyManifest}. @throws RangeError for a manifest that no reader would take */
export function writeCustodyManifest(manifest: CustodyManifest): Uint8Array {
  const { scheme, threshold, holders, commitments, checkValue } = manifest
  const head = new Uint8Array(HEAD_BYTES)
  head.set([...MAGIC, VERSION, scheme, 0, 0])
  head.set(manifest.keyId, 8)
  const view = new DataView(head.buffer)
  view.setUint32(24, manifest.generation)
  view.setUint32(28, manifest.dealt)
  head.set([holders.length, threshold], 32)
  const parts: Uint8Array[] = [head]
  for (const { point, node } of holders) parts.push(Uint8Array.of(point), node)
  parts.push(...commitments, checkValue ?? new Uint8Array())
  const bytes = joinOctets(...parts)
  if (readCustodyManifest(joinOctets(bytes, new Uint8Array(SIGNATURE_BYTES))) === undefined) {
    throw new RangeError('Cannot write a manifest that contradicts itself')
  }
  return bytes
}

export function sealCustodyManifest(signed: Uint8Array, signature: Uint8Array): Uint8Array {
  return joinOctets(signed, signature)
}
