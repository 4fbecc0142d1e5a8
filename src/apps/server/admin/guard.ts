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
  if (request.headers['sec-fetch-site'] === 'cross-site' && request.method !== 'GET') {
    throw new Problem('foreign-origin', 'Only the console itself may call from a browser')
  }
}

function sameOrigin(origin: string, host: string): boolean {
  return URL.parse(origin)?.host === host.toLowerCase()
}
