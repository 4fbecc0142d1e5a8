/**
 * A backup of a custody cluster (LCU/1): LRC1, the recovery key of the cluster, and LCB1, its keys dealt to two holders that only the operators can
 * bring to life. All of it may be read by anybody: what is secret in it is sealed. What it is good for is `apps/custody/back-up.ts`. Tables of
 * bytes: `docs/wire/custody.md`.
 *
 * @module
 */
import { joinOctets, octetsOf } from '../ground/octets.ts'
import { u32 } from './big-endian.ts'
import { KEY_ID_BYTES } from './share-record.ts'

/** Holders of a backup: as few as can share a key. That operators may lose shares is provided for by their own. */
export const RECOVERY_HOLDERS = 2
export const RECOVERY_LABEL = 'limen/lcu/1 recovery\0'
export const BACKUP_LABEL = 'limen/lcu/1 backup\0'
/** Ten thousand keys of 32 octets take 20 MB. */
export const BACKUP_BYTES_MAX = 64 << 20
const KEYS_MAX = 65_535
/** A manifest of 255 holders has 13 kB, a plan as much; a dealing of the longest secret 65 kB. */
const PART_BYTES_MAX = 1 << 17
const PARTS_MAX = 255
const VERSION = 1
const KEY_BYTES = 32
/** A wrapped key: `ports/wrapping-key.ts` as `adapters/node/memory-key.ts` writes it. */
const WRAPPED_BYTES = 61
const SIGNATURE_BYTES = 64
const HEAD_BYTES = 8
const RECOVERY_BYTES =
  HEAD_BYTES + (RECOVERY_HOLDERS + 1) * (KEY_BYTES + WRAPPED_BYTES) + KEY_ID_BYTES + SIGNATURE_BYTES

/** A public key, and its private one under the recovery key. */
export interface WrappedPair {
  readonly publicKey: Uint8Array
  readonly wrapped: Uint8Array
}

export interface RecoveryKey {
  /** Of the key that operators hold shares of. */
  readonly reference: Uint8Array
  /** Ed25519; signs everything. */
  readonly identity: WrappedPair
  /** X25519; {@link RECOVERY_HOLDERS}. */
  readonly holders: readonly WrappedPair[]
}

export interface BackedUpKey {
  /** `keys/custody/key-label.ts`; nothing: not known. */
  readonly label: Uint8Array
  /** LCM1 of the shares that were dealt from. */
  readonly manifest: Uint8Array
  /** LCP1, signed. */
  readonly plan: Uint8Array
  /** By dealer, then by holder: `dealer u8 | commitments | sealed share`. */
  readonly dealings: readonly (readonly Uint8Array[])[]
}

export interface CustodyBackup {
  /** Milliseconds since 1970. */
  readonly at: number
  /** LRC1. */
  readonly recovery: Uint8Array
  /** LCM1 of the operators' shares, not signed. */
  readonly operators: Uint8Array
  readonly keys: readonly BackedUpKey[]
}

