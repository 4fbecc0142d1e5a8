/**
 * A cluster of custody nodes in this process, without TLS and with shares in memory; what goes between them can be changed, held up, or
 * cut off.
 *
 * @module
 */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { memoryShareVault } from '../src/adapters/memory/share-vault.ts'
import { hpkeKeyPair } from '../src/adapters/node/hpke.ts'
import { type SodiumGroups, sodiumGroups } from '../src/adapters/node/sodium-groups.ts'
import { systemRandom } from '../src/adapters/node/system-random.ts'
import { nodeIdOf } from '../src/apps/custody/caller.ts'
import { type CustodyClient, openCustodyClient } from '../src/apps/custody/custody-client.ts'
import { type CustodyNode, custodyNode } from '../src/apps/custody/custody-node.ts'
import { ShareDriver } from '../src/apps/custody/drive-change.ts'
import { type NodeWorld, toBeSigned } from '../src/apps/custody/node-world.ts'
import { LimenError } from '../src/ground/limen-error.ts'
import { joinOctets } from '../src/ground/octets.ts'
import { compileAccess } from '../src/keys/custody/access-policy.ts'
import type { AuditEntry } from '../src/keys/custody/audit-chain.ts'
import { type CustodyRequest, readCustodyRequest } from '../src/wire/custody-message.ts'
import { writeNodeCard } from '../src/wire/custody-plan.ts'
import { KEM } from '../src/wire/key-config.ts'

export interface MemoryNode {
  readonly id: string
  readonly world: NodeWorld
  readonly card: Uint8Array
  readonly audited: Omit<AuditEntry, 'at' | 'n'>[]
  node: CustodyNode
  /** As a process that ends and starts again: what is in memory is gone. */
  restart(): void
}

/** What becomes of a request on its way: `pass` it on, or be `away`; or another answer than the node's. */
export type Between = (
  to: MemoryNode,
  request: CustodyRequest,
  pass: () => Promise<Uint8Array>,
) => Promise<Uint8Array | 'away'>

export interface MemoryCluster {
  readonly nodes: readonly MemoryNode[]
  readonly groups: SodiumGroups
  readonly identity: KeyObject
  readonly client: CustodyClient
  readonly driver: ShareDriver
  /** In milliseconds, of nodes and callers alike. */
  ahead: number
  between: Between
  /** What nodes have answered with `failed`. */
  readonly faults: readonly string[]
  sign(octets: Uint8Array): Uint8Array
}

const MEMORY_CLUSTER = 'memory'
const random = systemRandom()

/** Nodes n1, n2 ... @param privateKey of the identity, else a new one */
export async function memoryCluster(
  count: number,
  privateKey = generateKeyPairSync('ed25519').privateKey,
): Promise<MemoryCluster> {
  const groups = await sodiumGroups()
  const faults: string[] = []
  const pair = { privateKey, publicKey: createPublicKey(privateKey) }
  const signed = (octets: Uint8Array) => new Uint8Array(sign(null, octets, pair.privateKey))
  const clock = { now: () => Date.now() + cluster.ahead }
  const nodes = Array.from({ length: count }, (_, i): MemoryNode => {
    const id = `n${i + 1}`
    const node = nodeIdOf(MEMORY_CLUSTER, id)
    const sealing = hpkeKeyPair(KEM.x25519, random.bytes(32))
    const signing = generateKeyPairSync('ed25519')
    const signingKey = signing.publicKey.export({ format: 'raw-public' })
    const card = writeNodeCard({ node, sealingKey: sealing.publicKey, signingKey })
    const audited: MemoryNode['audited'] = []
    const world: NodeWorld = {
      ...{ cluster: MEMORY_CLUSTER, node, identity: pair.publicKey, sealing, groups },
      ...{ signing: signing.privateKey, vault: memoryShareVault(node), clock, random },
      decide: compileAccess([{ caller: { role: 'server' }, key: '**', operations: ['*'] }]),
      audit: {
        append: (entry) => void audited.push(entry),
        keepCheckpointOf: () => false,
        newest: () => undefined,
      },
      onFault: (operation, error) => void faults.push(`${operation}: ${String(error)}`),
    }
    return {
      ...{ id, world, audited, node: custodyNode(world) },
      card: joinOctets(card, signed(toBeSigned('card', card))),
      restart() {
        this.node.close()
        this.node = custodyNode(world)
      },
    }
  })
  const client = openCustodyClient({
    ...{ cluster: MEMORY_CLUSTER, identity: pair.publicKey, groups, random, clock },
    ...{ certificate: '', key: '', authority: '' },
    nodes: nodes.map(({ id, card }) => ({ id, card, host: id, port: 1 })),
    openLink: ({ host }) => ({
      async ask(message) {
        const to = nodes.find(({ id }) => id === host)
        const body = message.slice()
        const request = readCustodyRequest(body.slice())
        if (to === undefined || request === undefined) throw away()
        const answer = await cluster.between(to, request, async () => {
          const answered = await to.node.handle({ ...CALLER }, body)
          body.fill(0)
          if (answered === undefined) throw away()
          return answered
        })
        if (answer === 'away') throw away()
        return answer
      },
      close: async () => undefined,
    }),
  })
  const { links, manifests } = client
  const driver = new ShareDriver({
    ...{ links, manifests, groups, random, graceMs: 0 },
    sign: async (octets) => signed(octets),
  })
  const cluster: MemoryCluster = {
    ...{ nodes, groups, client, driver, identity: pair.publicKey, ahead: 0, sign: signed, faults },
    between: (_to, _request, pass) => pass(),
  }
  return cluster
}

const CALLER = { cluster: MEMORY_CLUSTER, role: 'server', id: 's1' }

function away(): LimenError {
  return new LimenError('custody-node-away', 'away', { side: 'upstream', retry: true })
}
