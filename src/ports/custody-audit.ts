/**
 * Who asked a custody node for what, in a chain of hashes that the node signs every so often (`keys/custody/audit-chain.ts`).
 * Implementation: `adapters/node/custody-audit.ts`.
 *
 * @module
 */
import type { AuditEntry } from '../keys/custody/audit-chain.ts'
import type { AuditCheckpoint } from '../keys/custody/audit-checkpoint.ts'

export interface CustodyAudit {
  /**
   * Written when it returns, so that a killed process loses nothing; on the disk with the next checkpoint, or {@link flush}.
   * Time and number are added.
   *
   * @throws LimenError `audit-unwritable`: then what it tells of must not happen
   */
  append(entry: Omit<AuditEntry, 'at' | 'n'>): void
  /** On the disk when it resolves: for entries that must survive a power cut too. @throws LimenError `audit-unwritable` */
  flush(): Promise<void>
  /** How many entries there are, and the hash of the last. */
  head(): { readonly count: number; readonly hash: Uint8Array }
  /** Puts the chain so far on the disk and signs it, if anything is new. The latest one. @throws LimenError `audit-unwritable` */
  checkpoint(): Promise<AuditCheckpoint>
  /** Keeps what another node signed; false when that is not signed by this key, or not newer than what is kept of the node. */
  keepCheckpointOf(publicKey: Uint8Array, checkpoint: AuditCheckpoint): boolean
  /** Signs what is left. */
  close(): Promise<void>
}
