/**
 * A node's part in a change of a key's shares (LCU/1): it deals, takes what others dealt, prepares, and commits when the cluster's identity has
 * signed the new manifest. Every step is good only under a plan the identity has signed. What was taken is in memory until it is
 * prepared; a node that restarts before knows nothing of it, and the change is tried anew. Who drives it: `drive-change.ts`.
 *
 * @module
 */
import type { Dealing } from '../../crypto/feldman.ts'
import { isSameOctets } from '../../crypto/prime-group.ts'
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets } from '../../ground/octets.ts'
import {
  dealNewKey,
  dealShare,
  type Purpose,
  type Received,
  takeDealings,
} from '../../keys/custody/group-shares.ts'
import {
  commitmentTo,
  dealReshare,
  holdOctets,
  type OctetShare,
  proveOctets,
} from '../../keys/custody/octet-shares.ts'
import { readCustodyDeletion } from '../../wire/custody-deletion.ts'
import { type CustodyManifest, readCustodyManifest } from '../../wire/custody-manifest.ts'
import { FIELD, type Fields, fieldOf, type Outcome } from '../../wire/custody-message.ts'
import { type CustodyPlan, readCustodyPlan } from '../../wire/custody-plan.ts'
import { SCHEME } from '../../wire/share-record.ts'
import type { HeldKeys } from './held-keys.ts'
import { groupOf, isSignedBy, type NodeWorld, type Reply } from './node-world.ts'
import { isOneKey } from './one-key.ts'
import { openShare, type ShareErrand, sealShare } from './sealed-shares.ts'
import { isManifestOf, type TakenShare } from './taken-share.ts'
import { splitShare } from './use-shares.ts'

/** A driver that has not come back by then has gone. */
const TAKEN_MS = 120_000
const TAKEN_MAX = 256
const ELEMENT_BYTES = 32
const PROOF_BYTES = 64
const SIGNATURE_BYTES = 64

type Added = Pick<TakenShare, 'secret' | 'commitments'>

export class ShareChanges {
  readonly #world: NodeWorld
  readonly #held: HeldKeys
  /** By key id. */
  readonly #taken = new Map<string, TakenShare>()

  constructor(world: NodeWorld, held: HeldKeys) {
    this.#world = world
    this.#held = held
  }

