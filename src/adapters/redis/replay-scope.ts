/**
 * {@link ReplayScope} in a Redis that all edges share: `SET key 1 NX PX 70000`, so that of two who ask at once one wins. What
 * Redis loses (a restart without persistence, a failover) can be shown once more.
 *
 * @module
 */
import type { ReplayScope } from '../../ports/replay-scope.ts'
import { openRedisClient, type RedisPlace } from './open-client.ts'

export interface RedisReplayOptions extends RedisPlace {
  /** An answer later than this is none. */
  readonly timeoutMs?: number
}

export interface RedisReplayScope extends ReplayScope {
  close(): Promise<void>
}

/** A proof may be shown for 35 s, by clocks that differ by as much. */
const KEEP_MS = 70_000
/** A request waits for it: longer than a round trip within a region, shorter than a person notices. */
const TIMEOUT_MS = 50
/** Asked at once; beyond it nobody can say in time. */
const ASKED_MAX = 10_000
const PREFIX = 'limen:replay:'

/** Connects by itself, again and again; resolves at once. While it is not connected every answer is `failed`. */
export function redisReplayScope(options: RedisReplayOptions): RedisReplayScope {
  const { timeoutMs = TIMEOUT_MS } = options
  const client = openRedisClient(options, ASKED_MAX)
  return {
    async meet(session, nonce) {
      if (!client.isReady) return 'failed'
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(resolve, timeoutMs, 'late')
      })
      try {
        const key = `${PREFIX}${session}:${nonce}`
        const set = client.set(key, '1', {
          condition: 'NX',
          expiration: { type: 'PX', value: KEEP_MS },
        })
        const said = await Promise.race([set, late])
        if (said === 'late') {
          set.catch(() => {})
          return 'failed'
        }
        return said === 'OK' ? 'fresh' : 'replay'
      } catch {
        return 'failed'
      } finally {
        clearTimeout(timer)
      }
    },
    async close() {
      client.removeAllListeners('error').on('error', () => {})
      client.destroy()
    },
  }
}
