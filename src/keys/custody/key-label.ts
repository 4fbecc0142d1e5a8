/**
 * What a key in custody is for, under which name and in which version. Its id is a hash of these, so that whoever is asked to use it knows what
 * for without keeping a list: key id = SHA-256("limen/lcu/1 key" 0x00 | use u8 | version u32 | name), first 16 octets.
 *
 * @module
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import { KEY_ID_BYTES, SCHEME, type Scheme } from '../../wire/share-record.ts'

/** In the order of their numbers, from 1. */
export const KEY_USES = ['sign', 'open', 'derive', 'encrypt', 'mac', 'sign-assembled'] as const
/**
 * Schemes 2 and 3, by holders together: `sign` Ed25519, `open` what was sealed to it, `derive` keys of objects. Scheme 1, in one node for
 * as long as it takes: `encrypt` AES-256-GCM, `mac` HMAC-SHA-256, `sign-assembled` a private key (PKCS #8).
 */
export type KeyUse = (typeof KEY_USES)[number]

export interface KeyLabel {
  readonly use: KeyUse
  /** From 1. */
  readonly version: number
  /** Printable ASCII without spaces, 1 to 128 characters. */
  readonly name: string
}

const NAME = /^[!-~]{1,128}$/
const HEAD_BYTES = 5
const LABEL = octetsOf('limen/lcu/1 key\0')

/** @throws RangeError for a label that no reader would take */
export function writeKeyLabel({ use, version, name }: KeyLabel): Uint8Array {
  const isVersion = Number.isInteger(version) && version >= 1 && version < 2 ** 32
  if (!isVersion || !NAME.test(name)) throw new RangeError('Cannot name a key like this')
  const head = new Uint8Array(HEAD_BYTES)
  head[0] = KEY_USES.indexOf(use) + 1
  new DataView(head.buffer).setUint32(1, version)
  return joinOctets(head, octetsOf(name))
}

/** undefined for anything but a label. Never throws. */
export function readKeyLabel(bytes: Uint8Array): KeyLabel | undefined {
  const use = KEY_USES[(bytes[0] ?? 0) - 1]
  if (use === undefined || bytes.length <= HEAD_BYTES) return undefined
  const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1)
  const name = String.fromCharCode(...bytes.subarray(HEAD_BYTES, HEAD_BYTES + 129))
  return version >= 1 && NAME.test(name) && bytes.length <= HEAD_BYTES + 128
    ? { use, version, name }
    : undefined
}

/** @param label of {@link writeKeyLabel} */
export function keyIdOf(label: Uint8Array): Uint8Array {
  return sha256(joinOctets(LABEL, label)).slice(0, KEY_ID_BYTES)
}

export function schemeOf(use: KeyUse): Scheme {
  if (use === 'sign') return SCHEME.ed25519
  return use === 'open' || use === 'derive' ? SCHEME.ristretto255 : SCHEME.octets
}
