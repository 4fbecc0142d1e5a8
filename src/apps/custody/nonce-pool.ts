/**
 * Nonces of FROST that a node has committed to ahead of time (LCU/1): in memory only, each signs once, gone with the process. What is
 * taken is no longer there before it signs.
 *
 * @module
 */
import type { KeyShare } from '../../crypto/feldman.ts'
import { type SigningCommitment, SigningNonces } from '../../crypto/frost.ts'
import type { PrimeGroup } from '../../crypto/prime-group.ts'
import { toHex } from '../../ground/hex.ts'
import type { Random } from '../../ground/random.ts'

/** PROTOCOLS, section 2.2: 4 ms of work, one round trip less for 32 signatures. */
export const NONCE_BATCH = 32
/** Of one caller, key and generation: what goes beyond takes the place of the oldest. */
const PER_OWNER_MAX = 16 * NONCE_BATCH
/** Callers, keys and generations at once; the one that has not asked for the longest goes. */
const OWNERS_MAX = 1024

export class NoncePool {
  readonly #group: PrimeGroup
  readonly #random: Random
  /** By owner, then hiding commitment. */
  readonly #owners = new Map<string, Map<string, SigningNonces>>()

  constructor(group: PrimeGroup, random: Random) {
    this.#group = group
    this.#random = random
  }

  /** @param owner names caller, key and generation; nonces are for it alone */
  commit(owner: string, share: KeyShare): SigningCommitment[] {
    const nonces = this.#owners.get(owner) ?? new Map<string, SigningNonces>()
    // Most recently used last.
    this.#owners.delete(owner)
    this.#owners.set(owner, nonces)
    const commitments: SigningCommitment[] = []
    for (let i = 0; i < NONCE_BATCH; i++) {
      const one = new SigningNonces(this.#group, share, this.#random)
      nonces.set(toHex(one.commitment.hiding), one)
      commitments.push(one.commitment)
    }
    for (const oldest of nonces.keys()) {
      if (nonces.size <= PER_OWNER_MAX) break
      nonces.delete(oldest)
    }
    const [idlest] = this.#owners.keys()
    if (this.#owners.size > OWNERS_MAX && idlest !== undefined) this.#owners.delete(idlest)
    return commitments
  }

  /** undefined for what was never committed to by this node for this owner, or was taken before. */
  take(owner: string, { hiding }: SigningCommitment): SigningNonces | undefined {
    const nonces = this.#owners.get(owner)
    const key = toHex(hiding)
    const found = nonces?.get(key)
    nonces?.delete(key)
    return found
  }
}
