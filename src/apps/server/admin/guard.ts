/**
 * Refuses what a hostile web page can make a browser send: requests under a name rebound to this machine's
 * address (DNS rebinding), and requests from another origin.
 *
 * @module
 */
import type { FastifyRequest } from 'fastify'
import { isLoopback } from '../config/address.ts'
import { addressOf, type Config } from '../config/schema.ts'
import { Problem } from './problem.ts'

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']

/** Throws unless `request` calls us by one of our names, and comes from our own pages or from no page. */
export function guard(request: FastifyRequest, admin: Config['admin']): void {
  const host = request.headers.host ?? ''
  const name = host.replace(/:\d+$/, '').toLowerCase()
  const bound = addressOf(admin.address).host
  const known = [...admin.hosts, ...(isLoopback(bound) ? [...LOOPBACK_NAMES, bound] : [])]
  // Reached from outside without names of its own, the API still needs a token with every call.
  if (known.length > 0 && !known.includes(name)) {
    throw new Problem('bad-host', `Add "${name}" to admin.hosts to be called so`)
  }
  const { origin } = request.headers
  if (origin !== undefined && !sameOrigin(origin, host)) {
    throw new Problem('foreign-origin', 'Only the console itself may call from a browser')
  }
  if (isForeign(request)) {
    throw new Problem('foreign-origin', 'Only the console itself may call from a browser')
  }
}

/**
 * Fetch Metadata (W3C, section 2): a browser says whose page asks. Without an Origin a foreign page could not read
 * an answer, but use up streams and requests: so it may at most link to us. Another port is foreign too.
 */
function isForeign({ headers, method }: FastifyRequest): boolean {
  const { 'sec-fetch-site': site, 'sec-fetch-dest': destination } = headers
  if (site !== 'cross-site' && site !== 'same-site') return false
  return method !== 'GET' || destination !== 'document'
}

function sameOrigin(origin: string, host: string): boolean {
  return URL.parse(origin)?.host === host.toLowerCase()
}
