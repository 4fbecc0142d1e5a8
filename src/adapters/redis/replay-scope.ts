/**
 * {@link ReplayScope} in a Redis that all edges share: `SET key 1 NX PX 70000`, so that of two who ask at once one wins. What
 * Redis loses (a restart without persistence, a failover) can be shown once more.
 *
 * @module
 */
import { createClient } from 'redis'
import type { ReplayScope } from '../../ports/replay-scope.ts'

export interface RedisReplayOptions {
  /** `redis://host:port` or, with TLS, `rediss://host:port`. */
  readonly url: string
  readonly username?: string
  readonly password?: string
  /** PEM of the CA to trust with TLS; else the system's. */
  readonly ca?: string
  /** An answer later than this is none. */
  readonly timeoutMs?: number
  /** Told of each change, and of nothing in between. */
  onState?(state: 'connected' | 'lost', why: string): void
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
const CONNECT_MS = 2_000
const RECONNECT_MS_MAX = 2_000
const PREFIX = 'limen:replay:'

/** Connects by itself, again and again; resolves at once. While it is not connected every answer is `failed`. */
export function redisReplayScope(options: RedisReplayOptions): RedisReplayScope {
  const { url, username, password, ca, timeoutMs = TIMEOUT_MS } = options
  const client = createClient({
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    // What cannot be asked now is not asked later: the request has been answered by then.
    disableOfflineQueue: true,
    commandsQueueMaxLength: ASKED_MAX,
    socket: {
      connectTimeout: CONNECT_MS,
      reconnectStrategy: (retries: number) => Math.min(50 * 2 ** retries, RECONNECT_MS_MAX),
      ...(url.startsWith('rediss:')
        ? {
            tls: true as const,
            minVersion: 'TLSv1.2' as const,
            ...(ca === undefined ? {} : { ca }),
          }
        : {}),
    },
  })
  let state: 'connected' | 'lost' | undefined
  const turn = (next: 'connected' | 'lost', why: string): void => {
    if (state === next) return
    state = next
    options.onState?.(next, why)
  }
  client.on('ready', () => turn('connected', ''))
  // The message names an address at most, never the password.
  client.on('error', (error: Error) => turn('lost', error.message))
  client.connect().catch((error: Error) => turn('lost', error.message))
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
