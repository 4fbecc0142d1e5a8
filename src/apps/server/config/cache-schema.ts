/**
 * `routes[].cache` of a configuration, and what must hold between it and the rest.
 *
 * @module
 */
import { z } from 'zod'
import type { Blame, Complaint } from './complaint.ts'
import { CONFIG_DEFAULTS } from './defaults.ts'
import type { Config } from './schema.ts'
import { count } from './words.ts'

const D = CONFIG_DEFAULTS.cache
/** 256 MiB per worker and route; an hour: what is to be kept for longer is for a cache on disk. */
const BYTES_MAX = 2 ** 28
const SECONDS_MAX = 3600

export const cacheSchema = z.strictObject({
  bytesMax: count(BYTES_MAX).default(D.bytesMax).describe('Octets kept, per worker.'),
  secondsMax: count(SECONDS_MAX)
    .default(D.secondsMax)
    .describe('Kept no longer than that, whatever servers say, s.'),
})

export function checkCaches({ routes }: Config, blame: Blame): readonly Complaint[] {
  return routes.flatMap(({ cache, sessionKey }, i) =>
    cache === undefined || sessionKey === 'off'
      ? []
      : [blame(['routes', i, 'cache'], 'needs sessionKey: off: its answers belong to sessions')],
  )
}
