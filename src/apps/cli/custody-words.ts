/**
 * Words of the command line about custody clusters: keys, nodes, numbers.
 *
 * @module
 */
import { LimenError } from '../../ground/limen-error.ts'
import { isPlacement } from '../../keys/custody/domain-rule.ts'
import { KEY_USES, type KeyLabel } from '../../keys/custody/key-label.ts'
import type { ClusterConfig } from '../custody/cluster-config.ts'
import type { Holding } from '../custody/drive-change.ts'
import type { NewNode } from '../custody/make-cluster.ts'
import { domainOf } from '../custody/survey-cluster.ts'

const NODE =
  /^([a-z0-9][a-z0-9._-]{0,63})=((?:\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5})(?:@([\w./-]{1,64}))?$/i
const KEY = /^([a-z-]+)\/([!-~]{1,128}?)(?:@([1-9]\d{0,9}))?$/

/** `USE/NAME` or `USE/NAME@VERSION`. */
export function labelOf(key: string): KeyLabel {
  const [, word, name, version = '1'] = KEY.exec(key) ?? []
  const use = KEY_USES.find((one) => one === word)
  if (use === undefined || name === undefined || Number(version) >= 2 ** 32) {
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
  const [, id, address, domain] = NODE.exec(given) ?? []
  if (id === undefined || address === undefined) {
    throw usage(`--node is ID=HOST:PORT or ID=HOST:PORT@DOMAIN, not ${given}`)
  }
  return { id, address, domain: domain ?? id }
}

export function wholeNumber(option: string, given: string, least: number, most: number): number {
  const value = /^\d{1,3}$/.test(given) ? Number(given) : Number.NaN
  if (value >= least && value <= most) return value
  throw usage(`${option} is a number from ${least} to ${most}`)
}

export function usage(message: string): LimenError {
  return new LimenError('usage', message, { side: 'operator', retry: false })
}
