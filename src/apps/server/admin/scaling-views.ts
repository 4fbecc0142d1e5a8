/**
 * How many servers pools should have, and what was done about it, as the admin API shows it.
 *
 * @module
 */
import { z } from 'zod'
import type { UpstreamView } from '../../../ports/data-plane.ts'
import type { ScalingView } from '../scale-pools.ts'
import { processView, type upstreamView } from './views.ts'

const at = z.int().describe('Milliseconds since the Unix epoch.')
const rate = z.number().nullable()

export const scalingView = z.object({
  pool: z.string(),
  at: at.describe('When it was looked at last.'),
  mode: z.enum(['observe', 'act']).describe('observe: nothing is done about it.'),
  by: z.enum(['forecast', 'measured']),
  min: z.int(),
  max: z.int(),
  up: z.int().describe('Servers that are there.'),
  starting: z.int().describe('Servers on their way.'),
  wanted: z.int(),
  reason: z.enum([
    ...(['enough', 'measured', 'forecast', 'utilisation'] as const),
    ...(['fewer', 'stabilising', 'minimum', 'at-maximum'] as const),
  ]),
  explained: z.string(),
  measured: rate.describe('Requests per second that came lately. null: not known.'),
  perServer: rate.describe(
    'Requests per second that one server carries at the utilisation wanted. null: not known.',
  ),
  processes: z.array(processView.extend({ id: z.string(), port: z.int() })).readonly(),
  actions: z
    .array(z.object({ at, did: z.string(), server: z.string(), why: z.string() }))
    .readonly()
    .describe('What was done, or would have been, the newest first; 100 at most.'),
  counts: z
    .array(z.object({ at, wanted: z.int(), up: z.int() }))
    .readonly()
    .describe('Servers from each change of either number on, the oldest first; 500 at most.'),
}) satisfies z.ZodType<ScalingView>

/** Servers the data plane knows, and processes here that it does not know yet. */
export function upstreamsShown(
  known: readonly UpstreamView[],
  scalings: readonly ScalingView[],
): readonly z.output<typeof upstreamView>[] {
  const processes = scalings.flatMap(({ pool, processes: all }) =>
    all.map(({ id, port, ...process }) => ({ pool, id, port, process })),
  )
  const isIn = (pool: string, id: string) => (one: { pool: string; id: string }) =>
    one.pool === pool && one.id === id
  const shown = known.map((one) => {
    const found = processes.find(isIn(one.pool, one.id))
    return found === undefined ? one : { ...one, process: found.process }
  })
  const others = processes
    .filter(({ pool, id }) => !known.some(isIn(pool, id)))
    .map(({ pool, id, port, process }) => ({
      ...{ pool, id, process, address: `127.0.0.1:${port}`, state: 'down' as const, weight: 0 },
      ...{ inFlight: 0, connections: 0, requests: 0, failures: 0, latencyMs: 0 },
      check: process.phase,
    }))
  return [...shown, ...others]
}
