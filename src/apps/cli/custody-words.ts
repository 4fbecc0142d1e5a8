/**
 * Words of the command line about custody clusters: keys, nodes, numbers.
 *
 * @module
 */
import { LimenError } from '../../ground/limen-error.ts'
import { hasPlacement, isPlacement } from '../../keys/custody/domain-rule.ts'
import { KEY_USES, type KeyLabel } from '../../keys/custody/key-label.ts'
import type { ClusterConfig } from '../custody/cluster-config.ts'
import type { Holding } from '../custody/drive-change.ts'
import type { NewNode } from '../custody/make-cluster.ts'
import { domainOf } from '../custody/survey-cluster.ts'

const NODE =
  /^([a-z0-9][a-z0-9._-]{0,63})=((?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5}))(?:@([\w./-]{1,64}))?$/
const KEY = /^([a-z-]+)\/([!-~]{1,128}?)(?:@([1-9]\d{0,9}))?$/

/** `USE/NAME` or `USE/NAME@VERSION`. */
export function labelOf(key: string): KeyLabel {
  const [, word, name, version = '1'] = KEY.exec(key) ?? []
  const use = KEY_USES.find((one) => one === word)
  // No name but an ill-written version: what is meant is not made.
  const isVersioned = name !== undefined && /@\d*$/.test(name)
  if (use === undefined || name === undefined || isVersioned || Number(version) >= 2 ** 32) {
    throw usage(`Name a key as USE/NAME or USE/NAME@VERSION, USE one of ${KEY_USES.join(', ')}`)
  }
  return { use, name, version: Number(version) }
}

/** All nodes and the threshold of the configuration, unless options say otherwise. */
export function holdingOf(
  config: ClusterConfig,
  { threshold, nodes }: { readonly threshold?: string; readonly nodes?: string },
): Holding {
  const ids = nodes === undefined ? config.nodes.map(({ id }) => id) : nodes.split(',')
  if (new Set(ids).size < ids.length) throw usage('--nodes names a node twice')
  const needed =
    threshold === undefined
      ? config.threshold
      : wholeNumber('--threshold', threshold, 2, ids.length)
  if (ids.length < needed) throw usage(`${ids.length} nodes are fewer than the threshold ${needed}`)
  return { threshold: needed, nodes: ids }
}

/** @throws LimenError `custody-domains`: one domain would have the key, or take it with it */
export function inDomains(config: ClusterConfig, holding: Holding): Holding {
  const { nodes, threshold } = holding
  const domains = nodes.map((id) => {
    const node = config.nodes.find((one) => one.id === id)
    if (node === undefined) throw usage(`There is no node ${id}`)
    return domainOf(node)
  })
  if (isPlacement(domains, { holders: nodes.length, threshold }, [...nodes.keys()])) return holding
  const text = `${threshold} of ${nodes.join(', ')}: one domain would have the key, or take it with it`
  throw new LimenError('custody-domains', text, { side: 'operator', retry: false })
}

export function newNode(given: string): NewNode {
  const [, id, address, port, domain] = NODE.exec(given) ?? []
  if (id === undefined || address === undefined) {
    throw usage(`--node is ID=HOST:PORT or ID=HOST:PORT@DOMAIN, not ${given}; an ID is lower case`)
  }
  if (Number(port) < 1 || Number(port) > PORT_MAX) throw usage(`There is no port ${port}: ${given}`)
  return { id, address, domain: domain ?? id }
}

const PORT_MAX = 65_535

/** Nodes of a cluster to be. @throws LimenError `usage`; `custody-domains`: no key could be placed on them */
export function newNodes(given: readonly string[], threshold: string): NewCluster {
  const nodes = given.map(newNode)
  for (const part of ['id', 'address'] as const) {
    const parts = nodes.map((node) => node[part])
    const twice = parts.find((one, i) => parts.indexOf(one) < i)
    if (twice !== undefined) throw usage(`Two nodes have the ${part} ${twice}`)
  }
  const needed = wholeNumber('--threshold', threshold, 2, nodes.length)
  const domains = nodes.map(domainOf)
  const canHold = nodes.some((_, i) => hasPlacement(domains, { holders: i + 1, threshold: needed }))
  if (canHold) return { nodes, threshold: needed }
  const count = new Set(domains).size
  const text = `${nodes.length} nodes in ${count} domains: wherever shares of a key with a threshold of ${needed} were, one domain would have the key, or take it with it`
  throw new LimenError('custody-domains', text, { side: 'operator', retry: false })
}

export interface NewCluster {
  readonly nodes: readonly NewNode[]
  readonly threshold: number
}

export function wholeNumber(option: string, given: string, least: number, most: number): number {
  const value = /^\d{1,3}$/.test(given) ? Number(given) : Number.NaN
  if (value >= least && value <= most) return value
  throw usage(`${option} is a number from ${least} to ${most}`)
}

export function usage(message: string): LimenError {
  return new LimenError('usage', message, { side: 'operator', retry: false })
}
