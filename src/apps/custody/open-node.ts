/**
 * A custody node of its parts: opens vault and audit log, and then its door. Where the parts come from is `start-node.ts` (a file)
 * and `embedded-process.ts` (the Limen that started it).
 *
 * @module
 */
import { join } from 'node:path'
import { openCustodyAudit } from '../../adapters/node/custody-audit.ts'
import { openShareVault } from '../../adapters/node/share-vault.ts'
import { sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { AuditCheckpoint } from '../../keys/custody/audit-checkpoint.ts'
import type { WrappingKey } from '../../ports/wrapping-key.ts'
import { nodeIdOf } from './caller.ts'
import { custodyNode } from './custody-node.ts'
import { type Credentials, listenForCustody } from './listener.ts'
import type { NodeWorld } from './node-world.ts'

export interface NodeParts
  extends Credentials,
    Pick<NodeWorld, 'cluster' | 'identity' | 'sealing' | 'signing' | 'decide' | 'onFault'> {
  readonly id: string
  /** Of shares, and `audit` in it. */
  readonly folder: string
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** That may connect. */
  readonly roles: readonly string[]
  /** Closed with the node. */
  readonly wrapping: WrappingKey
}

export interface StartedNode {
  readonly id: string
  readonly host: string
  readonly port: number
  /** For connections from now on. */
  renew(credentials: Credentials): void
  close(): Promise<void>
}

/** Secrets are zeroed this long, at most, after their time. */
const SWEEP_MS = 1_000

/** @throws LimenError of the vault and the audit log; `cannot-listen` */
export async function openCustodyNode(parts: NodeParts): Promise<StartedNode> {
  const { cluster, id, folder, host, wrapping, onFault } = parts
  const random = systemRandom()
  const clock = systemClock
  const node = nodeIdOf(cluster, id)
  let newest: AuditCheckpoint | undefined
  const vault = await openShareVault({ folder, node, wrapping, random })
  const audit = openCustodyAudit({
    ...{ folder: join(folder, 'audit'), node, key: parts.signing, clock },
    onCheckpoint: (made) => {
      newest = made
    },
    onError: (error) => onFault('checkpoint', error),
  })
  const groups = await sodiumGroups()
  const custody = custodyNode({
    ...{ ...parts, node, vault, groups, clock, random },
    audit: { ...audit, newest: () => newest },
  })
  const listener = await listenForCustody({
    ...{ ...parts, clock, handle: (caller, body) => custody.handle(caller, body) },
  })
  const timer = setInterval(() => custody.sweep(), SWEEP_MS)
  return {
    ...{ id, host, port: listener.port, renew: listener.renew },
    async close() {
      clearInterval(timer)
      await listener.close()
      custody.close()
      vault.close()
      await audit.close()
      await wrapping.close()
    },
  }
}