  /** Shares for all receivers, of this node's share or of chance. */
  deal(keyId: Uint8Array, fields: Fields): Reply {
    const plan = this.#planOf(keyId, fields)
    if (plan === undefined) return { outcome: 'state' }
    if (plan.kind === 'make') return this.#dealNew(plan)
    const found = this.#held.read(keyId, plan.from)
    if (found.kind === 'not') return { outcome: found.outcome, generation: found.generation }
    const { held } = found
    const points = plan.receivers.map(({ point }) => point)
    const { threshold, dealers } = plan
    const { random } = this.#world
    try {
      if (plan.scheme !== held.manifest.scheme || !dealers.includes(held.point)) {
        return { outcome: 'state' }
      }
      if (plan.scheme === SCHEME.octets) {
        const { generation } = held.manifest
        const own: OctetShare = { generation, share: held.share, salt: held.salt }
        const shares = dealReshare(own, dealers, points, threshold, random)
        return this.#dealt(plan, held.point, { commitments: [], shares })
      }
      const group = groupOf(this.#world.groups, plan.scheme)
      const dealing = dealShare(group, held, dealers, { points, threshold }, random)
      return this.#dealt(plan, held.point, dealing)
    } finally {
      held.share.fill(0)
    }
  }

  /** Opens, checks and adds what all dealers dealt to this node. */
  take(keyId: Uint8Array, fields: Fields): Reply {
    const plan = this.#planOf(keyId, fields)
    const receiver = plan?.receivers.find(({ node }) => isSameOctets(node, this.#world.node))
    if (plan === undefined || receiver === undefined) return { outcome: 'state' }
    const old = this.#oldManifest(plan, fields)
    const isNew = plan.kind !== 'reshare'
    if (isNew === (old !== undefined) || (isNew && this.#isKnown(keyId)))
      return { outcome: 'state' }
    const { point } = receiver
    const dealings = fields.get(FIELD.dealing) ?? []
    const opened = dealings.map((octets) => this.#open(plan, octets))
    const received = opened.filter((one) => one !== undefined)
    const unopened = dealings
      .filter((_, i) => opened[i] === undefined)
      .map(([dealer = 0]) => dealer)
    const result = unopened.length > 0 ? unopened : this.#addUp(plan, point, received, old)
    for (const { share } of received) share.fill(0)
    if (!('secret' in result)) {
      const points = result.map((dealer) => Uint8Array.of(dealer))
      return { outcome: 'dealing', fields: new Map([[FIELD.point, points]]) }
    }
    this.sweep()
    if (this.#taken.size >= TAKEN_MAX) return { outcome: 'busy' }
    this.#forget(keyId)
    const until = this.#world.clock.now() + TAKEN_MS
    const taken: TakenShare = { ...result, plan, point, old, until, manifest: undefined }
    this.#taken.set(toHex(keyId), taken)
    return { outcome: 'done', fields: new Map([[FIELD.commitment, taken.commitments]]) }
  }

  /** Keeps what was taken, with the manifest to be. */
  async prepare(keyId: Uint8Array, fields: Fields): Promise<Reply> {
    const taken = this.#taken.get(toHex(keyId))
    const bytes = fieldOf(fields, FIELD.prepared).slice()
    const manifest = readCustodyManifest(
      joinOctets(bytes, new Uint8Array(SIGNATURE_BYTES)),
    )?.manifest
    if (taken === undefined || manifest === undefined || !isManifestOf(taken, manifest)) {
      return { outcome: 'state' }
    }
    const { vault, random } = this.#world
    const { generation } = manifest
    for (const stale of vault.generations(keyId)) {
      // Of an attempt that came to nothing: the old generation is still with everybody.
      if (stale.state === 'prepared' && stale.generation < generation) {
        await vault.abort(keyId, stale.generation)
      }
    }
    const { scheme, threshold, holders } = manifest
    const header = { scheme, keyId, generation, threshold, point: taken.point }
    const secret = taken.secret.slice()
    try {
      await vault.prepare(bytes, { header: { ...header, holders: holders.length }, secret })
    } catch (error) {
      return { outcome: outcomeOf(error) }
    } finally {
      secret.fill(0)
    }
    taken.manifest = manifest
    const [comparer] = taken.plan.receivers
    if (scheme !== SCHEME.octets || comparer === undefined) return { outcome: 'done', generation }
    const errand = errandOf('compare', taken.plan, taken.point)
    const sealed = sealShare(comparer, errand, taken.secret, random)
    return { outcome: 'done', generation, fields: new Map([[FIELD.sealed, [sealed]]]) }
  }

  /** Whether all prepared shares of octets are of one secret, the right one: puts it together for a moment. */
  compare(keyId: Uint8Array, fields: Fields): Reply {
    const taken = this.#taken.get(toHex(keyId))
    const manifest = taken?.manifest
    if (taken === undefined || manifest === undefined || manifest.scheme !== SCHEME.octets) {
      return { outcome: 'state' }
    }
    const { generation } = manifest
    const { sealing, node } = this.#world
    const shares: OctetShare[] = []
    const unopened: number[] = []
    for (const each of fields.get(FIELD.sealed) ?? []) {
      const from = each[0] ?? 0
      const plain = openShare(
        sealing,
        node,
        errandOf('compare', taken.plan, from),
        each.subarray(1),
      )
      if (plain === undefined) unopened.push(from)
      else shares.push(splitShare(generation, plain))
    }
    const proven =
      unopened.length > 0
        ? ({ kind: 'refused', points: unopened } as const)
        : proveOctets(manifest, shares)
    for (const { share, salt } of shares) {
      share.fill(0)
      salt.fill(0)
    }
    if (proven.kind === 'proven') return { outcome: 'done', generation }
    const points = proven.points.map((point) => Uint8Array.of(point))
    return { outcome: 'inconsistent', generation, fields: new Map([[FIELD.point, points]]) }
  }

  /** The new generation is the current one from here on; the old one is still there. */
  async commit(keyId: Uint8Array, fields: Fields): Promise<Reply> {
    const bytes = fieldOf(fields, FIELD.manifest).slice()
    const manifest = this.#signedManifest(keyId, bytes)
    if (manifest === undefined) return { outcome: 'state' }
    try {
      await this.#world.vault.commit(bytes)
    } catch (error) {
      return { outcome: outcomeOf(error) }
    }
    this.#forget(keyId)
    this.#held.forget(keyId)
    return { outcome: 'done', generation: manifest.generation }
  }

  /** Everything older of the key of this manifest goes: its holders all have their shares. Never another key of the same id. */
  async destroy(keyId: Uint8Array, fields: Fields): Promise<Reply> {
    const manifest = this.#signedManifest(keyId, fieldOf(fields, FIELD.manifest))
    if (manifest === undefined) return { outcome: 'state' }
    const { vault, node } = this.#world
    const isHolder = manifest.holders.some((holder) => isSameOctets(holder.node, node))
    // Never before the new share is there.
    if (isHolder && vault.committed(keyId, manifest.generation) === undefined) {
      return { outcome: 'state' }
    }
    try {
      for (const { generation } of vault.generations(keyId)) {
        const isOlder = generation < manifest.generation
        if (isOlder && !this.#isOfAnother(keyId, generation, manifest)) {
          await vault.destroy(keyId, generation)
        }
      }
    } catch (error) {
      return { outcome: outcomeOf(error) }
    }
    this.#held.forget(keyId)
    return { outcome: 'done', generation: manifest.generation }
  }

  /** All shares of a key go; none of its generations so far comes back. */
  async delete(keyId: Uint8Array, fields: Fields): Promise<Reply> {
    // A copy: what came in is zeroed when it is answered.
    const bytes = fieldOf(fields, FIELD.deletion).slice()
    const read = readCustodyDeletion(bytes)
    const isGood = read !== undefined && isSignedBy(this.#world.identity, 'deletion', read)
    if (!isGood || !isSameOctets(read.value.keyId, keyId)) return { outcome: 'state' }
    this.#forget(keyId)
    try {
      await this.#world.vault.delete(bytes)
    } catch (error) {
      return { outcome: outcomeOf(error) }
    } finally {
      this.#held.forget(keyId)
    }
    return { outcome: 'done', generation: read.value.generation }
  }

  /** The attempt of this plan is over. */
  async abort(keyId: Uint8Array, fields: Fields): Promise<Reply> {
    const plan = this.#planOf(keyId, fields)
    if (plan === undefined) return { outcome: 'state' }
    const taken = this.#taken.get(toHex(keyId))
    // Of another attempt: not what this plan is about.
    if (taken === undefined || !isSameOctets(taken.plan.attempt, plan.attempt)) {
      return { outcome: 'done' }
    }
    this.#forget(keyId)
    try {
      await this.#world.vault.abort(keyId, plan.generation)
    } catch (error) {
      return { outcome: outcomeOf(error) }
    }
    return { outcome: 'done' }
  }

  /** Forgets what nobody came back for; called every so often. */
  sweep(now = this.#world.clock.now()): void {
    for (const { until, plan } of this.#taken.values()) if (until <= now) this.#forget(plan.keyId)
  }

  close(): void {
    this.sweep(Number.POSITIVE_INFINITY)
  }

  #dealNew(plan: CustodyPlan): Reply {
    const { groups, random } = this.#world
    const own = plan.receivers.find(({ node }) => isSameOctets(node, this.#world.node))
    const isDealer = own !== undefined && plan.dealers.includes(own.point)
    if (!isDealer || plan.scheme === SCHEME.octets) return { outcome: 'state' }
    const group = groupOf(groups, plan.scheme)
    const points = plan.receivers.map(({ point }) => point)
    const receivers = { points, threshold: plan.threshold }
    const dealing = dealNewKey(group, own.point, contextOf(plan), receivers, random)
    return this.#dealt(plan, own.point, dealing, dealing.proof)
  }

  #dealt(plan: CustodyPlan, point: number, dealing: Dealing, proof?: Uint8Array): Reply {
    const errand = errandOf('deal', plan, point)
    const sealed = plan.receivers.map((receiver, i) => {
      const share = dealing.shares[i] ?? new Uint8Array()
      const one = sealShare(receiver, errand, share, this.#world.random)
      share.fill(0)
      return one
    })
    const fields = new Map<number, readonly Uint8Array[]>([[FIELD.sealed, sealed]])
    if (dealing.commitments.length > 0) fields.set(FIELD.commitment, dealing.commitments)
    if (proof !== undefined) fields.set(FIELD.proof, [proof])
    return { outcome: 'done', generation: plan.generation, fields }
  }

  /** One dealing: dealer u8 | commitments | proof of a new key | sealed share. */
  #open(plan: CustodyPlan, octets: Uint8Array): Received | undefined {
    const dealer = octets[0] ?? 0
    const count = plan.scheme === SCHEME.octets ? 0 : plan.threshold
    const proofAt = 1 + count * ELEMENT_BYTES
    const sealedAt = proofAt + (plan.kind === 'make' ? PROOF_BYTES : 0)
    if (octets.length < sealedAt) return undefined
    const errand = errandOf('deal', plan, dealer)
    const { sealing, node } = this.#world
    const share = openShare(sealing, node, errand, octets.subarray(sealedAt))
    if (share === undefined) return undefined
    const commitments = Array.from({ length: count }, (_, k) =>
      octets.subarray(1 + k * ELEMENT_BYTES, 1 + (k + 1) * ELEMENT_BYTES),
    )
    return { dealer, commitments, proof: octets.subarray(proofAt, sealedAt), share }
  }

  /** What is held now, or who dealt what it should not have. */
  #addUp(
    plan: CustodyPlan,
    point: number,
    received: readonly Received[],
    old: CustodyManifest | undefined,
  ): Added | readonly number[] {
    const { dealers, threshold, generation, keyId, scheme } = plan
    if (scheme === SCHEME.octets) {
      const lengths = new Set(received.map(({ share }) => share.length))
      const isWhole =
        lengths.size === 1 &&
        received.length === dealers.length &&
        dealers.every((dealer) => received.some((one) => one.dealer === dealer))
      if (!isWhole) return []
      const wrong = received.filter(({ share }) => share[share.length - 1] !== point)
      if (wrong.length > 0) return wrong.map(({ dealer }) => dealer)
      const shares = received.map(({ share }) => share)
      const held = holdOctets(generation, shares, this.#world.random)
      const commitments = [commitmentTo(keyId, held)]
      const secret = joinOctets(held.share, held.salt)
      held.share.fill(0)
      return { secret, commitments }
    }
    const group = groupOf(this.#world.groups, scheme)
    const purpose: Purpose =
      old === undefined
        ? { kind: 'make', dealers, context: contextOf(plan) }
        : { kind: 'reshare', dealers, commitments: old.commitments }
    const taken = takeDealings(group, purpose, threshold, point, received)
    if (taken.kind === 'refused') return taken.dealers
    return { secret: taken.share, commitments: taken.commitments }
  }

  /** Signed by the identity, and of this key. */
  #planOf(keyId: Uint8Array, fields: Fields): CustodyPlan | undefined {
    // A copy: what came in is zeroed when it is answered.
    const read = readCustodyPlan(fieldOf(fields, FIELD.plan).slice())
    if (read === undefined || !isSignedBy(this.#world.identity, 'plan', read)) return undefined
    const { value } = read
    const isImport = value.kind === 'import'
    // A scalar that one dealer knows would need a proof of its own: octets only.
    if (isImport && value.scheme !== SCHEME.octets) return undefined
    return isSameOctets(value.keyId, keyId) ? value : undefined
  }

  #signedManifest(keyId: Uint8Array, bytes: Uint8Array): CustodyManifest | undefined {
    const read = readCustodyManifest(bytes)
    if (read === undefined || !isSignedBy(this.#world.identity, 'manifest', read)) return undefined
    return isSameOctets(read.manifest.keyId, keyId) ? read.manifest : undefined
  }

  /** What a reshare begins with. */
  #oldManifest(plan: CustodyPlan, fields: Fields): CustodyManifest | undefined {
    const [bytes] = fields.get(FIELD.manifest) ?? []
    if (bytes === undefined) return undefined
    const old = this.#signedManifest(plan.keyId, bytes.slice())
    if (old?.generation !== plan.from || old.scheme !== plan.scheme) return undefined
    const points = new Set(old.holders.map(({ point }) => point))
    const areEnough = plan.dealers.length >= old.threshold
    return areEnough && plan.dealers.every((dealer) => points.has(dealer)) ? old : undefined
  }

  /** Two keys were made under one name, out of sight of each other. What does not open is of none. */
  #isOfAnother(keyId: Uint8Array, generation: number, manifest: CustodyManifest): boolean {
    const found = this.#held.find(keyId, generation)
    return found.kind === 'held' && !isOneKey(found.held.manifest, manifest)
  }

  #isKnown(keyId: Uint8Array): boolean {
    return this.#world.vault.generations(keyId).some(({ state }) => state !== 'prepared')
  }

  #forget(keyId: Uint8Array): void {
    const id = toHex(keyId)
    this.#taken.get(id)?.secret.fill(0)
    this.#taken.delete(id)
  }
}

function errandOf(purpose: 'deal' | 'compare', plan: CustodyPlan, from: number): ShareErrand {
  const { keyId, generation, attempt } = plan
  return { purpose, keyId, generation, from, attempt }
}

/** Proofs of a new key are good for this attempt at this key. */
function contextOf({ keyId, attempt }: CustodyPlan): Uint8Array {
  return joinOctets(keyId, attempt)
}

/** @throws whatever is not the vault's */
function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof LimenError)) throw error
  if (error.code === 'vault-full') return 'vault-full'
  return error.code === 'vault-state' || error.code === 'vault-mismatch' ? 'state' : 'failed'
}
