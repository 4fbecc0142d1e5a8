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
  const proto = client.secure ? 'https' : 'http'
  const lines = [
    `Via: ${via} limen`,
    `X-Forwarded-For: ${client.remoteAddress}`,
    `X-Forwarded-Proto: ${proto}`,
    `X-Forwarded-Port: ${client.localPort}`,
  ]
  let forwarded = `Forwarded: for=${forwardedNode(client.remoteAddress)};proto=${proto}`
  if (host !== '') {
    lines.push(`X-Forwarded-Host: ${host}`)
    forwarded += `;host="${host.replace(/["\\]/g, '\\$&')}"`
  }
  lines.push(forwarded)
  const { decision } = client
  if (decision !== undefined) {
    lines.push(`Limen-Decision: ${decision.id}`, `Limen-Tier: ${decision.tier}`)
    lines.push(`Limen-Score: ${decision.score.toFixed(2)}`)
    if (decision.handshake !== undefined) {
      lines.push(`Limen-JA4: ${decision.handshake.ja4}`)
      if (decision.handshake.client !== '') {
        lines.push(`Limen-Client: ${visible(decision.handshake.client)}`)
      }
    }
  }
  return `${lines.join('\r\n')}\r\n`
}
