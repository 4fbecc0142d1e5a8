/**
 * A session opened as the browser's library does (`docs/wire/session-keys.md`), over whatever the caller sends by: for who signs
 * requests by hand.
 *
 * @module
 */
import { WELL_KNOWN } from '../src/apps/browser/key-directory.ts'
import { beginHandshake, type Session } from '../src/apps/browser/session-handshake.ts'
import { readKeyConfig } from '../src/wire/key-config.ts'
import { SUITE } from '../src/wire/key-message.ts'

/** Sends a request to the origin, and resolves when its answer is whole. */
export type Send = (
  method: string,
  path: string,
  fields: Readonly<Record<string, string>>,
  body: Uint8Array,
) => Promise<{ readonly status: number; readonly body: Buffer }>

/**
 * Under a key of X25519.
 *
 * @throws Error when there is none, or the session is refused
 */
export async function openSession(origin: string, send: Send): Promise<Session> {
  const configuration = await send('GET', `${WELL_KNOWN}/keys`, {}, new Uint8Array(0))
  const config = readKeyConfig(configuration.body)
  const key = config?.keys.find(({ suites }) => suites.includes(SUITE.x25519))
  if (key === undefined) throw new Error(`No key to open sessions under: ${configuration.status}`)
  const handshake = await beginHandshake({ key, suite: SUITE.x25519, origin, now: Date.now() })
  const type = { 'content-type': 'application/limen-lsk' }
  const answer = await send('POST', `${WELL_KNOWN}/session`, type, handshake.message)
  if (answer.status !== 200) throw new Error(`No session: ${answer.status} ${answer.body}`)
  return await handshake.finish(answer.body)
}
