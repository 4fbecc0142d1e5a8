/**
 * What the edge tells an upstream about the visitor. Limen removes a client's own copies of these
 * headers, so behind the edge they can be believed; asked directly, this server has no one to believe.
 *
 * @module
 */
import type { IncomingHttpHeaders } from 'node:http'

export interface Visitor {
  /** False when the request did not come through an edge. */
  readonly throughLimen: boolean
  /** Decision id, for `limen decisions explain <id>`. */
  readonly decision: string
  /** '' when the connection was not TLS. */
  readonly ja4: string
  /** '1', '2' or '3'; '' when unknown. */
  readonly tier: string
  readonly score: string
  /** Best guess at the software, '' when unknown. */
  readonly client: string
  /** First address in X-Forwarded-For, '' without one. */
  readonly address: string
  /** `https` or `http`. */
  readonly scheme: string
  readonly userAgent: string
}

/** A header of ours is never longer than this: anything more is cut before it is shown. */
const SHOWN_CHARACTERS_MAX = 200

export function readVisitor(headers: IncomingHttpHeaders): Visitor {
  const read = (name: string): string => {
    const value = headers[name]
    return (typeof value === 'string' ? value : '').slice(0, SHOWN_CHARACTERS_MAX)
  }
  const tier = read('limen-tier')
  return {
    throughLimen: read('limen-decision') !== '',
    decision: read('limen-decision'),
    ja4: read('limen-ja4'),
    tier: /^[123]$/.test(tier) ? tier : '',
    score: read('limen-score'),
    client: read('limen-client'),
    address: (read('x-forwarded-for').split(',')[0] ?? '').trim(),
    scheme: read('x-forwarded-proto') || 'http',
    userAgent: read('user-agent'),
  }
}
