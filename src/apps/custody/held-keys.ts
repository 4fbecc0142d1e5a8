/**
 * What a custody node needs of a key to use it, opened from its vault and checked against the manifest, kept for a while: opening reads a
 * file. Shares are zeroed when they go.
 *
 * @module
 */
import { type GroupKey, hasImage, imageAt } from '../../crypto/feldman.ts'
import type { PrimeGroup } from '../../crypto/prime-group.ts'
import type { Clock } from '../../ground/clock.ts'
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { faultOfShare } from '../../keys/custody/octet-shares.ts'
import type { HeldShare, ShareVault, VaultEntry } from '../../ports/share-vault.ts'
import { type CustodyManifest, readCustodyManifest } from '../../wire/custody-manifest.ts'
import type { Outcome } from '../../wire/custody-message.ts'
import { SALT_BYTES, SCHEME, type Scheme } from '../../wire/share-record.ts'

/** One generation of a key. */
export interface HeldKey {
  readonly manifest: CustodyManifest
  /** Signed; LCM1. */
  readonly manifestBytes: Uint8Array
  readonly point: number
  /** Secret: the scalar; of octets the share, its point last. */
  readonly share: Uint8Array
  /** Of octets. */
  readonly salt: Uint8Array
  readonly key: Pick<GroupKey, 'publicKey' | 'threshold'>
}

export type HeldKeyFound =
  | { readonly kind: 'held'; readonly held: HeldKey }
  | { readonly kind: 'not'; readonly outcome: Outcome; readonly generation: number }

export interface HeldKeysOptions {
  readonly vault: ShareVault
  readonly clock: Clock
  /** Of schemes 2 and 3. */
  groupOf(scheme: Scheme): PrimeGroup
  /** {@link KEEP_MS} for all but tests. */
  readonly keepMs?: number
}

/** LCU/1: a share that is in use is read again twice a minute. */
const KEEP_MS = 30_000
/** At once; the oldest goes. */
const KEYS_MAX = 4096

interface Kept {
  readonly held: HeldKey
  readonly newest: boolean
  readonly until: number
}

export class HeldKeys {
  readonly #options: HeldKeysOptions
  /** By key id, then generation. */
  readonly #kept = new Map<string, Map<number, Kept>>()
  hits = 0
  misses = 0

  constructor(options: HeldKeysOptions) {
    this.#options = options
  }

  /** @param generation 0: the newest. Never throws for what the vault holds */
  find(keyId: Uint8Array, generation: number): HeldKeyFound {
    const id = toHex(keyId)
    const now = this.#options.clock.now()
    const kept = this.#kept.get(id)
    const one =
      generation === 0
        ? [...(kept?.values() ?? [])].find(({ newest }) => newest)
        : kept?.get(generation)
    if (one !== undefined && one.until > now) {
      this.hits++
      return { kind: 'held', held: one.held }
    }
    this.misses++
    const found = this.read(keyId, generation)
    if (found.kind === 'held') this.#keep(id, found.held, generation === 0, now)
    return found
  }

  /** Past what is kept: as it is on the disk now. The caller zeroes its share. */
  read(keyId: Uint8Array, generation: number): HeldKeyFound {
    const { vault } = this.#options
    const newest = vault.generations(keyId).findLast(({ state }) => state !== 'prepared')
    if (newest === undefined) return { kind: 'not', outcome: 'unknown-key', generation: 0 }
    const not = (outcome: Outcome): HeldKeyFound => {
      return { kind: 'not', outcome, generation: newest.generation }
    }
    try {
      const entry = generation === 0 ? vault.current(keyId) : vault.committed(keyId, generation)
      if (entry === undefined) return not('share-gen')
      const held = this.#open(entry)
      return held === undefined ? not('share-commit') : { kind: 'held', held }
    } catch (error) {
      if (error instanceof LimenError && error.code === 'vault-record') return not('share-commit')
      throw error
    }
  }

  /** A change of the key's shares has happened. */
  forget(keyId: Uint8Array): void {
    const id = toHex(keyId)
    for (const { held } of this.#kept.get(id)?.values() ?? []) held.share.fill(0)
    this.#kept.delete(id)
  }

  /** Zeroes what is no longer kept; called every so often. */
  sweep(now = this.#options.clock.now()): void {
    for (const [id, generations] of this.#kept) {
      for (const [generation, { held, until }] of generations) {
        if (until > now) continue
        held.share.fill(0)
        generations.delete(generation)
      }
      if (generations.size === 0) this.#kept.delete(id)
    }
  }

  close(): void {
    this.sweep(Number.POSITIVE_INFINITY)
  }

  #keep(id: string, held: HeldKey, newest: boolean, now: number): void {
    const until = now + (this.#options.keepMs ?? KEEP_MS)
    const generations = this.#kept.get(id) ?? new Map<number, Kept>()
    const { generation } = held.manifest
    const before = generations.get(generation)
    if (before !== undefined) before.held.share.fill(0)
    generations.set(generation, { held, newest: newest || before?.newest === true, until })
    this.#kept.delete(id)
    this.#kept.set(id, generations)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > KEYS_MAX && oldest !== undefined) {
      for (const one of this.#kept.get(oldest)?.values() ?? []) one.held.share.fill(0)
      this.#kept.delete(oldest)
    }
  }

  /** undefined: not the share that was committed to. */
  #open({ manifest: manifestBytes, open }: VaultEntry): HeldKey | undefined {
    const manifest = readCustodyManifest(manifestBytes)?.manifest
    if (manifest === undefined) return undefined
    const { header, secret }: HeldShare = open()
    const isOctets = manifest.scheme === SCHEME.octets
    const end = isOctets ? secret.length - SALT_BYTES : secret.length
    const [publicKey = new Uint8Array()] = manifest.commitments
    const held: HeldKey = {
      ...{ manifest, manifestBytes, point: header.point },
      share: secret.subarray(0, end),
      salt: secret.subarray(end),
      key: { publicKey, threshold: manifest.threshold },
    }
    if (this.#isAsCommitted(held)) return held
    secret.fill(0)
    return undefined
  }

  #isAsCommitted({ manifest, point, share, salt }: HeldKey): boolean {
    const { scheme, generation, commitments, holders } = manifest
    if (scheme === SCHEME.octets) {
      return faultOfShare(manifest, { generation, share, salt }) === undefined
    }
    if (!holders.some((holder) => holder.point === point)) return false
    const group = this.#options.groupOf(scheme)
    return hasImage(group, share, imageAt(group, point, commitments))
  }
}
