/**
 * Who asks the operations API: the bearer of a token, of which only the hash is known here, or whoever has a certificate of the cluster
 * (`limen://CLUSTER/ROLE/ID`). A token that is shown counts, whatever the certificate says.
 *
 * @module
 */
import { hash, timingSafeEqual } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../ground/clock.ts'
import { callerOf } from '../custody/caller.ts'

export interface ApiCaller {
  readonly role: string
  readonly id: string
}

export interface KnownToken extends ApiCaller {
  /** Of the token's characters, 32 octets. */
  readonly sha256: Uint8Array
}

/** Longer ones are nobody's. */
const TOKEN_CHARS_MAX = 512

/** undefined for nobody's. In time that says nothing of the tokens that are known. */
export function bearerOf(shown: string, known: readonly KnownToken[]): ApiCaller | undefined {
  if (shown === '' || shown.length > TOKEN_CHARS_MAX) return undefined
  const digest = hash('sha256', shown, 'buffer')
  let found: ApiCaller | undefined
  for (const { sha256, role, id } of known) {
    if (timingSafeEqual(digest, sha256)) found = { role, id }
  }
  return found
}

/** undefined: no certificate, or not of this cluster, or not any more: a connection may live longer than it. */
export function certifiedCaller(
  socket: TLSSocket,
  cluster: string,
  clock: Clock,
): ApiCaller | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (!socket.authorized || certificate === undefined) return undefined
  if (certificate.validToDate.getTime() < clock.now()) return undefined
  const caller = callerOf(certificate)
  return caller?.cluster === cluster ? { role: caller.role, id: caller.id } : undefined
}
