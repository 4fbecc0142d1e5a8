/**
 * What an edge tells its key server of the sessions that come to it (`POST /v1/edges/<id>/first-requests`): counters of first
 * requests since its process was started, per key group, and whether it is about to go.
 *
 * @module
 */
import { z } from 'zod'
import type { GroupReport } from '../../../flows/session-demand.ts'
import type { TrafficTotals } from '../../../ports/data-plane.ts'

export interface FirstRequestReport {
  /** Of the edge's process. */
  readonly run: string
  /** It drains: its sessions are about to go elsewhere. */
  readonly draining: boolean
  readonly groups: readonly GroupReport[]
}

/** A process, not a place, in base64url. */
export const EDGE_RUN = /^[\w-]{8,32}$/
/** What an edge says at most; in bytes, some more than 256 groups take. */
const REPORT_BYTES_MAX = 48 * 1024
const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const report = z.strictObject({
  run: z.string().regex(EDGE_RUN),
  draining: z.boolean(),
  groups: z
    .array(
      z.strictObject({
        group: z.int().min(0).max(255),
        ...{ found: count, missed: count, late: count },
        usedUntil: z.int().min(0).max(0xffffffff),
      }),
    )
    .max(256)
    .refine((groups) => new Set(groups.map(({ group }) => group)).size === groups.length),
})

/** undefined for anything that is not a report. Never throws. */
export function readFirstRequestReport(body: Uint8Array): FirstRequestReport | undefined {
  if (body.length > REPORT_BYTES_MAX) return undefined
  try {
    const outcome = report.safeParse(JSON.parse(Buffer.from(body).toString()))
    return outcome.success ? outcome.data : undefined
  } catch {
    return undefined
  }
}

export function firstRequestReport(
  run: string,
  draining: boolean,
  counts: TrafficTotals['firstRequests'],
): FirstRequestReport {
  const groups = Object.entries(counts).map(([group, of]) => ({ ...of, group: Number(group) }))
  return { run, draining, groups }
}
