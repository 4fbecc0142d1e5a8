/**
 * The fields the edge adds to every request it forwards: Via (RFC 9110 section 7.6.3), Forwarded
 * (RFC 7239), the X-Forwarded-* that most servers read, and Limen's own word on the client.
 * What a client sent under these names has been cut out before (`wire/request-head.ts`).
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'

export interface ClientFacts {
  readonly remoteAddress: string
  readonly secure: boolean
  readonly localPort: number
  readonly decision: Decision | undefined
}

/** An address as a node identifier of RFC 7239 section 6: IPv6 is bracketed and quoted. */
function forwardedNode(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address
}

/** Field values hold visible ASCII only. */
function visible(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?')
}

/** Field lines for one client and Host, each with its CR LF; `via` is the protocol received, e.g. `1.1`. */
export function forwardingFields(client: ClientFacts, host: string, via: string): string {
  const { remoteAddress: address, decision } = client
  const proto = client.secure ? 'https' : 'http'
  let fields = `Via: ${via} limen\r\nX-Forwarded-For: ${address}\r\nX-Forwarded-Proto: ${proto}\r\n`
  fields += `X-Forwarded-Port: ${client.localPort}\r\n`
  const forwarded = `Forwarded: for=${forwardedNode(address)};proto=${proto}`
  if (host === '') fields += `${forwarded}\r\n`
  else {
    fields += `X-Forwarded-Host: ${host}\r\n`
    fields += `${forwarded};host="${/["\\]/.test(host) ? host.replace(/["\\]/g, '\\$&') : host}"\r\n`
  }
  return decision === undefined ? fields : fields + decisionFields(decision)
}

function decisionFields({ id, tier, score, handshake }: Decision): string {
  const fields = `Limen-Decision: ${id}\r\nLimen-Tier: ${tier}\r\nLimen-Score: ${Math.round(score * 100) / 100}\r\n`
  if (handshake === undefined) return fields
  const client = handshake.client === '' ? '' : `Limen-Client: ${visible(handshake.client)}\r\n`
  return `${fields}Limen-JA4: ${handshake.ja4}\r\n${client}`
}
