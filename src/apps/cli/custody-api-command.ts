/**
 * `limen custody api`: serves the operations API of custody until a signal ends it.
 *
 * @module
 */
import { startCustodyApi } from '../custody-api/start-api.ts'
import { VERSION } from '../server/version.ts'

export interface CustodyApiCommandOptions {
  readonly config: string
}

/** Resolves with the exit code. @throws LimenError when it cannot start */
export async function runCustodyApi(
  { config }: CustodyApiCommandOptions,
  out: (text: string) => void,
): Promise<number> {
  const complain = (text: string): void => void process.stderr.write(`limen: ${text}\n`)
  const api = await startCustodyApi({ path: config, version: VERSION, complain })
  out(`Custody API ${api.id}: ${api.host} port ${api.port}`)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  await api.close()
  return 0
}
