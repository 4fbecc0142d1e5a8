/**
 * The process of an embedded custody node: does what the Limen that started it says, and ends with it.
 *
 * @module
 */

import { systemRandom } from '../../adapters/node/system-random.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { compileAccess } from '../../keys/custody/access-policy.ts'
import type { Credentials } from './listener.ts'
import { nodeKeysOf } from './node-keys.ts'
import { ed25519PublicKey } from './node-world.ts'
import { openCustodyNode, type StartedNode } from './open-node.ts'

export type ToEmbedded =
  | (Credentials & {
      readonly kind: 'open'
      readonly cluster: string
      readonly id: string
      readonly folder: string
      readonly port: number
      /** 32 octets. */
      readonly secret: Uint8Array
      /** Of the cluster, 32 octets. */
      readonly identity: Uint8Array
      /** Whose requests are done, all of them. */
      readonly role: string
    })
  | (Credentials & { readonly kind: 'renew' })
  | { readonly kind: 'close' }

export type FromEmbedded =
  | { readonly kind: 'open'; readonly port: number }
  | { readonly kind: 'renewed' }
  | { readonly kind: 'failed'; readonly code: string; readonly text: string }
  | { readonly kind: 'fault'; readonly operation: string; readonly code: string }

let node: StartedNode | undefined
const tell = (message: FromEmbedded): void => void process.send?.(message, () => undefined)

async function open(message: ToEmbedded & { readonly kind: 'open' }): Promise<void> {
  const { secret, role, identity } = message
  const { wrapping, ...keys } = nodeKeysOf(secret, systemRandom())
  secret.fill(0)
  node = await openCustodyNode({
    ...{ ...message, ...keys, identity: ed25519PublicKey(identity), host: '127.0.0.1' },
    wrapping: async () => wrapping,
    roles: [role],
    decide: compileAccess([{ caller: { role }, key: '**', operations: ['*'] }]),
    // The kind of error only: its message may say more than a log should know.
    onFault: (operation, error) => tell({ kind: 'fault', operation, code: codeOf(error) }),
  })
  tell({ kind: 'open', port: node.port })
}

async function close(): Promise<never> {
  await node?.close()
  process.exit(0)
}

function codeOf(error: unknown): string {
  return error instanceof LimenError ? error.code : (error as Error).name
}

process.on('message', (message: ToEmbedded) => {
  if (message.kind === 'close') void close()
  else if (message.kind === 'renew') {
    node?.renew(message)
    tell({ kind: 'renewed' })
  } else {
    open(message).catch((error: unknown) => {
      const text = error instanceof LimenError ? error.message : 'a bug'
      process.send?.({ kind: 'failed', code: codeOf(error), text }, () => process.exit(1))
    })
  }
})
// Whoever started it is gone. The log has been written line by line, and is signed at the next start.
process.on('disconnect', () => process.exit(0))
// Ctrl-C goes to the whole group; the one who started it says when to end.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
