/**
 * Changes the shares of a key (LCU/1): makes a new one that nobody ever has, brings a secret in, refreshes and reshares, replaces nodes. In
 * two phases: all new holders have prepared their shares, then the cluster's identity signs the manifest, and then they commit. The old generation is
 * destroyed when all have, after a grace in which it still serves. Whoever drives may die at any point: the old generation or the new
 * one is valid then, and the next change begins with what the nodes say they have.
 *
 * @module
 */
import type { SodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { isSameOctets } from '../../crypto/prime-group.ts'
import { sharesAt } from '../../crypto/shamir.ts'
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import { type KeyLabel, keyIdOf, schemeOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import { keyCheckValue } from '../../keys/custody/octet-shares.ts'
import { writeCustodyDeletion } from '../../wire/custody-deletion.ts'
import {
  type CustodyManifest,
  sealCustodyManifest,
  writeCustodyManifest,
} from '../../wire/custody-manifest.ts'
import { type CustodyAnswer, FIELD, type Fields } from '../../wire/custody-message.ts'
import { type CustodyPlan, type Receiver, writeCustodyPlan } from '../../wire/custody-plan.ts'
import { SCHEME } from '../../wire/share-record.ts'
import { askAll, type Failed, type Member, STEP_MS, wordsOf } from './ask-members.ts'
import {
  holdersOfAnother,
  type KeyManifests,
  type KnownKey,
  type NodeState,
  newestDeletion,
  usable,
} from './key-manifests.ts'
import { mayHideKeys, silentOf } from './listed-keys.ts'
import type { KnownNode, NodeLinks } from './node-links.ts'
import { toBeSigned } from './node-world.ts'
import { sealShare } from './sealed-shares.ts'

export interface ShareDriverOptions {
  readonly links: NodeLinks
  readonly manifests: KeyManifests
  readonly groups: SodiumGroups
  readonly random: Random
  /** Ed25519 by the cluster's identity. */
  sign(octets: Uint8Array): Promise<Uint8Array>
  /** {@link GRACE_MS} for all but tests. */
  readonly graceMs?: number
}

/** Who is to hold a key. */
export interface Holding {
  readonly threshold: number
  /** By id. */
  readonly nodes: readonly string[]
}

export interface Changed {
  readonly keyId: Uint8Array
  readonly generation: number
  /** Of schemes 2 and 3. */
  readonly publicKey: Uint8Array | undefined
  /** Have not committed yet, by id: the old generation stays until they have, in the next change. */
  readonly waiting: readonly string[]
}

export interface Deleted {
  readonly keyId: Uint8Array
  /** Have not answered, by id: they keep their shares until they are asked again. */
  readonly waiting: readonly string[]
}

/** Longer than callers take to learn of a new generation (2 s) and to end what they have begun (5 s). */
const GRACE_MS = 10_000
const ATTEMPTS_MAX = 4
const ATTEMPT_BYTES = 16
const POINT_MAX = 255

/** What a change begins with: shares that are there, or a secret. */
interface Source {
  readonly from: KnownKey | undefined
  readonly secret?: Uint8Array
}

/** What a change goes by: what the nodes have, whose shares are dealt from, and what the new generation is above. */
interface Seen {
  readonly states: readonly NodeState[]
  readonly fit: readonly NodeState[]
  readonly above: number
}

interface NewHolder extends Member {
  readonly receiver: Receiver
}

export class ShareDriver {
  readonly #options: ShareDriverOptions

  constructor(options: ShareDriverOptions) {
    this.#options = options
  }

  /**
   * A new key of scheme 2 or 3, by all its holders together. All nodes have to answer but one, that none has such a key.
   *
   * @throws LimenError `custody-change` and why
   */
  async make(label: KeyLabel, holding: Holding): Promise<Changed> {
    if (schemeOf(label.use) === SCHEME.octets) {
      throw new RangeError('A secret of octets is brought in, not made together')
    }
    return await this.#begin(label, holding, { from: undefined })
  }

  /** A secret of octets; still the caller's, to be zeroed. As {@link make}. @throws LimenError `custody-change` and why */
  async bring(label: KeyLabel, secret: Uint8Array, holding: Holding): Promise<Changed> {
    if (schemeOf(label.use) !== SCHEME.octets) throw new RangeError('Only octets are brought in')
    return await this.#begin(label, holding, { from: undefined, secret })
  }

  /**
   * New shares of the same key: a refresh when its holders stay, else a reshare. All new holders have to be there, and t of the old.
   *
   * @param unfit ids of holders whose shares are not to be dealt from
   * @param above the new generation is, besides all that the nodes have seen
   * @throws LimenError `custody-change` and why
   */
  async reshare(
    keyId: Uint8Array,
    holding?: Holding,
    unfit: readonly string[] = [],
    above = 0,
  ): Promise<Changed> {
    const states = await this.#settled(keyId)
    const fit = states.filter(({ node }) => !unfit.includes(node.id))
    const from = usable(fit)
    if (from === undefined) throw changeError(keyId, 'no node has it')
    const { threshold, holders } = from.manifest
    const wanted = holding ?? {
      threshold,
      nodes: holders.map(({ node }) => this.#options.links.nodeOf(node)?.id ?? toHex(node)),
    }
    const scheme = from.manifest.scheme
    return await this.#change(keyId, scheme, wanted, { from }, { states, fit, above })
  }

  /**
   * All shares of a key go, at all nodes, for good: an old manifest does not bring them back. Again is no error, and reaches nodes that were
   * away. A key that is made later under the same name is another one.
   *
   * @throws LimenError `custody-change` when no node answers, or none knows the key
   */
  async delete(keyId: Uint8Array): Promise<Deleted> {
    const { links, manifests } = this.#options
    const states = await manifests.states(keyId)
    const newest = states.reduce((max, one) => Math.max(max, one.newest), 0)
    if (newest === 0) throw changeError(keyId, 'no node has it')
    const known = newestDeletion(states)
    const isGone = known?.generation === newest
    const bytes = isGone ? known.bytes : await this.#deletionOf(keyId, newest + 1)
    const fields = new Map([[FIELD.deletion, [bytes]]])
    const answers = await Promise.all(
      links.nodes.map((node) => node.ask('delete', keyId, 0, fields, STEP_MS)),
    )
    manifests.forget(keyId)
    const waiting = links.nodes.filter((_, i) => answers[i]?.outcome !== 'done')
    return { keyId, waiting: waiting.map(({ id }) => id) }
  }

  async #deletionOf(keyId: Uint8Array, generation: number): Promise<Uint8Array> {
    const signed = writeCustodyDeletion({ keyId, generation })
    return joinOctets(signed, await this.#sign('deletion', signed))
  }

  /** What the nodes have of a key, and none of them what was deleted at another. */
  async #undeleted(keyId: Uint8Array): Promise<NodeState[]> {
    const { manifests } = this.#options
    const states = await manifests.states(keyId)
    const gone = newestDeletion(states)
    const late = states.filter(({ deletion }) => deletion?.generation !== gone?.generation)
    if (gone === undefined || late.length === 0) return states
    const fields = new Map([[FIELD.deletion, [gone.bytes]]])
    await Promise.all(late.map(({ node }) => node.ask('delete', keyId, 0, fields, STEP_MS)))
    return await manifests.states(keyId)
  }

  /** Brings to its end what an interrupted change has begun to commit. What the nodes have of the key, then. */
  async #settled(keyId: Uint8Array): Promise<NodeState[]> {
    const { manifests } = this.#options
    const states = await this.#undeleted(keyId)
    const known = usable(states)
    const others = known === undefined ? [] : holdersOfAnother(states, known)
    // A change would destroy one of the two.
    if (others.length > 0) {
      const at = others.map(({ id }) => id).join(', ')
      throw changeError(keyId, `there are two keys of this name, one of them at ${at}`)
    }
    const [newest] = states
      .flatMap(({ keys }) => keys)
      .sort((a, b) => b.manifest.generation - a.manifest.generation)
    if (newest === undefined) return states
    const { generation, holders } = newest.manifest
    const lacking = states.filter(
      ({ node, keys }) =>
        holders.some((holder) => isSameOctets(holder.node, node.node)) &&
        !keys.some(({ manifest }) => manifest.generation === generation),
    )
    if (lacking.length === 0) return states
    const fields = new Map([[FIELD.manifest, [newest.bytes]]])
    await Promise.all(lacking.map(({ node }) => node.ask('commit', keyId, 0, fields, STEP_MS)))
    return await manifests.states(keyId)
  }

  async #begin(label: KeyLabel, holding: Holding, source: Source): Promise<Changed> {
    const keyId = keyIdOf(writeKeyLabel(label))
    const states = await this.#settled(keyId)
    if (states.some(({ keys }) => keys.length > 0)) throw changeError(keyId, 'is there already')
    this.#checkUnseen(keyId, states)
    const scheme = schemeOf(label.use)
    return await this.#change(keyId, scheme, holding, source, { states, fit: [], above: 0 })
  }

  /** A second key of a name would be another one, and in the end one of the two is lost: none is made while the first may be out of sight. */
  #checkUnseen(keyId: Uint8Array, states: readonly NodeState[]): void {
    const silent = silentOf(states, this.#options.links.nodes)
    const gone = newestDeletion(states)?.generation ?? 0
    // All its holders have prepared a key before the first has it.
    const hasTrace = states.some(({ newest }) => newest > gone)
    if (silent.length === 0 || (!mayHideKeys(silent) && !hasTrace)) return
    const words = `it may be there already, with nodes that do not answer: ${silent.join(', ')}`
    throw changeError(keyId, words)
  }

  async #change(
    keyId: Uint8Array,
    scheme: CustodyManifest['scheme'],
    { threshold, nodes }: Holding,
    source: Source,
    { states, fit, above }: Seen,
  ): Promise<Changed> {
    const members = this.#membersOf(keyId, nodes, source.from)
    const before = states.reduce((max, { newest }) => Math.max(max, newest), above)
    let able = dealersOf(source, fit)
    let last: Failed | undefined
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { from, secret } = source
      const dealers =
        from === undefined
          ? newDealers(members, secret)
          : able.slice(0, from.manifest.threshold).sort((a, b) => a - b)
      if (from !== undefined && dealers.length < from.manifest.threshold) break
      const plan: CustodyPlan = {
        kind: from === undefined ? (secret === undefined ? 'make' : 'import') : 'reshare',
        ...{ scheme, keyId, threshold, dealers },
        generation: before + 1 + attempt,
        from: from?.manifest.generation ?? 0,
        attempt: this.#options.random.bytes(ATTEMPT_BYTES),
        receivers: members.map(({ receiver }) => receiver),
      }
      const result = await this.#attempt(plan, members, source)
      if ('generation' in result) return result
      last = result
      const { dealers: named, isUnclear } = result
      // Nothing another attempt would do otherwise.
      if (named.length === 0 && !isUnclear) break
      const others = able.filter((dealer) => !named.includes(dealer))
      able = isUnclear
        ? [...others.slice(dealers.length), ...others.slice(0, dealers.length)]
        : others
    }
    const why = last === undefined ? 'too few holders can deal' : wordsOf(last)
    throw changeError(keyId, why)
  }

  async #attempt(
    plan: CustodyPlan,
    members: readonly NewHolder[],
    source: Source,
  ): Promise<Changed | Failed> {
    const signedPlan = writeCustodyPlan(plan)
    const planBytes = joinOctets(signedPlan, await this.#sign('plan', signedPlan))
    const old = source.from
    const first = new Map<number, readonly Uint8Array[]>([[FIELD.plan, [planBytes]]])
    if (old !== undefined) first.set(FIELD.manifest, [old.bytes])
    const abort = async (failed: Failed): Promise<Failed> => {
      const fields = new Map([[FIELD.plan, [planBytes]]])
      await Promise.all(members.map(({ at }) => at.ask('abort', plan.keyId, 0, fields, STEP_MS)))
      return failed
    }
    const dealt = await this.#deal(plan, first, members, source)
    if (!(dealt instanceof Map)) return await abort(dealt)
    const taken = await askAll(members, 'take', plan.keyId, (point) => {
      const dealings = [...dealt].map(([dealer, parts]) =>
        joinOctets(Uint8Array.of(dealer), ...parts.open, parts.sealed.get(point) ?? NOTHING),
      )
      return new Map([...first, [FIELD.dealing, dealings]])
    })
    if (!(taken instanceof Map)) return await abort(taken)
    const manifest = manifestOf(plan, taken, source)
    if (manifest === undefined) {
      // All receivers have checked what they got; who sees other commitments than the first is named.
      return await abort({
        step: 'take',
        nodes: members.map(({ at }) => ({ id: at.id, why: 'commitments' })),
        dealers: [],
      })
    }
    const unsigned = writeCustodyManifest(manifest)
    const prepared = await askAll(
      members,
      'prepare',
      plan.keyId,
      () => new Map([[FIELD.prepared, [unsigned]]]),
    )
    if (!(prepared instanceof Map)) return await abort(prepared)
    const [comparer] = members
    if (plan.scheme === SCHEME.octets && comparer !== undefined) {
      const sealed = [...prepared].map(([point, answer]) =>
        joinOctets(Uint8Array.of(point), answer.fields.get(FIELD.sealed)?.[0] ?? NOTHING),
      )
      const compared = await askAll(
        [comparer],
        'compare',
        plan.keyId,
        () => new Map([[FIELD.sealed, sealed]]),
      )
      if (!(compared instanceof Map)) return await abort({ ...compared, isUnclear: true })
    }
    const bytes = sealCustodyManifest(unsigned, await this.#sign('manifest', unsigned))
    return await this.#commit(plan, members, manifest, bytes)
  }

  async #commit(
    { keyId, scheme, generation }: CustodyPlan,
    members: readonly NewHolder[],
    manifest: CustodyManifest,
    bytes: Uint8Array,
  ): Promise<Changed> {
    const { links, manifests, graceMs = GRACE_MS } = this.#options
    const fields = new Map([[FIELD.manifest, [bytes]]])
    const committed = await Promise.all(
      members.map(async ({ at }) => await at.ask('commit', keyId, 0, fields, STEP_MS)),
    )
    const waiting = members
      .filter((_, i) => committed[i]?.outcome !== 'done')
      .map(({ at }) => at.id)
    await manifests.read(keyId)
    if (waiting.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, graceMs))
      // At a node that is away now, the next change does it.
      await Promise.all(links.nodes.map((node) => node.ask('destroy', keyId, 0, fields, STEP_MS)))
    }
    const publicKey = scheme === SCHEME.octets ? undefined : manifest.commitments[0]
    return { keyId, generation, publicKey, waiting }
  }

  /** What each dealer deals, or who has not. */
  async #deal(
    plan: CustodyPlan,
    fields: Fields,
    members: readonly NewHolder[],
    { from, secret }: Source,
  ): Promise<Map<number, Dealt> | Failed> {
    const { keyId, threshold, generation, attempt, receivers } = plan
    if (secret !== undefined) {
      const points = receivers.map(({ point }) => point)
      const { random } = this.#options
      const errand = { purpose: 'deal', keyId, generation, from: 0, attempt } as const
      const shares = sharesAt(points, secret, threshold, random)
      const sealed = receivers.map((receiver, i) => {
        const share = shares[i] ?? NOTHING
        const one = [receiver.point, sealShare(receiver, errand, share, random)] as const
        share.fill(0)
        return one
      })
      return new Map([[0, { open: [], sealed: new Map(sealed) }]])
    }
    const dealers = plan.dealers.flatMap((point) => {
      const at =
        from === undefined
          ? members.find((one) => one.point === point)?.at
          : this.#holderAt(from, point)
      return at === undefined ? [] : [{ at, point }]
    })
    const answers = await askAll(dealers, 'deal', keyId, () => fields)
    // Whoever could not deal is not asked again.
    if (!(answers instanceof Map)) {
      const away = dealers.filter(({ at }) => answers.nodes.some(({ id }) => id === at.id))
      return { ...answers, dealers: away.map(({ point }) => point) }
    }
    return new Map(
      [...answers].map(([point, { fields: dealt }]) => {
        const sealed = dealt.get(FIELD.sealed) ?? []
        const open = [...(dealt.get(FIELD.commitment) ?? []), ...(dealt.get(FIELD.proof) ?? [])]
        const byPoint = receivers.map(
          (receiver, i) => [receiver.point, sealed[i] ?? NOTHING] as const,
        )
        return [point, { open, sealed: new Map(byPoint) }]
      }),
    )
  }

  /** Holders that stay keep their points; new ones get points that nobody has had. */
  #membersOf(keyId: Uint8Array, nodes: readonly string[], from: KnownKey | undefined): NewHolder[] {
    const { links, random } = this.#options
    const used = new Set(from?.manifest.holders.map(({ point }) => point))
    const members = nodes.map((id): NewHolder => {
      const at = links.nodes.find((node) => node.id === id)
      if (at === undefined) throw changeError(keyId, `there is no node ${id}`)
      const old = from?.manifest.holders.find(({ node }) => isSameOctets(node, at.node))
      let point = old?.point
      while (point === undefined || (old === undefined && used.has(point))) {
        point = 1 + Math.floor(random.fraction() * POINT_MAX)
      }
      used.add(point)
      return { at, point, receiver: { point, node: at.node, sealingKey: at.card.sealingKey } }
    })
    return members.sort((a, b) => a.point - b.point)
  }

  #holderAt({ manifest }: KnownKey, point: number): KnownNode | undefined {
    const holder = manifest.holders.find((one) => one.point === point)
    return holder && this.#options.links.nodeOf(holder.node)
  }

  async #sign(kind: 'plan' | 'manifest' | 'deletion', octets: Uint8Array): Promise<Uint8Array> {
    return await this.#options.sign(toBeSigned(kind, octets))
  }
}

