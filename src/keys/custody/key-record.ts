/**
 * A catalogued key as it is kept: one line of JSON in one form only, and a line with the cluster's signature (Ed25519, hex) over
 * "limen/lcu/1 key record" 0x00 and the first line. Whoever knows the cluster's identity can tell whether it is good, wherever it was kept;
 * that it is the newest, the serial says.
 *
 * @module
 */
import { fromHex, toHex } from '../../ground/hex.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import { type CataloguedKey, KEY_NAME, type KeyVersion, VERSIONS_MAX } from './catalogued-key.ts'
import { isKeyType, KEY_TYPES } from './key-type.ts'

/** Of all versions a key may have, with a public key of RSA-4096 each, 1200 characters. */
export const KEY_RECORD_CHARS_MAX = 2 * 1024 * 1024

export interface ReadKeyRecord {
  readonly key: CataloguedKey
  /** What the signature is over. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

const LABEL = octetsOf('limen/lcu/1 key record\0')
const SIGNATURE = /^[0-9a-f]{128}$/
const MARK = /^[0-9a-f]{16}$/
/** SubjectPublicKeyInfo of RSA-4096 is 550 octets. */
const PUBLIC_KEY = /^(?:[0-9a-f]{2}){0,1024}$/
const VERSION_MAX = 2 ** 32 - 1

/** What the cluster signs. */
export function keyRecordToSign(key: CataloguedKey): Uint8Array {
  return signedOctets(lineOf(key))
}

/** @throws RangeError for a key that no reader would take */
export function writeKeyRecord(key: CataloguedKey, signature: Uint8Array): string {
  const text = `${lineOf(key)}\n${toHex(signature)}\n`
  if (readKeyRecord(text) === undefined) throw new RangeError('Cannot write a key like this')
  return text
}

/** undefined for anything that {@link writeKeyRecord} does not write. The signature is not looked at. Never throws. */
export function readKeyRecord(text: string): ReadKeyRecord | undefined {
  const [line = '', signature = '', end, ...more] = text.split('\n', 4)
  if (text.length > KEY_RECORD_CHARS_MAX || end !== '' || more.length > 0) return undefined
  if (!SIGNATURE.test(signature)) return undefined
  const key = keyOf(line)
  if (key === undefined || lineOf(key) !== line) return undefined
  return { key, signed: signedOctets(line), signature: fromHex(signature) }
}

function signedOctets(line: string): Uint8Array {
  return joinOctets(LABEL, octetsOf(line))
}

function lineOf(key: CataloguedKey): string {
  const { name, type, serial, isDeleted, isDerived, deletionAllowed } = key
  return JSON.stringify({
    ...{ name, type, serial, isDeleted, isDerived, deletionAllowed },
    minAvailable: key.minAvailable,
    minDecryption: key.minDecryption,
    minEncryption: key.minEncryption,
    versions: key.versions.map(({ version, createdAt, mark, publicKey }) => ({
      ...{ version, createdAt, mark },
      publicKey: toHex(publicKey),
    })),
  })
}

type Unknown<T> = { readonly [K in keyof T]?: unknown }

function keyOf(line: string): CataloguedKey | undefined {
  const value = parsed(line)
  if (typeof value !== 'object' || value === null) return undefined
  const { name, type, serial, isDeleted, isDerived, deletionAllowed, ...rest } =
    value as Unknown<CataloguedKey>
  const { minAvailable, minDecryption, minEncryption } = rest
  if (typeof name !== 'string' || !KEY_NAME.test(name)) return undefined
  if (typeof type !== 'string' || !isKeyType(type) || !isCount(serial, 1)) return undefined
  if (!isFlag(isDeleted) || !isFlag(isDerived) || !isFlag(deletionAllowed)) return undefined
  if (!isCount(minAvailable) || !isCount(minDecryption, 1) || !isCount(minEncryption))
    return undefined
  const versions = versionsOf(rest.versions, KEY_TYPES[type].hasPublicKey)
  if (versions === undefined || isDeleted !== (versions.length === 0)) return undefined
  const latest = versions.at(-1)?.version ?? VERSION_MAX
  if (Math.max(minAvailable, minDecryption, minEncryption) > latest) return undefined
  const [first] = versions
  if (first !== undefined && first.version !== Math.max(1, minAvailable)) return undefined
  return {
    ...{ name, type, serial, isDeleted, isDerived, deletionAllowed },
    ...{ minAvailable, minDecryption, minEncryption, versions },
  }
}

function versionsOf(value: unknown, hasPublicKey: boolean): KeyVersion[] | undefined {
  if (!Array.isArray(value) || value.length > VERSIONS_MAX) return undefined
  const versions: KeyVersion[] = []
  for (const one of value as unknown[]) {
    if (typeof one !== 'object' || one === null) return undefined
    const { version, createdAt, mark, publicKey } = one as Unknown<KeyVersion>
    if (!isCount(version, 1) || version > VERSION_MAX || !isCount(createdAt)) return undefined
    if (typeof mark !== 'string' || !MARK.test(mark)) return undefined
    if (typeof publicKey !== 'string' || !PUBLIC_KEY.test(publicKey)) return undefined
    if (hasPublicKey !== publicKey.length > 0) return undefined
    const last = versions.at(-1)?.version
    if (last !== undefined && version !== last + 1) return undefined
    versions.push({ version, createdAt, mark, publicKey: fromHex(publicKey) })
  }
  return versions
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function isCount(value: unknown, least = 0): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean'
}
