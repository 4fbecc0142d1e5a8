/**
 * RFC 9457 problem details: the one form every error of the admin API takes.
 *
 * @module
 */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { LimenError } from '../../../ground/limen-error.ts'

/** Stable codes, with the status and title that belong to each. */
const PROBLEMS = {
  'bad-request': [400, 'The request is not understood'],
  unauthenticated: [401, 'A token is needed'],
  forbidden: [403, 'This role may not do that'],
  'foreign-origin': [403, 'Requests from other sites are refused'],
  'not-found': [404, 'There is no such thing'],
  conflict: [409, 'There is one already'],
  'precondition-failed': [412, 'It is not as it was meant to be'],
  'too-large': [413, 'The body is too large'],
  'unsupported-type': [415, 'The body must be JSON'],
  'bad-host': [421, 'The API is not known by this host name'],
  'config-refused': [422, 'The configuration is refused'],
  'precondition-required': [428, 'Say which one is meant'],
  'too-many-requests': [429, 'Too many requests'],
  internal: [500, 'Something went wrong here'],
  unavailable: [503, 'Not now'],
  'too-many-streams': [503, 'Too many event streams'],
} as const

export type ProblemCode = keyof typeof PROBLEMS

/** All that a problem may have, each once, in order. */
export const PROBLEM_STATUSES: readonly number[] = [
  ...new Set(Object.values(PROBLEMS).map(([status]) => status as number)),
].sort((a, b) => a - b)

/** Thrown by handlers. `more` is added to the body. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly more: Readonly<Record<string, unknown>>

  constructor(code: ProblemCode, detail: string, more: Readonly<Record<string, unknown>> = {}) {
    super(detail)
    this.name = 'Problem'
    this.code = code
    this.more = more
  }
}

export const problemSchema = z
  .looseObject({
    type: z.string().describe('urn:limen:err:<code>'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().describe('The request this is about.'),
  })
  .describe('RFC 9457 problem details.')

/** Answers with whatever was thrown. Returns what must go to the log: only our own faults. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = problemOf(error)
  const [status, title] = PROBLEMS[problem.code]
  if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer realm="limen"')
  return reply
    .code(status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .header('cache-control', 'no-store')
    .serializer((body: unknown) => JSON.stringify(body))
    .send({
      type: `urn:limen:err:${problem.code}`,
      title,
      status,
      detail: problem.message,
      instance: `${request.method} ${request.url.split('?')[0]}`,
      ...problem.more,
    })
}

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const texts = error.validation.map(
      ({ instancePath, message }) => `${instancePath.slice(1).replaceAll('/', '.')} ${message}`,
    )
    return new Problem('bad-request', texts.join('; ').trim())
  }
  if (error instanceof LimenError && error.side === 'operator') {
    return new Problem('internal', error.message)
  }
  const { statusCode, message } = error as Partial<FastifyError>
  if (statusCode === 413) return new Problem('too-large', 'At most 16 KiB')
  if (statusCode === 415) return new Problem('unsupported-type', 'Send application/json')
  if (statusCode === 429) return new Problem('too-many-requests', message ?? 'Try again later')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Problem('bad-request', message ?? 'Bad request')
  }
  // What went wrong inside stays inside.
  return new Problem('internal', 'See the log')
}
