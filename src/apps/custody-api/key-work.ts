/**
 * What is done with one version of a key: here, together or assembled, as its type says (`keys/custody/key-type.ts`). Octets in, octets
 * out; which version, and whether anybody may, has been decided before.
 *
 * | type | ciphertext |
 * |---|---|
 * | ristretto255-hpke | ephemeral key (32), ciphertext, tag: HPKE with info "limen/transit/1", the binding as AAD |
 * | derive | chance (32), ciphertext, tag: AES-256-GCM, nonce 0, under the key derived of chance and binding, which encrypts once |
 * | aes256-gcm96 | nonce (12), ciphertext, tag; the binding as AAD besides the key's id |
 *
 * @module
 */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  type KeyObject,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import type { SodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import { type CataloguedKey, type KeyVersion, labelOf } from '../../keys/custody/catalogued-key.ts'
import { KEY_TYPES } from '../../keys/custody/key-type.ts'
import { sealToCustody } from '../../keys/custody/threshold-keys.ts'
import { rawEcdsaSignature } from '../../wire/ecdsa-signature.ts'
import type { CustodyClient } from '../custody/custody-client.ts'
import { ed25519PublicKey } from '../custody/node-world.ts'

/** Of signatures by ECDSA; others have one form only. */
export type SignatureForm = 'asn1' | 'jws'

export interface KeyWorkOptions {
  readonly client: CustodyClient
  readonly groups: SodiumGroups
  readonly random: Random
}

const INFO = octetsOf('limen/transit/1')
const CHANCE_BYTES = 32
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'
/** A derived key encrypts once. */
const NONCE = new Uint8Array(12)

/** All but {@link verifies} throw LimenErrors as {@link CustodyClient} does. */
export class KeyWork {
  readonly #options: KeyWorkOptions

  constructor(options: KeyWorkOptions) {
    this.#options = options
  }

  async encrypt(
    key: CataloguedKey,
    version: KeyVersion,
    plain: Uint8Array,
    binding: Uint8Array,
  ): Promise<Uint8Array> {
    const { client, groups, random } = this.#options
    const { use } = KEY_TYPES[key.type]
    if (use === 'open') {
      const { publicKey } = version
      return sealToCustody(groups.ristretto255, publicKey, INFO, binding, plain, random)
    }
    const label = labelOf(key, version)
    if (use === 'encrypt') return await client.encrypt(label, plain, binding)
    const chance = random.bytes(CHANCE_BYTES)
    const derived = await client.derive(label, joinOctets(chance, binding))
    const cipher = createCipheriv(CIPHER, derived, NONCE)
    derived.fill(0)
    return joinOctets(chance, cipher.update(plain), cipher.final(), cipher.getAuthTag())
  }

  /** undefined: it was not encrypted with this version and binding. */
  async decrypt(
    key: CataloguedKey,
    version: KeyVersion,
    sealed: Uint8Array,
    binding: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const { client } = this.#options
    const { use } = KEY_TYPES[key.type]
    const label = labelOf(key, version)
    if (use === 'open') return await client.open(label, sealed, INFO, binding)
    if (use === 'encrypt') {
      return await client.decrypt(label, sealed, binding).catch((error: unknown) => {
        // Enough nodes say that it is none of theirs.
        if (error instanceof LimenError && error.code === 'custody-input') return undefined
        throw error
      })
    }
    if (sealed.length < CHANCE_BYTES + TAG_BYTES) return undefined
    const chance = sealed.subarray(0, CHANCE_BYTES)
    const derived = await client.derive(label, joinOctets(chance, binding))
    const plain = openOnce(derived, sealed.subarray(CHANCE_BYTES))
    derived.fill(0)
    return plain
  }

  /** Ed25519, ECDSA with SHA-256, or RSA-PSS with SHA-256 and 32 octets of salt. */
  async sign(
    key: CataloguedKey,
    version: KeyVersion,
    message: Uint8Array,
    form: SignatureForm,
  ): Promise<Uint8Array> {
    const { client } = this.#options
    const label = labelOf(key, version)
    if (key.type === 'ed25519') return await client.sign(label, message)
    const signature = await client.signAssembled(label, message)
    if (key.type !== 'ecdsa-p256' || form === 'asn1') return signature
    const raw = rawEcdsaSignature(signature)
    if (raw === undefined) throw new RangeError('A signature by ECDSA is none')
    return raw
  }

  verifies(
    { type }: CataloguedKey,
    { publicKey }: KeyVersion,
    message: Uint8Array,
    signature: Uint8Array,
    form: SignatureForm,
  ): boolean {
    if (type === 'ed25519') return verify(null, message, ed25519PublicKey(publicKey), signature)
    const key = spkiKey(publicKey)
    if (type === 'ecdsa-p256') {
      const dsaEncoding = form === 'jws' ? 'ieee-p1363' : 'der'
      return verify('sha256', message, { key, dsaEncoding }, signature)
    }
    const padding = constants.RSA_PKCS1_PSS_PADDING
    const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
    return verify('sha256', message, { key, padding, saltLength }, signature)
  }

  /** HMAC-SHA-256. */
  async mac(key: CataloguedKey, version: KeyVersion, message: Uint8Array): Promise<Uint8Array> {
    return await this.#options.client.mac(labelOf(key, version), message)
  }

  async isMac(
    key: CataloguedKey,
    version: KeyVersion,
    message: Uint8Array,
    shown: Uint8Array,
  ): Promise<boolean> {
    const mac = await this.mac(key, version, message)
    return mac.length === shown.length && timingSafeEqual(mac, shown)
  }
}

/** @param publicKey SubjectPublicKeyInfo */
export function spkiKey(publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
}

function openOnce(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const tagAt = sealed.length - TAG_BYTES
  const decipher = createDecipheriv(CIPHER, key, NONCE).setAuthTag(sealed.subarray(tagAt))
  const plain = decipher.update(sealed.subarray(0, tagAt))
  try {
    decipher.final()
    return plain
  } catch {
    plain.fill(0)
    return undefined
  }
}
