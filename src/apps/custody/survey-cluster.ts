/**
 * What a cluster looks like now: its nodes, its keys with their holders, and both as the placement engine counts them.
 *
 * @module
 */

import { isSameOctets } from '../../crypto/prime-group.ts'
import { fromHex, toHex } from '../../ground/hex.ts'
import type { CustodyNode, KeyDemand, Placement } from '../../keys/custody/route-shares.ts'
import { FIELD } from '../../wire/custody-message.ts'
import type { ClusterNodeConfig } from './cluster-config.ts'
import type { CustodyClient } from './custody-client.ts'
import { holdersOfAnother, usable } from './key-manifests.ts'
import { isDeleted, keysOf, type SilentNode } from './listed-keys.ts'
import type { KnownNode } from './node-links.ts'
import { forOneLook } from './one-look.ts'
import { PARTS_MS } from './operation-costs.ts'

export interface SurveyedKey {
  readonly keyId: Uint8Array
  readonly generation: number
  readonly scheme: number
  readonly threshold: number
  /** By id; of a node that is not in the configuration, how manifests name it. */
  readonly holders: readonly string[]
  /** Of these, how many have the generation. */
  readonly present: number
  /** Nodes that have another key of the same id, by id. */
  readonly others: readonly string[]
}

export interface SurveyedNode {
  readonly id: string
  readonly address: string
  readonly domain: string
  readonly isAway: boolean
  /** Of an answer that costs nothing; undefined when it is away. */
  readonly rttMs: number | undefined
  /** Shares of the keys that were found. */
  readonly shares: number
  /** Shares that were at hand, and were read; secrets that were at hand, and were not. */
  readonly figures: readonly number[] | undefined
}

export interface Survey {
  readonly nodes: readonly SurveyedNode[]
  readonly keys: readonly SurveyedKey[]
  /** Ids of keys that nodes list, or that the caller knows, and that no node which answers has: not those that were deleted. */
  readonly missing: readonly Uint8Array[]
  /** Nodes that have not said which keys they have. */
  readonly silent: readonly SilentNode[]
}

const ASK_MS = 3_000
const NO_KEY = new Uint8Array(16)
/** The best of so many is a round trip with nobody in the way. */
const PINGS = 3
/** Nodes are one thread each, and have other work to do. */
const KEYS_AT_ONCE = 8

/** Of a node's configuration, what placement goes by. */
export type PlacedNode = Omit<ClusterNodeConfig, 'card'>

export const domainOf = ({ domain, id }: Pick<PlacedNode, 'domain' | 'id'>): string => domain ?? id

/** @param named ids of keys that were made, whether or not any node lists them */
export async function surveyCluster(
  config: { readonly nodes: readonly PlacedNode[] },
  { links: all, manifests }: Pick<CustodyClient, 'links' | 'manifests'>,
  named: readonly Uint8Array[] = [],
): Promise<Survey> {
  const links = forOneLook(all)
  const { ids, silent } = await keysOf(links)
  const left = [...new Set([...ids, ...named].map(toHex))].sort().map(fromHex)
  const keys: SurveyedKey[] = []
  const missing: Uint8Array[] = []
  const worker = async (): Promise<void> => {
    for (let keyId = left.shift(); keyId !== undefined; keyId = left.shift()) {
      const found = await surveyKey({ links, manifests }, keyId)
      if (found === 'missing') missing.push(keyId)
      else if (found !== 'deleted') keys.push(found)
    }
  }
  await Promise.all(Array.from({ length: KEYS_AT_ONCE }, worker))
  keys.sort((a, b) => (toHex(a.keyId) < toHex(b.keyId) ? -1 : 1))
  return { keys, missing, silent, nodes: await surveyNodes(config, { links }, keys) }
}

