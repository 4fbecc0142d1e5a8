/**
 * The manifests of keys, as the nodes have them: read when first needed, and again every so often, in the background. In the middle of a
 * change the newest generation counts that enough of its holders say they have.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import type { SodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { type GroupKey, groupKeyOf } from '../../crypto/feldman.ts'
import { isSameOctets } from '../../crypto/prime-group.ts'
import { toHex } from '../../ground/hex.ts'
import { readCustodyDeletion } from '../../wire/custody-deletion.ts'
import { type CustodyManifest, readCustodyManifest } from '../../wire/custody-manifest.ts'
import { FIELD } from '../../wire/custody-message.ts'
import { SCHEME } from '../../wire/share-record.ts'
import type { KnownNode, NodeLinks } from './node-links.ts'
import { groupOf, isSignedBy } from './node-world.ts'
import { isOneKey } from './one-key.ts'

export interface KnownKey {
  readonly manifest: CustodyManifest
  readonly bytes: Uint8Array
  /** Of schemes 2 and 3. */
  readonly group: GroupKey | undefined
}

/** What one node says of a key. */
export interface NodeState {
  readonly node: KnownNode
  readonly keys: readonly KnownKey[]
  /** Of all it has, prepared, deleted or not; 0: nothing. */
  readonly newest: number
  /** Signed; LCD1: it keeps no share up to that generation. */
  readonly deletion: KnownDeletion | undefined
}

export interface KnownDeletion {
  readonly generation: number
  readonly bytes: Uint8Array
}

/** Far below the time that an old generation stays usable: `drive-change.ts`. */
const FRESH_MS = 2_000
const ASK_MS = 3_000
/** Longer than a healthy node takes; the others do not wait for a slow one. */
const SLOW_MS = 250
/** Read once; the oldest goes. */
const KEYS_MAX = 10_000
const NO_FIELDS = new Map<number, readonly Uint8Array[]>()

interface Kept {
  readonly known: KnownKey
  readonly at: number
}

export class KeyManifests {
  readonly #links: NodeLinks
  readonly #groups: SodiumGroups
  readonly #identity: KeyObject
  readonly #kept = new Map<string, Kept>()
  readonly #reading = new Map<string, Promise<KnownKey | undefined>>()

  constructor(links: NodeLinks, groups: SodiumGroups, identity: KeyObject) {
    this.#links = links
    this.#groups = groups
    this.#identity = identity
  }

  /** undefined: no node knows such a key. */
  async of(keyId: Uint8Array): Promise<KnownKey | undefined> {
    const kept = this.#kept.get(toHex(keyId))
    if (kept === undefined) return await this.read(keyId)
    if (performance.now() - kept.at > FRESH_MS) void this.read(keyId)
    return kept.known
  }

  /** What the nodes say now. */
  read(keyId: Uint8Array): Promise<KnownKey | undefined> {
    const id = toHex(keyId)
    const reading = this.#reading.get(id)
    if (reading !== undefined) return reading
    const begun = this.#read(keyId.slice()).finally(() => this.#reading.delete(id))
    this.#reading.set(id, begun)
    return begun
  }

