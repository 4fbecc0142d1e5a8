/**
 * A custody node of its parts: takes its folder, opens vault and audit log, and then its door. Where the parts come from is `start-node.ts` (a file)
 * and `embedded-process.ts` (the Limen that started it).
 *
 * @module
 */
import { join } from 'node:path'
import { openCustodyAudit } from '../../adapters/node/custody-audit.ts'
import { lockFolder } from '../../adapters/node/folder-lock.ts'
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
  /** Asked for once the folder is ours; closed with the node. */
  wrapping(): Promise<WrappingKey>
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

/** @throws LimenError `folder-in-use`; of the wrapping key, the vault and the audit log; `cannot-listen` */
export async function openCustodyNode(parts: NodeParts): Promise<StartedNode> {
  // Before anything is opened: a start in the log of a node that runs would break its chain for good.
  const unlock = await lockFolder(parts.folder)
  try {
    const node = await openInFolder(parts)
    return {
      ...node,
      async close() {
        await node.close()
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

async function openInFolder(parts: NodeParts): Promise<StartedNode> {
  const { cluster, id, folder, host, onFault } = parts
  const random = systemRandom()
  const clock = systemClock
  const node = nodeIdOf(cluster, id)
  let newest: AuditCheckpoint | undefined
  const wrapping = await parts.wrapping()
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
  const close = async (): Promise<void> => {
    custody.close()
    vault.close()
    await audit.close()
    await wrapping.close()
  }
  const opened = listenForCustody({
    ...{ ...parts, clock, handle: (caller, body) => custody.handle(caller, body) },
  })
  const listener = await opened.catch(async (error: unknown) => {
    await close()
    throw error
  })
  const timer = setInterval(() => custody.sweep(), SWEEP_MS)
  return {
    ...{ id, host, port: listener.port, renew: listener.renew },
    async close() {
      clearInterval(timer)
      await listener.close()
      await close()
    },
  }
}
