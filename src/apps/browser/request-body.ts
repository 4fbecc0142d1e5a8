/**
 * The body of a request that is to be signed: held until it is sent, because its digest goes before it (RFC 9530), and
 * because a refused request is sent again. Large ones stay where the browser keeps its blobs.
 *
 * @module
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { digestField } from './sign-request.ts'

export interface HeldBody {
  readonly bytes: Blob | ArrayBuffer
  /** Value of `Content-Digest`. */
  readonly digest: string
}

/** Up to here a body is in memory twice for a moment; WebCrypto hashes only what it has whole. */
const WHOLE_BYTES_MAX = 8 * 2 ** 20
/** Read and hashed at once, of larger ones. */
const SLICE_BYTES = 2 ** 20

/** undefined when there is none, or it is empty: then nothing needs a digest. Uses the request's body up. */
export async function readBody(request: Request): Promise<Blob | undefined> {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined
  const blob = await request.blob()
  return blob.size === 0 ? undefined : blob
}

export async function holdBody(blob: Blob): Promise<HeldBody> {
  if (blob.size <= WHOLE_BYTES_MAX) {
    const bytes = await blob.arrayBuffer()
    const hash = await crypto.subtle.digest('SHA-256', bytes)
    return { bytes, digest: digestField(new Uint8Array(hash)) }
  }
  const hash = sha256.create()
  for (let at = 0; at < blob.size; at += SLICE_BYTES) {
    hash.update(new Uint8Array(await blob.slice(at, at + SLICE_BYTES).arrayBuffer()))
  }
  return { bytes: blob, digest: digestField(hash.digest()) }
}