  /** Of all nodes that can be reached, and waits for each. */
  async states(
    keyId: Uint8Array,
    nodes: readonly KnownNode[] = this.#links.nodes,
  ): Promise<NodeState[]> {
    const states = await Promise.all(nodes.map((node) => this.#stateAt(node, keyId)))
    return states.filter((one) => one !== undefined)
  }

  async #read(keyId: Uint8Array): Promise<KnownKey | undefined> {
    const { nodes } = this.#links
    const states: NodeState[] = []
    const awaited = nodes.filter(({ health }) => !health.isAway)
    const asked = (awaited.length > 0 ? awaited : nodes).map(async (node) => {
      const state = await this.#stateAt(node, keyId)
      if (state !== undefined) states.push(state)
    })
    // A slow node is not waited for, as long as others have answered.
    const late = new Promise<void>((resolve) => setTimeout(resolve, SLOW_MS).unref())
    await Promise.race([Promise.all(asked), late])
    let known = usable(states)
    if (known === undefined) {
      await Promise.all(asked)
      known = usable(states)
    }
    if (known === undefined) return undefined
    const id = toHex(keyId)
    this.#kept.delete(id)
    this.#kept.set(id, { known, at: performance.now() })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > KEYS_MAX && oldest !== undefined) this.#kept.delete(oldest)
    return known
  }

  async #stateAt(node: KnownNode, keyId: Uint8Array): Promise<NodeState | undefined> {
    const answer = await node.ask('state', keyId, 0, NO_FIELDS, ASK_MS)
    if (answer?.outcome !== 'done') return undefined
    const manifests = answer.fields.get(FIELD.manifest) ?? []
    const keys = manifests.map((bytes) => this.#check(keyId, bytes))
    const [bytes] = answer.fields.get(FIELD.deletion) ?? []
    const deletion = bytes && this.#checkDeletion(keyId, bytes)
    return {
      ...{ node, keys: keys.filter((one) => one !== undefined), newest: answer.generation },
      deletion,
    }
  }

  /** A key that is deleted is not remembered. */
  forget(keyId: Uint8Array): void {
    this.#kept.delete(toHex(keyId))
  }

  #checkDeletion(keyId: Uint8Array, bytes: Uint8Array): KnownDeletion | undefined {
    const read = readCustodyDeletion(bytes)
    if (read === undefined || !isSameOctets(read.value.keyId, keyId)) return undefined
    if (!isSignedBy(this.#identity, 'deletion', read)) return undefined
    return { generation: read.value.generation, bytes }
  }

  /** undefined for what the cluster has not signed. */
  #check(keyId: Uint8Array, bytes: Uint8Array): KnownKey | undefined {
    const kept = this.#kept.get(toHex(keyId))?.known
    if (kept !== undefined && isSameOctets(kept.bytes, bytes)) return kept
    const read = readCustodyManifest(bytes)
    if (read === undefined || !isSameOctets(read.manifest.keyId, keyId)) return undefined
    if (!isSignedBy(this.#identity, 'manifest', read)) return undefined
    return knownKey(read.manifest, bytes, this.#groups)
  }
}

function knownKey(manifest: CustodyManifest, bytes: Uint8Array, groups: SodiumGroups): KnownKey {
  if (manifest.scheme === SCHEME.octets) return { manifest, bytes, group: undefined }
  const points = manifest.holders.map(({ point }) => point)
  const group = groupKeyOf(groupOf(groups, manifest.scheme), manifest.commitments, points)
  return { manifest, bytes, group }
}

export function newestDeletion(states: readonly NodeState[]): KnownDeletion | undefined {
  return states
    .flatMap(({ deletion }) => deletion ?? [])
    .sort((a, b) => b.generation - a.generation)[0]
}

/** Nodes with a share of another key than this one, of the same id and not deleted, and the point that they have in it. */
export function holdersOfAnother(
  states: readonly NodeState[],
  { manifest }: KnownKey,
): { readonly id: string; readonly point: number }[] {
  const gone = newestDeletion(states)?.generation ?? 0
  return states.flatMap(({ node, keys }) => {
    const other = keys.find(
      (one) => one.manifest.generation > gone && !isOneKey(one.manifest, manifest),
    )
    const holder = other?.manifest.holders.find((one) => isSameOctets(one.node, node.node))
    return other === undefined ? [] : [{ id: node.id, point: holder?.point ?? 0 }]
  })
}

/** The newest generation that its threshold of holders have; else the one most have. None that was deleted. */
export function usable(states: readonly NodeState[]): KnownKey | undefined {
  // By their octets: two changes at once may have made different ones of a number.
  const held = new Map<string, { readonly known: KnownKey; count: number }>()
  const gone = newestDeletion(states)?.generation ?? 0
  for (const { node, keys } of states) {
    for (const known of keys) {
      // At a node that was away when the key was deleted.
      if (known.manifest.generation <= gone) continue
      if (!known.manifest.holders.some((holder) => isSameOctets(holder.node, node.node))) continue
      const one = held.get(toHex(known.bytes))
      if (one === undefined) held.set(toHex(known.bytes), { known, count: 1 })
      else one.count++
    }
  }
  const newestFirst = [...held.values()].sort(
    (a, b) => b.known.manifest.generation - a.known.manifest.generation,
  )
  const enough = newestFirst.find(({ known, count }) => count >= known.manifest.threshold)
  return (enough ?? newestFirst.sort((a, b) => b.count - a.count)[0])?.known
}
