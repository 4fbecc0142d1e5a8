/**
 * A key of the operations API as its catalogue knows it: type, versions, and which of them may be used for what. All of it may be known by
 * everybody; the key itself is in shares, one for each version. Rules and words are those of Vault's transit engine.
 *
 * @module
 */
import type { KeyLabel } from './key-label.ts'
import { KEY_TYPES, type KeyType } from './key-type.ts'

export interface CataloguedKey {
  readonly name: string
  readonly type: KeyType
  /** One more with every change; deleting is one, too. */
  readonly serial: number
  readonly isDeleted: boolean
  /** Every operation needs a context, which the ciphertext is bound to. */
  readonly isDerived: boolean
  readonly deletionAllowed: boolean
  /** 0: nothing was trimmed. */
  readonly minAvailable: number
  /** At least 1. */
  readonly minDecryption: number
  /** 0: none. */
  readonly minEncryption: number
  /** Ascending without gaps, up to the latest; of a deleted key none. */
  readonly versions: readonly KeyVersion[]
}

export interface KeyVersion {
  readonly version: number
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** 16 hex digits by chance: a version that was made and never catalogued stands in nobody's way. */
  readonly mark: string
  /** Of ristretto255 and Ed25519 32 octets, else SubjectPublicKeyInfo (RFC 5280); empty for a type without one. */
  readonly publicKey: Uint8Array
}

export type KeyChange =
  | { readonly kind: 'changed'; readonly key: CataloguedKey }
  /** In words for whoever asked. */
  | { readonly kind: 'refused'; readonly why: string }

export interface KeySettings {
  readonly minDecryption?: number | undefined
  readonly minEncryption?: number | undefined
  readonly deletionAllowed?: boolean | undefined
}

/** Vault's grammar of names; so that they fit into a label with `transit/` and a mark, no longer than this. */
export const KEY_NAME = /^\w(?:[\w.-]{0,98}\w)?$/
/** As many versions as a record may have: a key that is rotated daily is trimmed every two years. */
export const VERSIONS_MAX = 1000

export function newKey(
  name: string,
  type: KeyType,
  isDerived: boolean,
  first: KeyVersion,
  serial: number,
): CataloguedKey {
  return {
    ...{ name, type, serial, isDerived, isDeleted: false, deletionAllowed: false },
    ...{ minAvailable: 0, minDecryption: 1, minEncryption: 0, versions: [first] },
  }
}

export function latestOf({ versions }: CataloguedKey): number {
  return versions.at(-1)?.version ?? 0
}

/** What the custody nodes know a version as. */
export function labelOf(
  { name, type }: Pick<CataloguedKey, 'name' | 'type'>,
  { version, mark }: Pick<KeyVersion, 'version' | 'mark'>,
): KeyLabel {
  return { name: `transit/${name}/${mark}`, version, use: KEY_TYPES[type].use }
}

export function rotated(key: CataloguedKey, next: KeyVersion): KeyChange {
  if (next.version !== latestOf(key) + 1) return refused('the key was rotated meanwhile')
  if (key.versions.length >= VERSIONS_MAX) return refused('the key has too many versions: trim it')
  return changed(key, { versions: [...key.versions, next] })
}

export function configured(key: CataloguedKey, settings: KeySettings): KeyChange {
  const { minEncryption = key.minEncryption, deletionAllowed = key.deletionAllowed } = settings
  // As Vault does: 0 means the first.
  const minDecryption = Math.max(1, settings.minDecryption ?? key.minDecryption)
  const latest = latestOf(key)
  if (minDecryption > latest) {
    return refused(
      `cannot set min decryption version of ${minDecryption}, latest key version is ${latest}`,
    )
  }
  if (minEncryption > latest) {
    return refused(
      `cannot set min encryption version of ${minEncryption}, latest key version is ${latest}`,
    )
  }
  if (minEncryption > 0 && minEncryption < minDecryption) {
    return refused(
      `cannot set min encryption/decryption values; min encryption version of ${minEncryption} must be greater than or equal to min decryption version of ${minDecryption}`,
    )
  }
  if (minDecryption < key.minAvailable) {
    return refused('min decryption version should not be less than min available version')
  }
  return changed(key, { minDecryption, minEncryption, deletionAllowed })
}

/** Forgets versions below, for good. */
export function trimmed(key: CataloguedKey, minAvailable: number): KeyChange {
  const { minEncryption, minDecryption } = key
  if (minEncryption === 0) {
    return refused('minimum available version cannot be set when minimum encryption version is not')
  }
  if (minAvailable < Math.max(1, key.minAvailable)) {
    return refused('minimum available version cannot be decremented')
  }
  if (minAvailable > Math.min(minDecryption, minEncryption)) {
    return refused(
      'minimum available version cannot be higher than minimum encryption or decryption version',
    )
  }
  const versions = key.versions.filter(({ version }) => version >= minAvailable)
  return changed(key, { minAvailable, versions })
}

/** What stays is that there was one: a record that is copied back does not bring it back. */
export function deleted(key: CataloguedKey): KeyChange {
  if (!key.deletionAllowed) return refused('deletion is not allowed for this policy')
  return changed(key, { isDeleted: true, versions: [], minAvailable: 0, minEncryption: 0 })
}

export type ChosenVersion =
  | { readonly kind: 'chosen'; readonly version: KeyVersion }
  | { readonly kind: 'refused'; readonly why: string }

/** To encrypt, sign or authenticate with. @param wanted 0: the latest */
export function versionToWrite(key: CataloguedKey, wanted: number): ChosenVersion {
  const latest = latestOf(key)
  const number = wanted === 0 ? latest : wanted
  if (number > latest) {
    return refused('requested version for encryption is higher than the latest key version')
  }
  if (number < Math.max(key.minEncryption, key.minDecryption)) {
    return refused(
      'requested version for encryption is less than the minimum encryption key version',
    )
  }
  return found(key, number)
}

/** To decrypt or verify with. */
export function versionToRead(
  key: CataloguedKey,
  number: number,
  what: 'ciphertext' | 'signature',
): ChosenVersion {
  if (number > latestOf(key)) return refused(`invalid ${what}: version is too new`)
  if (number < key.minDecryption) {
    return refused(`${what} version is disallowed by policy (too old)`)
  }
  return found(key, number)
}

function found(key: CataloguedKey, number: number): ChosenVersion {
  const version = key.versions.find((one) => one.version === number)
  return version === undefined ? refused('no such version') : { kind: 'chosen', version }
}

function changed(key: CataloguedKey, change: Partial<CataloguedKey>): KeyChange {
  return { kind: 'changed', key: { ...key, ...change, serial: key.serial + 1 } }
}

function refused(why: string): { readonly kind: 'refused'; readonly why: string } {
  return { kind: 'refused', why }
}
