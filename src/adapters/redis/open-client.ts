/**
 * A connection to Redis that comes back by itself; while it is away nothing waits in line.
 *
 * @module
 */
import { createClient } from 'redis'

export interface RedisPlace {
  /** `redis://host:port` or, with TLS, `rediss://host:port`. */
  readonly url: string
  readonly username?: string
  readonly password?: string
  /** PEM of the CA to trust with TLS; else the system's. */
  readonly ca?: string
  /** Told of each change, and of nothing in between. */
  onState?(state: 'connected' | 'lost', why: string): void
}

const CONNECT_MS = 2_000
const RECONNECT_MS_MAX = 2_000

/** Connects again and again; returns at once. @param askedMax asked at once, beyond it asking fails */
export function openRedisClient(place: RedisPlace, askedMax: number) {
  const { url, username, password, ca } = place
  const client = createClient({
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    // What cannot be asked now is not asked later: who asked has gone on by then.
    disableOfflineQueue: true,
    commandsQueueMaxLength: askedMax,
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
    place.onState?.(next, why)
  }
  client.on('ready', () => turn('connected', ''))
  // The message names an address at most, never the password.
  client.on('error', (error: Error) => turn('lost', error.message))
  client.connect().catch((error: Error) => turn('lost', error.message))
  return client
}
