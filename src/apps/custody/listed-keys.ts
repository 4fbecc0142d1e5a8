/**
 * Which keys a cluster has: what its nodes list, and which nodes have not said. Nodes know keys by ids; names are `key-names.ts`.
 *
 * @module
 */
import { fromHex, toHex } from '../../ground/hex.ts'
import { FIELD } from '../../wire/custody-message.ts'
import { type KeyManifests, type NodeState, newestDeletion, usable } from './key-manifests.ts'
import type { KnownNode, NodeLinks } from './node-links.ts'

export interface ListedKeys {
  /** In order. */
  readonly ids: readonly Uint8Array[]
  /** Have not answered to the end, each with why. */
  readonly silent: readonly SilentNode[]
}

export interface SilentNode {
  readonly id: string
  /** `away`, or how it has refused. */
  readonly why: string
}

const ASK_MS = 5_000
const NO_FIELDS = new Map<number, readonly Uint8Array[]>()
const KEY_BYTES = 16
/** Of one node: what an adversary could make up has an end. */
const PAGES_MAX = 1000
/** The least threshold there is (LCU/1). */
const SHARES_MIN = 2

/** Of all nodes. */
export async function keysOf(links: Pick<NodeLinks, 'nodes'>): Promise<ListedKeys> {
  const lists = await Promise.all(links.nodes.map(keysAt))
  return {
    ids: [...new Set(lists.flatMap(({ keys }) => keys))].sort().map(fromHex),
    silent: lists.flatMap(({ id, why }) => (why === undefined ? [] : [{ id, why }])),
  }
}

/**
 * Whether nodes that have not answered may hold a key that no other has a share of. One cannot: it would hold one share, and all keys need two to be
 * used.
 */
export function mayHideKeys(silent: readonly unknown[]): boolean {
  return silent.length >= SHARES_MIN
}

export function silentWords(silent: readonly SilentNode[]): string {
  return silent.map(({ id, why }) => `${id} (${why})`).join(', ')
}

/** Whether a key that nobody who answers can use was deleted, and is not with the others, made anew. */
export function isDeleted(states: readonly NodeState[], nodes: readonly KnownNode[]): boolean {
  return newestDeletion(states) !== undefined && !mayHideKeys(silentOf(states, nodes))
}

/** Ids of nodes that have not said what they have of a key. */
export function silentOf(
  states: readonly NodeState[],
  nodes: readonly KnownNode[],
): readonly string[] {
  return nodes.map(({ id }) => id).filter((id) => !states.some(({ node }) => node.id === id))
}

/** Of these, which no node that answers has: not those that were deleted. */
export async function missingOf(
  manifests: Pick<KeyManifests, 'states'>,
  { nodes }: Pick<NodeLinks, 'nodes'>,
  ids: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  const missing: Uint8Array[] = []
  for (const keyId of ids) {
    const states = await manifests.states(keyId, nodes)
    if (usable(states) === undefined && !isDeleted(states, nodes)) missing.push(keyId)
  }
  return missing
}

async function keysAt(node: KnownNode) {
  const { id } = node
  const keys: string[] = []
  let after: Uint8Array = new Uint8Array(KEY_BYTES)
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await node.ask('list', after, 0, NO_FIELDS, ASK_MS)
    if (answer?.outcome !== 'done') return { id, keys, why: answer?.outcome ?? 'away' }
    const listed = (answer.fields.get(FIELD.key) ?? []).map((octets) => octets.slice(0, KEY_BYTES))
    const last = listed.at(-1)
    if (last === undefined) return { id, keys, why: undefined }
    keys.push(...listed.map(toHex))
    after = last
  }
  return { id, keys, why: 'too many keys' }
}