interface Dealt {
  /** Commitments, and the proof of a new key. */
  readonly open: readonly Uint8Array[]
  /** By receiver's point. */
  readonly sealed: ReadonlyMap<number, Uint8Array>
}

const NOTHING = new Uint8Array()

/** Points of holders that have the shares a reshare begins with. */
function dealersOf({ from }: Source, fit: readonly NodeState[]): number[] {
  if (from === undefined) return []
  const { holders, generation } = from.manifest
  const able = fit.filter(({ keys }) =>
    keys.some(({ manifest }) => manifest.generation === generation),
  )
  return holders
    .filter((holder) => able.some(({ node }) => isSameOctets(node.node, holder.node)))
    .map(({ point }) => point)
}

function newDealers(members: readonly NewHolder[], secret: Uint8Array | undefined): number[] {
  return secret === undefined ? members.map(({ point }) => point) : [0]
}

/** undefined when receivers do not see the same commitments. */
export function manifestOf(
  plan: CustodyPlan,
  taken: ReadonlyMap<number, CustodyAnswer>,
  { from, secret }: Source,
): CustodyManifest | undefined {
  const { scheme, keyId, generation, threshold, receivers } = plan
  const seen = receivers.map(({ point }) => taken.get(point)?.fields.get(FIELD.commitment) ?? [])
  const [first = []] = seen
  const isOctets = scheme === SCHEME.octets
  const isSame = (other: readonly Uint8Array[]): boolean =>
    other.length === first.length && other.every((one, k) => isSameOctets(one, first[k] ?? NOTHING))
  if (!isOctets && !seen.every(isSame)) return undefined
  const dealt = from?.manifest.dealt ?? generation
  const checkValue =
    secret === undefined ? from?.manifest.checkValue : keyCheckValue({ keyId, generation }, secret)
  return {
    ...{ scheme, keyId, generation, dealt, threshold, checkValue },
    holders: receivers.map(({ point, node }) => ({ point, node })),
    commitments: isOctets ? seen.flat() : first,
  }
}

function changeError(keyId: Uint8Array, why: string): LimenError {
  const text = `Shares of key ${toHex(keyId)} cannot be changed: ${why}`
  return new LimenError('custody-change', text, { side: 'upstream', retry: true })
}
