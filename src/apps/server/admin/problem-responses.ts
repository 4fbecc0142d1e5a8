/**
 * The error answers of a route, for OpenAPI: of one form, under each status that a problem may have. Ranges (`4XX`) would say as much,
 * and generators of clients do not read them.
 *
 * @module
 */
import { PROBLEM_STATUSES, problemSchema } from './problem.ts'

/** Any error may come back as a problem. */
export const problems = { '4xx': problemSchema, '5xx': problemSchema } as const

const RANGE = /^([45])XX$/
const PROBLEM = 'Problem'

type Responses = Record<string, unknown>
interface Document {
  paths?: Record<string, Record<string, { responses?: Responses } | undefined> | undefined>
  components?: { responses?: Responses }
}

/** The same document, each range of errors as the statuses that are in it. */
export function withProblems<T extends object>(given: T): T {
  const document = structuredClone(given) as T & Document
  let problem: unknown
  const operations = Object.values(document.paths ?? {}).flatMap((path) =>
    Object.values(path ?? {}),
  )
  for (const { responses = {} } of operations.flatMap((operation) => operation ?? [])) {
    for (const [status, response] of Object.entries(responses)) {
      const [, hundreds] = RANGE.exec(status) ?? []
      if (hundreds === undefined) continue
      problem ??= response
      delete responses[status]
      for (const each of statusesOf(hundreds)) {
        responses[each] ??= { $ref: `#/components/responses/${PROBLEM}` }
      }
    }
  }
  document.components = {
    ...document.components,
    responses: { ...document.components?.responses, [PROBLEM]: problem },
  }
  return document
}

function statusesOf(hundreds: string): readonly number[] {
  return PROBLEM_STATUSES.filter((status) => String(status).startsWith(hundreds))
}
