/**
 * HelloRetryRequest (RFC 8446 section 4.1.4): a server that can use none of the key shares in a ClientHello, but
 * a group the client supports, asks for another share. That costs a client who only pretends one round trip and
 * a computation it has to make at that moment; the rigorous pool asks on purpose.
 *
 * @module
 */
import type { ClientHello } from '../../wire/client-hello-message.ts'

const TLS_1_3 = 0x0304
/** RFC 8446 section 4.2.7; X25519MLKEM768 is of draft-ietf-tls-ecdhe-mlkem. */
const X25519MLKEM768 = 0x11ec
const X25519 = 0x1d
const P256 = 0x17
const P384 = 0x18
const P521 = 0x19

/** What the primary pool shares keys by: `GROUPS` of `certificates.ts`. */
const PRIMARY_GROUPS: readonly number[] = [X25519MLKEM768, X25519, P256, P384]

/**
 * The cheapest for us first, since we compute as much as the client: a key and its agreement take 0.14 ms with
 * X25519, 0.15 with P-256, 1.9 with P-384, 4.5 with P-521 (measured 2026-11-21, OpenSSL 3.5.8). X25519 behind P-256:
 * who sends no share for it rarely supports it.
 */
const RETRY_GROUPS = [
  ['P-256', P256],
  ['X25519', X25519],
  ['P-384', P384],
  ['P-521', P521],
] as const

/** As OpenSSL names it. */
export type RetryGroup = (typeof RETRY_GROUPS)[number][0]

/** The one group to offer so that this client has to be asked for another share; undefined when there is none. */
export function retryGroupFor(hello: ClientHello): RetryGroup | undefined {
  if (!hello.versions.includes(TLS_1_3)) return undefined
  const sent = hello.keyShares.map(({ group }) => group)
  const found = RETRY_GROUPS.find(
    ([, group]) => hello.groups.includes(group) && !sent.includes(group),
  )
  return found?.[0]
}

/** Whether the primary pool has to ask this client for another share. */
export function isRetryNeeded(hello: ClientHello): boolean {
  if (!hello.versions.includes(TLS_1_3)) return false
  const canUse = (group: number): boolean => PRIMARY_GROUPS.includes(group)
  return !hello.keyShares.some(({ group }) => canUse(group)) && hello.groups.some(canUse)
}