export interface SignedDocument<T> {
  readonly value: T
  /** What the signature is over, without its label. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Without its signature. @throws RangeError for keys of another length */
export function writeRecoveryKey({ reference, identity, holders }: RecoveryKey): Uint8Array {
  const pairs = [identity, ...holders].flatMap(({ publicKey, wrapped }) => [publicKey, wrapped])
  const bytes = joinOctets(headOf('LRC1'), reference, ...pairs)
  if (bytes.length !== RECOVERY_BYTES - SIGNATURE_BYTES) {
    throw new RangeError('Cannot write such a recovery key')
  }
  return bytes
}

/** undefined for anything else. The signature is not looked at. Never throws. */
export function readRecoveryKey(bytes: Uint8Array): SignedDocument<RecoveryKey> | undefined {
  if (bytes.length !== RECOVERY_BYTES || !hasHead(bytes, 'LRC1')) return undefined
  let at = HEAD_BYTES + KEY_ID_BYTES
  const next = (length: number): Uint8Array => {
    at += length
    return bytes.subarray(at - length, at)
  }
  const pairs = Array.from({ length: RECOVERY_HOLDERS + 1 }, () => ({
    publicKey: next(KEY_BYTES),
    wrapped: next(WRAPPED_BYTES),
  }))
  const [identity, ...holders] = pairs
  if (identity === undefined) return undefined
  const reference = bytes.subarray(HEAD_BYTES, HEAD_BYTES + KEY_ID_BYTES)
  return { value: { reference, identity, holders }, ...signedParts(bytes) }
}

/** Without its signature. @throws RangeError for parts that no reader would take */
export function writeCustodyBackup({ at, recovery, operators, keys }: CustodyBackup): Uint8Array {
  const parts: Uint8Array[] = [headOf('LCB1'), new Uint8Array(8)]
  new DataView((parts[1] as Uint8Array).buffer).setBigUint64(0, BigInt(at))
  const part = (octets: Uint8Array): void => {
    if (octets.length > PART_BYTES_MAX) throw new RangeError('A part of a backup is too long')
    parts.push(number(octets.length), octets)
  }
  part(recovery)
  part(operators)
  if (keys.length > KEYS_MAX) throw new RangeError('A backup has too many keys')
  parts.push(number(keys.length))
  for (const { label, manifest, plan, dealings } of keys) {
    if (dealings.length > PARTS_MAX) throw new RangeError('A key has too many dealers')
    for (const one of [label, manifest, plan]) part(one)
    parts.push(number(dealings.length))
    for (const one of dealings) {
      if (one.length !== RECOVERY_HOLDERS) throw new RangeError('A dealing has too few shares')
      for (const share of one) part(share)
    }
  }
  return joinOctets(...parts)
}

/** Views of `bytes`; undefined for anything but one whole backup. Signatures are not looked at. Never throws. */
export function readCustodyBackup(bytes: Uint8Array): SignedDocument<CustodyBackup> | undefined {
  const isLong = bytes.length > BACKUP_BYTES_MAX
  if (isLong || bytes.length < HEAD_BYTES + 8 + SIGNATURE_BYTES) return undefined
  if (!hasHead(bytes, 'LCB1')) return undefined
  try {
    const { signed, signature } = signedParts(bytes)
    const at = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(HEAD_BYTES)
    if (at > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
    const parts = new Parts(signed, HEAD_BYTES + 8)
    const [recovery, operators] = [parts.octets(), parts.octets()]
    const keys = parts.list(KEYS_MAX, () => ({
      ...{ label: parts.octets(), manifest: parts.octets(), plan: parts.octets() },
      dealings: parts.list(PARTS_MAX, () => [parts.octets(), parts.octets()]),
    }))
    if (!parts.isAtEnd) return undefined
    return { value: { at: Number(at), recovery, operators, keys }, signed, signature }
  } catch (error) {
    if (error instanceof Torn) return undefined
    throw error
  }
}

/** Not as many octets as there have to be. */
class Torn extends Error {}

class Parts {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  octets(): Uint8Array {
    const length = this.#number(PART_BYTES_MAX)
    return this.#take(length)
  }

  list<T>(max: number, one: () => T): T[] {
    const count = this.#number(max)
    const found: T[] = []
    for (let i = 0; i < count; i++) found.push(one())
    return found
  }

  #number(max: number): number {
    const value = u32(this.#take(4), 0)
    if (value > max) throw new Torn()
    return value
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new Torn()
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}

function headOf(magic: string): Uint8Array {
  return joinOctets(octetsOf(magic), Uint8Array.of(VERSION, 0, 0, 0))
}

function hasHead(bytes: Uint8Array, magic: string): boolean {
  return headOf(magic).every((octet, i) => octet === bytes[i])
}

function signedParts(bytes: Uint8Array) {
  const at = bytes.length - SIGNATURE_BYTES
  return { signed: bytes.subarray(0, at), signature: bytes.subarray(at) }
}

function number(value: number): Uint8Array {
  const octets = new Uint8Array(4)
  new DataView(octets.buffer).setUint32(0, value)
  return octets
}
