/**
 * Who is calling, and what each role may do.
 *
 * @module
 */
import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { isLoopback } from '../config/address.ts'
import type { Role } from '../config/admin-schema.ts'
import type { Config } from '../config/schema.ts'
import { digestOf, type TokenHolder } from '../material.ts'
import { Problem } from './problem.ts'
import { SESSION_COOKIE, type SessionMark, type Sessions, sessionPathOf } from './sessions.ts'

/** What a route needs; every route names one. */
export type Right = 'nothing' | 'figures' | 'subjects' | 'change' | 'audit'

const RIGHTS: Readonly<Record<Role | 'nobody', readonly Right[]>> = {
  nobody: ['nothing'],
  viewer: ['nothing', 'figures'],
  /** Connections and decisions name addresses: personal data. */
  analyst: ['nothing', 'figures', 'subjects'],
  operator: ['nothing', 'figures', 'subjects', 'change', 'audit'],
  custodian: ['nothing', 'figures', 'audit'],
}

export interface Caller {
  readonly name: string
  readonly role: Role | 'nobody'
  readonly by: 'token' | 'session' | 'address' | 'nothing'
  /** By token, or by session from our own page: not by a cookie or an address alone. */
  readonly proven: boolean
}

const NOBODY: Caller = { name: '', role: 'nobody', by: 'nothing', proven: false }

export interface AccessOptions {
  readonly sessions: Sessions
  /** In force now: a token taken out of the configuration is dead at once. */
  readonly tokens: () => readonly TokenHolder[]
  readonly openToLoopback: () => Config['admin']['openToLoopback']
}

/** Throws `unauthenticated` for a token or session that is wrong; without either, it is nobody or loopback. */
export function callerOf(request: FastifyRequest, options: AccessOptions): Caller {
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const token = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1]
    const holder = token === undefined ? undefined : holderOf(token, options.tokens())
    if (holder === undefined) throw new Problem('unauthenticated', 'The token is not known')
    return { name: holder.name, role: holder.role, by: 'token', proven: true }
  }
  return sessionCaller(request, options) ?? loopbackCaller(request, options)
}

/** Throws unless the caller may. */
export function assertMay(caller: Caller, right: Right): void {
  if (!RIGHTS[caller.role].includes(right)) {
    if (caller.by === 'address' || caller.by === 'nothing') {
      throw new Problem('unauthenticated', 'Send a token: Authorization: Bearer ...')
    }
    throw new Problem('forbidden', `The role ${caller.role} may not do that`)
  }
  if (right === 'change' && !caller.proven) {
    throw new Problem('forbidden', 'A change by session must come from the console (Origin)')
  }
}

/** The holder of `token`. Compares with every digest, so that time does not tell which was near. */
export function holderOf(token: string, holders: readonly TokenHolder[]): TokenHolder | undefined {
  const digest = digestOf(token)
  let found: TokenHolder | undefined
  for (const holder of holders) if (timingSafeEqual(holder.digest, digest)) found ??= holder
  return found
}

/** Undefined when the request shows no cookie, or not by the path of a session. */
export function sessionMarkOf(request: FastifyRequest): SessionMark | undefined {
  const path = sessionPathOf(request.originalUrl)
  const pairs = (request.headers.cookie ?? '').split(/; ?/)
  const pair = pairs.find((each) => each.startsWith(`${SESSION_COOKIE}=`))
  if (path === '' || pair === undefined) return undefined
  return { id: pair.slice(SESSION_COOKIE.length + 1), path }
}

function sessionCaller(request: FastifyRequest, options: AccessOptions): Caller | undefined {
  const mark = sessionMarkOf(request)
  const holder = mark === undefined ? undefined : options.sessions.find(mark)
  if (holder === undefined) return undefined
  // The session ends with the token it was begun with, and takes on what became of its role.
  const now = options.tokens().find(({ digest }) => digest.equals(holder.digest))
  // A browser names the origin with every change; the guard has refused those that are not ours.
  const proven = request.headers.origin !== undefined
  return now && { name: now.name, role: now.role, by: 'session', proven }
}

/** A forwarded request is not from this machine, whatever its last hop says. */
function loopbackCaller(request: FastifyRequest, options: AccessOptions): Caller {
  const role = options.openToLoopback()
  const { headers, socket } = request
  const forwarded = headers['x-forwarded-for'] ?? headers.forwarded ?? headers.via
  if (role === 'nobody' || forwarded !== undefined) return NOBODY
  if (!isLoopback(socket.remoteAddress ?? '')) return NOBODY
  return { name: 'loopback', role, by: 'address', proven: false }
}
