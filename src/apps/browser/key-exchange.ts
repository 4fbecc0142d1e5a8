/**
 * One message to the key server, and what came of it (`POST /.well-known/limen/session` and `/rotate`).
 *
 * @module
 */
import { dateOf, retryAfterMs } from './answer-fields.ts'
import { WELL_KNOWN } from './key-directory.ts'
import { SessionError } from './session-error.ts'
import { type PendingHandshake, resumeHandshake, type Session } from './session-handshake.ts'
import type { SessionWorld } from './session-world.ts'

export type Exchanged =
  | { readonly kind: 'opened'; readonly session: Session }
  /** `code` of `SessionKey-Error`, or what is wrong with the reply. */
  | {
      readonly kind: 'refused'
      readonly code: string
      readonly status: number
      /** The server's clock, milliseconds since 1970. */
      readonly date: number | undefined
    }
  /** No answer, or none for now: the same message may be sent again. */
  | { readonly kind: 'lost'; readonly retryAfterMs: number }

/** A reply that takes longer is lost. */
const REPLY_MS_MAX = 10_000

export async function exchange(
  { origin, send }: SessionWorld,
  pending: PendingHandshake,
): Promise<Exchanged> {
  const { previous, message } = pending
  const type = { 'content-type': 'application/limen-lsk' }
  const url = `${origin}${WELL_KNOWN}/${previous === undefined ? 'session' : 'rotate'}`
  let response: Response
  let reply: Uint8Array
  try {
    response = await send(url, {
      method: 'POST',
      body: message,
      headers: previous === undefined ? type : { ...type, sessionkey: previous.ticket },
      cache: 'no-store',
      signal: AbortSignal.timeout(REPLY_MS_MAX),
    })
    reply = new Uint8Array(await response.arrayBuffer())
  } catch {
    return { kind: 'lost', retryAfterMs: 0 }
  }
  const { status, headers } = response
  if (status >= 500 || status === 429) return { kind: 'lost', retryAfterMs: retryAfterMs(headers) }
  const refused = { kind: 'refused', status, date: dateOf(headers) } as const
  if (!response.ok) return { ...refused, code: headers.get('sessionkey-error') ?? String(status) }
  try {
    return { kind: 'opened', session: await resumeHandshake(pending).finish(reply) }
  } catch (error) {
    if (!(error instanceof SessionError)) throw error
    return { ...refused, code: error.code }
  }
}
