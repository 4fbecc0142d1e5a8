/**
 * {@link ShareVault} in memory, for tests and simulations: nothing is sealed, nothing survives.
 *
 * @module
 */
import { fromHex, toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets } from '../../ground/octets.ts'
import { isSecretOf, isShareOf } from '../../keys/custody/held-share.ts'
import {
  GENERATIONS_MAX,
  type HeldShare,
  type ShareVault,
  type VaultEntry,
} from '../../ports/share-vault.ts'
import { readCustodyDeletion, type SignedDeletion } from '../../wire/custody-deletion.ts'
import { readCustodyManifest } from '../../wire/custody-manifest.ts'

interface Held {
  readonly generation: number
  readonly state: 'prepared' | 'committed'
  readonly manifest: Uint8Array
  readonly share: HeldShare
}

const SIGNATURE_BYTES = 64

/** @param node 16 octets: whose shares these are */
export function memoryShareVault(node: Uint8Array): ShareVault {
  const keys = new Map<string, Map<number, Held>>()
  const deletions = new Map<string, SignedDeletion & { readonly bytes: Uint8Array }>()
  const of = (key: string): Held[] =>
    [...(keys.get(key)?.values() ?? [])].sort((a, b) => a.generation - b.generation)
  const generationsOf = (key: string) =>
    of(key).map(({ generation, state }) => ({ keyId: fromHex(key), generation, state }))
  const entry = ({ manifest, share }: Held): VaultEntry => ({
    manifest: new Uint8Array(manifest),
    open: () => ({ header: share.header, secret: new Uint8Array(share.secret) }),
  })
  const remove = (key: string, generation: number): void => {
    keys.get(key)?.get(generation)?.share.secret.fill(0)
    keys.get(key)?.delete(generation)
  }
  return {
    async prepare(manifest, { header, secret }) {
      const unsigned = joinOctets(manifest, new Uint8Array(SIGNATURE_BYTES))
      const stated = readCustodyManifest(unsigned)?.manifest
      const whole = { ...header, node }
      if (stated === undefined || !isShareOf(stated, whole) || !isSecretOf(whole, secret)) {
        throw failed('vault-mismatch', 'The manifest gives this node another share')
      }
      const key = toHex(header.keyId)
      const { generation } = header
      const kept = of(key)
      const newest = Math.max(
        kept.findLast(({ state }) => state === 'committed')?.generation ?? -1,
        deletions.get(key)?.value.generation ?? -1,
      )
      const others = kept.filter((one) => one.generation !== generation).length
      if (generation <= newest || others >= GENERATIONS_MAX) {
        throw failed('vault-state', `Generation ${generation} of ${key} cannot be prepared`)
      }
      const share = { header, secret: new Uint8Array(secret) }
      const held: Held = { generation, state: 'prepared', manifest: unsigned, share }
      keys.set(key, (keys.get(key) ?? new Map<number, Held>()).set(generation, held))
    },
    async commit(signedManifest) {
      const signed = readCustodyManifest(signedManifest)
      if (signed === undefined) throw failed('vault-mismatch', 'That is no manifest')
      const { keyId, generation } = signed.manifest
      const files = keys.get(toHex(keyId))
      const held = files?.get(generation)
      if (held === undefined) throw failed('vault-state', `${generation} is not prepared`)
      if (!signed.signed.every((octet, i) => octet === held.manifest[i])) {
        throw failed('vault-mismatch', `${generation} was prepared otherwise`)
      }
      if (held.state === 'committed') return
      files?.set(generation, {
        ...held,
        state: 'committed',
        manifest: new Uint8Array(signedManifest),
      })
    },
    async abort(keyId, generation) {
      const key = toHex(keyId)
      if (keys.get(key)?.get(generation)?.state === 'committed') {
        throw failed('vault-state', `${generation} is committed`)
      }
      remove(key, generation)
    },
    async destroy(keyId, generation) {
      remove(toHex(keyId), generation)
    },
    async delete(deletion) {
      const bytes = new Uint8Array(deletion)
      const read = readCustodyDeletion(bytes)
      if (read === undefined) throw failed('vault-mismatch', 'That is no deletion')
      const { keyId, generation } = read.value
      const key = toHex(keyId)
      const before = deletions.get(key)?.value.generation ?? -1
      if (generation > before) deletions.set(key, { ...read, bytes })
      for (const one of of(key)) if (one.generation <= generation) remove(key, one.generation)
    },
    deletion: (keyId) => deletions.get(toHex(keyId))?.bytes.slice(),
    current(keyId) {
      const held = of(toHex(keyId)).findLast(({ state }) => state === 'committed')
      return held === undefined ? undefined : entry(held)
    },
    committed(keyId, generation) {
      const held = keys.get(toHex(keyId))?.get(generation)
      return held?.state === 'committed' ? entry(held) : undefined
    },
    generations: (keyId) => generationsOf(toHex(keyId)),
    list: () => ({ generations: [...keys.keys()].sort().flatMap(generationsOf), damaged: [] }),
    close: () => keys.clear(),
  }
}

function failed(code: string, message: string): LimenError {
  return new LimenError(code, message, { side: 'limen', retry: false })
}
