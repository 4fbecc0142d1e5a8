/**
 * `limen load-agent`: says how busy this machine is to a Limen elsewhere. Runs until a signal ends it.
 *
 * @module
 */
import { once } from 'node:events'
import { readBearerToken } from '../../adapters/node/bearer-token.ts'
import { loadAgent } from '../../adapters/node/load-agent.ts'
import { MachineMeter } from '../../adapters/node/machine-meter.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { isLoopback, readAddress, writeAddress } from '../server/config/address.ts'

export interface LoadAgentCommandOptions {
  /** `host:port`. */
  readonly listen: string
  readonly tokenFile?: string
}

/** Resolves with the exit code. @throws LimenError when it cannot start */
export async function runLoadAgent(
  { listen, tokenFile }: LoadAgentCommandOptions,
  out: (text: string) => void,
): Promise<number> {
  const address = readAddress(listen)
  if (address === undefined) throw refused(`--listen ${listen} is no host:port`)
  if (tokenFile === undefined && !isLoopback(address.host)) {
    throw refused(`--listen ${listen} is not loopback: needs --token-file`)
  }
  const meter = new MachineMeter()
  const server = loadAgent({
    clock: systemClock,
    token: tokenFile === undefined ? undefined : tokenIn(tokenFile),
    look: () => meter.look(performance.now()),
  })
  server.listen(address.port, address.host)
  try {
    await once(server, 'listening')
  } catch (error) {
    server.close()
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'the address is in use' : code
    const text = `Cannot listen on ${listen}: ${why}`
    throw new LimenError('cannot-listen', text, { side: 'operator', retry: true, cause: error })
  }
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
  out(`Load of this machine: http://${writeAddress({ ...address, port })}/load`)
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
  server.closeAllConnections()
  server.close()
  return 0
}

function tokenIn(file: string): string {
  try {
    return readBearerToken(file)
  } catch (error) {
    throw refused(`--token-file ${file} cannot be read: ${(error as Error).message}`)
  }
}

function refused(text: string): LimenError {
  return new LimenError('usage', text, { side: 'operator', retry: false })
}
