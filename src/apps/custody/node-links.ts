/**
 * All custody nodes of a cluster, as one who uses them sees them: asks one, reads its answer strictly, and remembers how it does.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import { type NodeLink, type NodeLinkOptions, nodeLink } from '../../adapters/custody/node-link.ts'
import { isSameOctets } from '../../crypto/prime-group.ts'
import type { Clock } from '../../ground/clock.ts'
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import {
  type CustodyAnswer,
  type Fields,
  type OperationName,
  REQUEST_ID_BYTES,
  readCustodyAnswer,
  writeCustodyRequest,
} from '../../wire/custody-message.ts'
import { type NodeCard, readNodeCard } from '../../wire/custody-plan.ts'
import { NODE_ROLE, nodeIdOf } from './caller.ts'
import { NodeHealth } from './node-health.ts'
import { isSignedBy } from './node-world.ts'

/** Its port, and the caller's certificate, may change: they are looked at for each new connection. */
export interface NodeAddress {
  readonly id: string
  readonly host: string
  readonly port: number
  /** LCN1, signed by the cluster's identity. */
  readonly card: Uint8Array
}

export interface NodeLinksOptions {
  readonly cluster: string
  readonly identity: KeyObject
  readonly nodes: readonly NodeAddress[]
  /** Of the caller; PEM. */
  readonly certificate: string
  readonly key: string
  readonly authority: string
  readonly clock: Clock
  readonly random: Random
  /** {@link nodeLink} for all but tests. */
  readonly openLink?: (options: NodeLinkOptions) => NodeLink
}

export interface KnownNode {
  readonly id: string
  readonly node: Uint8Array
  readonly card: NodeCard
  readonly cardBytes: Uint8Array
  readonly health: NodeHealth
  /** undefined: it cannot be reached, or answers what is no answer. @throws RangeError for fields that are too long for a request; nothing else */
  ask(
    operation: OperationName,
    keyId: Uint8Array,
    generation: number,
    fields: Fields,
    timeoutMs: number,
  ): Promise<CustodyAnswer | undefined>
}

export interface NodeLinks {
  readonly nodes: readonly KnownNode[]
  /** As a manifest names it. */
  nodeOf(node: Uint8Array): KnownNode | undefined
  close(): Promise<void>
}

/** @throws LimenError `custody-card` for a node whose card is not its own, or not signed by the cluster */
export function openNodeLinks(options: NodeLinksOptions): NodeLinks {
  const links: NodeLink[] = []
  const byNode = new Map<string, KnownNode>()
  for (const address of options.nodes) {
    const node = nodeIdOf(options.cluster, address.id)
    const card = readNodeCard(address.card)
    const isGood =
      card !== undefined &&
      isSameOctets(card.value.node, node) &&
      isSignedBy(options.identity, 'card', card)
    if (!isGood) {
      const text = `The card of custody node ${address.id} is not its own`
      throw new LimenError('custody-card', text, { side: 'operator', retry: false })
    }
    const link = (options.openLink ?? nodeLink)({
      host: address.host,
      name: `limen://${options.cluster}/${NODE_ROLE}/${address.id}`,
      get port() {
        return address.port
      },
      get certificate() {
        return options.certificate
      },
      get key() {
        return options.key
      },
      get authority() {
        return options.authority
      },
    })
    links.push(link)
    const health = new NodeHealth(() => performance.now())
    byNode.set(toHex(node), {
      ...{ id: address.id, node, card: card.value, cardBytes: address.card, health },
      ask: asker(link, health, options),
    })
  }
  return {
    nodes: [...byNode.values()],
    nodeOf: (node) => byNode.get(toHex(node)),
    async close() {
      await Promise.all(links.map((link) => link.close()))
    },
  }
}

function asker(
  link: NodeLink,
  health: NodeHealth,
  { clock, random }: NodeLinksOptions,
): KnownNode['ask'] {
  return async (operation, keyId, generation, fields, timeoutMs) => {
    const requestId = random.bytes(REQUEST_ID_BYTES)
    const time = clock.now()
    const message = writeCustodyRequest({ operation, requestId, time, keyId, generation, fields })
    const begun = performance.now()
    const ended = health.asked()
    try {
      const answer = readCustodyAnswer(await link.ask(message, timeoutMs))
      const isOurs = answer?.operation === operation && isSameOctets(answer.requestId, requestId)
      if (isOurs) health.answered(operation, performance.now() - begun)
      else health.lied()
      return isOurs ? answer : undefined
    } catch {
      health.failed()
      return undefined
    } finally {
      ended()
      message.fill(0)
    }
  }
}
