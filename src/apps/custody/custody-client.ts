/**
 * Uses keys in custody (LCU/1): signs, opens, derives with any t of the n holders, and has holders encrypt, decrypt, and
 * sign with what has to be put together. Slow holders are helped by others, dead ones avoided, liars named and left out. Changes of
 * shares are `drive-change.ts`, drills `drill.ts`.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { type KeyLabel, keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import {
  DERIVE_CONTEXT,
  dataKey,
  elementToDerive,
  elementToOpen,
  OPEN_CONTEXT,
  openFromCustody,
} from '../../keys/custody/threshold-keys.ts'
import { operateAtHolder } from './assembled-use.ts'
import { KeyManifests, type KnownKey } from './key-manifests.ts'
import { KeyUser, type KeyUserOptions, type Try } from './key-user.ts'
import { type NodeLinks, type NodeLinksOptions, openNodeLinks } from './node-links.ts'
import type { SecretAction } from './secret-operation.ts'
import { ThresholdUse } from './threshold-use.ts'

export interface CustodyClientOptions
  extends NodeLinksOptions,
    Pick<KeyUserOptions, 'groups' | 'chanceOf' | 'operationMs' | 'hedges'> {}

/** Every operation throws LimenErrors as {@link KeyUser.perform} does. */
export interface CustodyClient {
  readonly links: NodeLinks
  readonly manifests: KeyManifests
  /** Ed25519; of a key with use `sign`. */
  sign(key: KeyName, message: Uint8Array): Promise<Uint8Array>
  /** What was sealed to a key with use `open`: `sealToCustody()`. undefined: it was not sealed to it, `info` and `aad` */
  open(
    key: KeyName,
    sealed: Uint8Array,
    info: Uint8Array,
    aad: Uint8Array,
  ): Promise<Uint8Array | undefined>
  /** The key of an object, 32 octets, always the same; of a key with use `derive`. Whoever has it zeroes it. */
  derive(key: KeyName, objectId: Uint8Array): Promise<Uint8Array>
  encrypt(key: KeyName, plain: Uint8Array, aad?: Uint8Array): Promise<Uint8Array>
  decrypt(key: KeyName, encrypted: Uint8Array, aad?: Uint8Array): Promise<Uint8Array>
  /** HMAC-SHA-256. */
  mac(key: KeyName, message: Uint8Array): Promise<Uint8Array>
  /** By a private key that is put together: Ed25519, ECDSA or RSA. */
  signAssembled(key: KeyName, message: Uint8Array): Promise<Uint8Array>
  /** The public key of a key with use `sign` or `open`. */
  publicKey(label: KeyLabel): Promise<Uint8Array>
  close(): Promise<void>
}

/** What a key is for, the operation says. */
export type KeyName = Pick<KeyLabel, 'name' | 'version'>

export function openCustodyClient(options: CustodyClientOptions): CustodyClient {
  const { groups, identity } = options
  const links = openNodeLinks(options)
  const manifests = new KeyManifests(links, groups, identity)
  const user = new KeyUser({ ...options, links, manifests })
  const together = new ThresholdUse(user)
  /** Who put a key together last. */
  const lastAt = new Map<string, string>()

  const product = async (
    label: KeyLabel,
    context: Uint8Array,
    element: Uint8Array,
    input: Uint8Array,
  ) =>
    await user.perform(label, async (one: Try) => {
      const dh = await together.multiply(one, context, element, input)
      return dh === undefined ? undefined : { dh, known: one.known }
    })
  const assembled = async (
    label: KeyLabel,
    action: SecretAction,
    input: Uint8Array,
    aad?: Uint8Array,
  ): Promise<Uint8Array> => {
    const id = toHex(keyIdOf(writeKeyLabel(label)))
    const { output, by } = await user.perform(
      label,
      async (one) => await operateAtHolder(one, action, input, aad, lastAt.get(id)),
    )
    lastAt.delete(id)
    lastAt.set(id, by)
    const [oldest] = lastAt.keys()
    if (lastAt.size > KEYS_MAX && oldest !== undefined) lastAt.delete(oldest)
    return output
  }
  return {
    links,
    manifests,
    sign: (key, message) =>
      user.perform({ ...key, use: 'sign' }, (one) => together.sign(one, message)),
    async open(key, sealed, info, aad) {
      const element = elementToOpen(groups.ristretto255, sealed)
      if (element === undefined) return undefined
      const label = { ...key, use: 'open' } as const
      const { dh, known } = await product(label, OPEN_CONTEXT, element, element)
      const plain = openFromCustody(dh, publicKeyOf(known), info, aad, sealed)
      dh.fill(0)
      return plain
    },
    async derive(key, objectId) {
      const element = elementToDerive(groups.ristretto255, objectId)
      const { dh } = await product({ ...key, use: 'derive' }, DERIVE_CONTEXT, element, objectId)
      const derived = dataKey(dh, objectId)
      dh.fill(0)
      return derived
    },
    encrypt: (key, plain, aad) => assembled({ ...key, use: 'encrypt' }, 'encrypt', plain, aad),
    decrypt: (key, encrypted, aad) =>
      assembled({ ...key, use: 'encrypt' }, 'decrypt', encrypted, aad),
    mac: (key, message) => assembled({ ...key, use: 'mac' }, 'mac', message),
    signAssembled: (key, message) => assembled({ ...key, use: 'sign-assembled' }, 'sign', message),
    async publicKey(label) {
      const known = await manifests.of(keyIdOf(writeKeyLabel(label)))
      if (known !== undefined) return publicKeyOf(known)
      const text = `Key ${label.name} version ${label.version} is with no node`
      throw new LimenError('custody-key-unknown', text, { side: 'client', retry: false })
    },
    close: () => links.close(),
  }
}

const KEYS_MAX = 10_000

function publicKeyOf({ group }: KnownKey): Uint8Array {
  return group?.publicKey ?? new Uint8Array()
}
