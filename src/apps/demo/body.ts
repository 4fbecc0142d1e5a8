/**
 * Reads a request body, up to a limit.
 *
 * @module
 */
import type { IncomingMessage } from 'node:http'

/** Enough for a form and for an echo that means something; a demo needs no more. */
export const BODY_BYTES_MAX = 65_536

export type BodyOutcome =
  | { readonly kind: 'body'; readonly bytes: Buffer }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'aborted' }

/** Never throws: a client that leaves in the middle is `aborted`. A body over the limit is read no further. */
export async function readBody(
  request: IncomingMessage,
  bytesMax = BODY_BYTES_MAX,
): Promise<BodyOutcome> {
  const chunks: Buffer[] = []
  let length = 0
  return new Promise((resolve) => {
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > bytesMax) {
        request.pause()
        resolve({ kind: 'too-large' })
        return
      }
      chunks.push(chunk)
    })
    request.on('end', () => resolve({ kind: 'body', bytes: Buffer.concat(chunks) }))
    request.on('error', () => resolve({ kind: 'aborted' }))
    request.on('close', () => resolve({ kind: 'aborted' }))
  })
}
