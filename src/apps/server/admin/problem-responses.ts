/**
 * The error answers of a route, for OpenAPI.
 *
 * @module
 */
import { problemSchema } from './problem.ts'

/** Any error may come back as a problem. */
export const problems = { '4xx': problemSchema, '5xx': problemSchema } as const