/** @param keys as they were found last */
export function surveyNodes(
  config: { readonly nodes: readonly PlacedNode[] },
  { links }: Pick<CustodyClient, 'links'>,
  keys: readonly SurveyedKey[],
): Promise<readonly SurveyedNode[]> {
  return Promise.all(
    links.nodes.map(async (node): Promise<SurveyedNode> => {
      const own = config.nodes.find(({ id }) => id === node.id)
      const { rttMs, figures } = await ping(node)
      const shares = keys.filter(({ holders }) => holders.includes(node.id)).length
      const { id } = node
      const isAway = rttMs === undefined
      const domain = domainOf({ id, domain: own?.domain })
      return { id, address: own?.address ?? '', domain, isAway, rttMs, shares, figures }
    }),
  )
}

async function surveyKey(
  { links, manifests }: Pick<CustodyClient, 'links' | 'manifests'>,
  keyId: Uint8Array,
): Promise<SurveyedKey | 'deleted' | 'missing'> {
  const states = await manifests.states(keyId, links.nodes)
  const known = usable(states)
  if (known === undefined) return isDeleted(states, links.nodes) ? 'deleted' : 'missing'
  const { generation, scheme, threshold, holders } = known.manifest
  const present = states.filter(
    ({ node, keys }) =>
      holders.some((holder) => isSameOctets(holder.node, node.node)) &&
      keys.some(({ manifest }) => manifest.generation === generation),
  ).length
  const ids = holders.map(({ node }) => links.nodeOf(node)?.id ?? toHex(node)).sort()
  const others = holdersOfAnother(states, known).map(({ id }) => id)
  return { keyId, generation, scheme, threshold, holders: ids, present, others }
}

async function ping(node: KnownNode): Promise<Pick<SurveyedNode, 'rttMs' | 'figures'>> {
  let best: number | undefined
  let figures: number[] | undefined
  for (let i = 0; i < PINGS; i++) {
    const begun = performance.now()
    const answer = await node.ask('figures', NO_KEY, 0, new Map(), ASK_MS)
    if (answer === undefined) return { rttMs: undefined, figures: undefined }
    best = Math.min(best ?? Number.POSITIVE_INFINITY, performance.now() - begun)
    figures = figuresOf(answer.fields.get(FIELD.output)?.[0]) ?? figures
  }
  return { rttMs: best, figures }
}

/** u64 each. */
function figuresOf(octets: Uint8Array | undefined): number[] | undefined {
  if (octets === undefined) return undefined
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  return Array.from({ length: octets.length >> 3 }, (_, i) => Number(view.getBigUint64(8 * i)))
}

/** Both by index, for the engine. */
export interface Countable {
  readonly nodes: readonly CustodyNode[]
  readonly demands: readonly KeyDemand[]
  readonly current: Placement
  /** Of the demands, in their order. */
  readonly keys: readonly SurveyedKey[]
  /** Of the nodes, in their order. */
  readonly ids: readonly string[]
}

/**
 * Nodes that are away hold what they hold, and have no room: nothing moves to them. Keys with a holder that is not configured are left out.
 *
 * @param perS of a key, by operation in the order of `DEMANDED`
 */
export function countable(
  config: { readonly nodes: readonly PlacedNode[] },
  survey: Survey,
  perS: (keyId: Uint8Array) => readonly number[],
): Countable {
  const ids = survey.nodes.map(({ id }) => id)
  const keys = survey.keys.filter(({ holders }) => holders.every((one) => ids.includes(one)))
  const nodes = survey.nodes.map((node): CustodyNode => {
    const own = config.nodes.find(({ id }) => id === node.id)
    const cpuMsPerS = 1000 * (own?.cores ?? 1)
    const slots = node.isAway ? node.shares : (own?.slots ?? node.shares)
    const rttMs = node.rttMs ?? AWAY_RTT_MS
    return { domain: node.domain, rttMs, cpuMsPerS, slots, partMs: PARTS_MS }
  })
  return {
    ...{ nodes, keys, ids },
    demands: keys.map(({ holders, threshold, keyId }) => ({
      ...{ holders: holders.length, threshold, perS: perS(keyId) },
    })),
    current: keys.map(({ holders }) =>
      holders.map((one) => ids.indexOf(one)).sort((a, b) => a - b),
    ),
  }
}

/** As good as an operation that waited for it and asked another one. */
const AWAY_RTT_MS = 500
