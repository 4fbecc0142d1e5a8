/**
 * Operations that holders do together and nobody has the key for: signatures by FROST, and products for opening and deriving.
 * Whoever answers wrongly is named by its part and not asked for a while.
 *
 * @module
 */

import type { GroupKey } from '../../crypto/feldman.ts'
import { aggregateSignature, isCommitment, type SigningCommitment } from '../../crypto/frost.ts'
import { combineProducts, type PartialProduct } from '../../crypto/threshold-dh.ts'
import { toHex } from '../../ground/hex.ts'
import { joinOctets } from '../../ground/octets.ts'
import type { CustodyManifest } from '../../wire/custody-manifest.ts'
import { FIELD, fieldOf } from '../../wire/custody-message.ts'
import { gather } from './gather.ts'
import type { Holder, KeyUser, Try } from './key-user.ts'

/** Left of a batch when the next one is asked for. */
const REFILL_AT = 12
/** Keys and nodes whose commitments are kept; the oldest goes. */
const POOLS_MAX = 2_000

interface Pool {
  readonly ready: SigningCommitment[]
  filling: Promise<boolean> | undefined
}

interface Signer {
  readonly holder: Holder
  readonly commitment: SigningCommitment
}

export class ThresholdUse {
  readonly #user: KeyUser
  /** Commitments of nodes to their next nonces, by node, key and generation. */
  readonly #pools = new Map<string, Pool>()

  constructor(user: KeyUser) {
    this.#user = user
  }

  /** Ed25519 (RFC 8032), 64 octets. undefined: not enough good parts. */
  async sign(one: Try, message: Uint8Array): Promise<Uint8Array | undefined> {
    const { known, holders } = one
    const { group } = known
    if (group === undefined) return undefined
    const { threshold } = group
    // Who has not answered in its usual time is not of the next set, which signs beside: the first signature wins.
    const slow = new Set<number>()
    const sets = gather<number, Uint8Array>({
      candidates: holders.slice(threshold - 1).map((_, i) => i),
      need: 1,
      ask: async () => {
        // Who has lied meanwhile comes after who is only slow.
        const rank = ({ point, at }: Holder): number =>
          at.health.isExcluded ? 2 : Number(slow.has(point))
        const order = [...holders].sort((a, b) => rank(a) - rank(b))
        return await this.#signBy(one, group, order, message, slow)
      },
      hedgeMs: () =>
        2 * Math.max(...holders.slice(0, threshold).map((h) => one.hedgeMs(h, 'sign'))),
      mayHedge: () => one.mayHedge(threshold),
      deadlineMs: one.leftMs(),
    })
    return (await sets)[0]
  }

  /** Key x element. undefined: not enough good parts. */
  async multiply(
    one: Try,
    context: Uint8Array,
    element: Uint8Array,
    input: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const { group } = one.known
    if (group === undefined) return undefined
    const { ristretto255 } = this.#user.groups
    const good = new Map<number, PartialProduct>()
    let left = [...one.holders]
    while (good.size + left.length >= group.threshold) {
      const parts = await gather<Holder, PartialProduct>({
        candidates: left,
        need: group.threshold - good.size,
        ask: async (holder) => {
          left = left.filter((other) => other !== holder)
          const answer = await one.ask(holder, 'multiply', [[FIELD.input, [input]]])
          if (answer?.outcome !== 'done') return undefined
          const product = fieldOf(answer.fields, FIELD.share)
          return { point: holder.point, product, proof: fieldOf(answer.fields, FIELD.proof) }
        },
        hedgeMs: (holder) => one.hedgeMs(holder, 'multiply'),
        mayHedge: () => one.mayHedge(),
        deadlineMs: one.leftMs(),
      })
      for (const part of parts) good.set(part.point, part)
      const combined = combineProducts(ristretto255, context, group, element, [...good.values()])
      if (combined.kind === 'combined') return combined.element
      if (combined.code !== 'proof') return undefined
      for (const point of combined.points) good.delete(point)
      blame(one, combined.points)
    }
    return undefined
  }

