/**
 * `limen custody-node`: holds shares of keys, and uses them for those who may. Runs until a signal ends it.
 *
 * @module
 */
import { LimenError } from '../../ground/limen-error.ts'
import { startCustodyNode } from '../custody/start-node.ts'

export interface CustodyNodeCommandOptions {
  readonly config: string
}

/** Resolves with the exit code. @throws LimenError when it cannot start */
export async function runCustodyNode(
  { config }: CustodyNodeCommandOptions,
  out: (text: string) => void,
  complain: (text: string) => void,
): Promise<number> {
  const onFault = (operation: string, error: unknown): void => {
    // The kind of error only: its message may say more than a log should know.
    const kind = error instanceof LimenError ? error.code : (error as Error).name
    complain(`limen: custody: ${operation} has failed: ${kind}`)
  }
  const node = await startCustodyNode(config, onFault, (door) => {
    out(`Sealed: operators give their shares by limen custody unseal ${door}`)
  })
  out(`Custody node ${node.id}: ${node.host} port ${node.port}`)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await node.close()
  return 0
}
