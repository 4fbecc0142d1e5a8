/**
 * The shares of one node with their manifests: durable, sealed, two-phase. A generation is prepared, then committed, and the one
 * before it is kept until it is destroyed. Whatever happens in between, a commit has happened or it has not. What
 * a share means, and whether it is as committed to, is `keys/custody/`. Implementations: `adapters/node/share-vault.ts`,
 * `adapters/memory/share-vault.ts`; both run `share-vault.contract.ts`.
 *
 * Codes of its LimenErrors: `vault-full` (no room: what was before is untouched), `vault-unwritable`, `vault-state` (not what this
 * generation is for now), `vault-mismatch` (another share or manifest than belongs here), `vault-record` (what was kept does not open).
 *
 * @module
 */
import type { ShareHeader } from '../wire/share-record.ts'

/** Which share; whose node and which wrapping key, the vault knows. */
export type HeldShareHeader = Omit<ShareHeader, 'node' | 'wrappingKey'>

export interface HeldShare {
  readonly header: HeldShareHeader
  /** Scheme 1: the share, its point last, and 32 octets of salt; else the scalar. Whoever has it zeroes it. */
  readonly secret: Uint8Array
}

/** `damaged`: the file is there and cannot be read; its name still says which generation it was. */
export type VaultState = 'prepared' | 'committed' | 'damaged'

export interface VaultGeneration {
  readonly keyId: Uint8Array
  readonly generation: number
  readonly state: VaultState
}

export interface VaultEntry {
  /** Signed; LCM1. */
  readonly manifest: Uint8Array
  /** Reads and opens it each time. @throws LimenError `vault-record` when it has been changed or is gone */
  open(): HeldShare
}

/** A file that does not open, and why: not a record, of another share than its name says, or its seal is broken. */
export interface DamagedRecord {
  readonly file: string
  readonly code: 'format' | 'mismatch' | 'seal'
  /** As its name says. */
  readonly keyId: Uint8Array | undefined
  readonly generation: number | undefined
}

export interface VaultListing {
  readonly generations: readonly VaultGeneration[]
  readonly damaged: readonly DamagedRecord[]
}

/** Generations of one key at once: two, and as many again that an interrupted change has left to be cleared away. */
export const GENERATIONS_MAX = 4

export interface ShareVault {
  /**
   * Keeps the share of a new generation; on the disk when it resolves. Preparing the same generation again replaces it.
   *
   * @param manifest to be signed: LCM1 without its last 64 octets
   * @throws LimenError `vault-full`, `vault-unwritable`; `vault-mismatch` when the manifest does not give this node this share;
   *   `vault-state` for a generation that is not newer than the current one or a deletion, or the fifth of its key
   */
  prepare(manifest: Uint8Array, share: HeldShare): Promise<void>
  /**
   * Makes a prepared generation the current one, at once or not at all, and needs no room for it. Again is no error.
   * Whether the signature is right is the caller's.
   *
   * @throws LimenError `vault-state` when it was not prepared, `vault-mismatch` when what is signed is not what was prepared
   */
  commit(signedManifest: Uint8Array): Promise<void>
  /** Forgets a prepared generation; none is no error. @throws LimenError `vault-state` for a committed one */
  abort(keyId: Uint8Array, generation: number): Promise<void>
  /** Overwrites and forgets any generation, whatever its state; none is no error. */
  destroy(keyId: Uint8Array, generation: number): Promise<void>
  /**
   * Overwrites and forgets all generations of a key up to the deletion's, and takes none of them again, whatever crashes in between. Again
   * is no error. Whether the signature is right is the caller's.
   *
   * @param deletion signed; LCD1
   * @throws LimenError `vault-full`, `vault-unwritable`: what was before is untouched, or goes at the next start; `vault-mismatch`
   */
  delete(deletion: Uint8Array): Promise<void>
  /** The newest deletion of a key, as it was given; undefined: it never was deleted here. */
  deletion(keyId: Uint8Array): Uint8Array | undefined
  /** The newest committed one. @throws LimenError `vault-record` when that is damaged: an older one must not pass for it */
  current(keyId: Uint8Array): VaultEntry | undefined
  /** One that is committed, and not destroyed: the old one, while others still use it. @throws LimenError `vault-record` */
  committed(keyId: Uint8Array, generation: number): VaultEntry | undefined
  /** Of one key, the oldest first. */
  generations(keyId: Uint8Array): readonly VaultGeneration[]
  /** Reads and opens everything that is kept. */
  list(): VaultListing
  /** Forgets the data key. */
  close(): void
}