  async #signBy(
    one: Try,
    group: GroupKey,
    order: readonly Holder[],
    message: Uint8Array,
    slow: Set<number>,
  ): Promise<Uint8Array | undefined> {
    const { ed25519 } = this.#user.groups
    const signers = await gather<Holder, Signer>({
      candidates: order,
      need: group.threshold,
      ask: async (holder) => {
        const commitment = await this.#commitmentOf(one, holder)
        return commitment === undefined ? undefined : { holder, commitment }
      },
      hedgeMs: (holder) => one.hedgeMs(holder, 'nonces'),
      mayHedge: () => one.mayHedge(),
      deadlineMs: one.leftMs(),
    })
    if (signers.length < group.threshold) return undefined
    signers.sort((a, b) => a.commitment.point - b.commitment.point)
    const commitments = signers.map(({ commitment }) => commitment)
    const octets = commitments.map(({ point, hiding, binding }) =>
      joinOctets(Uint8Array.of(point), hiding, binding),
    )
    const shares = new Map<number, Uint8Array>()
    for (const { holder } of signers) slow.add(holder.point)
    await Promise.all(
      signers.map(async ({ holder }) => {
        const fields = [
          [FIELD.input, [message]],
          [FIELD.commitment, octets],
        ] as const
        const answer = await one.ask(holder, 'sign', fields)
        // It has started anew, or let go of them.
        if (answer?.outcome === 'nonces') this.#pools.delete(poolOf(one.known.manifest, holder))
        if (answer?.outcome !== 'done') return
        shares.set(holder.point, fieldOf(answer.fields, FIELD.share))
        slow.delete(holder.point)
      }),
    )
    const signed =
      shares.size < group.threshold
        ? undefined
        : aggregateSignature(ed25519, group, commitments, message, shares)
    if (signed?.kind === 'signed') return signed.signature
    // Good signers refuse to sign beside commitments that are none.
    const liars =
      signed?.signers ??
      commitments.filter((each) => !isCommitment(ed25519, each)).map(({ point }) => point)
    blame(one, liars)
    for (const { holder } of signers) {
      if (!liars.includes(holder.point)) continue
      slow.add(holder.point)
      this.#pools.delete(poolOf(one.known.manifest, holder))
    }
    return undefined
  }

  /** undefined: this holder has none to give. */
  async #commitmentOf(one: Try, holder: Holder): Promise<SigningCommitment | undefined> {
    const name = poolOf(one.known.manifest, holder)
    let pool = this.#pools.get(name)
    if (pool === undefined) {
      pool = { ready: [], filling: undefined }
      this.#pools.set(name, pool)
      const [oldest] = this.#pools.keys()
      if (this.#pools.size > POOLS_MAX && oldest !== undefined) this.#pools.delete(oldest)
    }
    // As many take from it at once as want to sign: each round waits for the next batch.
    for (let round = 0; pool.ready.length === 0 && round < 3; round++) {
      if (!(await this.#fill(one, holder, pool))) return undefined
    }
    const commitment = pool.ready.pop()
    if (pool.ready.length < REFILL_AT) void this.#fill(one, holder, pool)
    return commitment
  }

  #fill(one: Try, holder: Holder, pool: Pool): Promise<boolean> {
    pool.filling ??= this.#askForNonces(one, holder, pool).finally(() => {
      pool.filling = undefined
    })
    return pool.filling
  }

  async #askForNonces(one: Try, holder: Holder, pool: Pool): Promise<boolean> {
    const answer = await one.ask(holder, 'nonces', [])
    if (answer?.outcome !== 'done') return false
    const { point } = holder
    for (const octets of answer.fields.get(FIELD.commitment) ?? []) {
      const half = octets.length / 2
      pool.ready.push({ point, hiding: octets.slice(0, half), binding: octets.slice(half) })
    }
    return true
  }
}

/** These have answered wrongly, which their parts prove. */
export function blame({ holders }: Try, points: readonly number[]): void {
  for (const { point, at } of holders) if (points.includes(point)) at.health.lied()
}

function poolOf({ keyId, generation }: CustodyManifest, { at }: Holder): string {
  return `${at.id} ${toHex(keyId)} ${generation}`
}
