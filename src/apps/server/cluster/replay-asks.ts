/**
 * Answers the workers' question whether a proof is new beyond this edge: by the store that the route's scope names.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Clock } from '../../../ground/clock.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import type { DataPlane } from '../../../ports/data-plane.ts'
import type { ReplayMet, ReplayScope } from '../../../ports/replay-scope.ts'
import type { Config } from '../config/schema.ts'

export interface ReplayAsksOptions {
  readonly config: Config
  readonly plane: DataPlane
  /** Of an edge among others. */
  readonly owner: ReplayScope | undefined
  readonly clock: Clock
  readonly log: Log
}

/** Returns the way to stop. @throws LimenError `redis-file-bad` when a file of `sessions.redis` cannot be read */
export async function answerReplayAsks(options: ReplayAsksOptions): Promise<() => Promise<void>> {
  const { config, plane, owner, clock, log } = options
  const { redis } = config.sessions
  const store = redis === undefined ? undefined : await openRedis(redis, log)
  const stop = plane.onReplayAsk(async ({ scope, session, nonce }): Promise<ReplayMet> => {
    const now = clock.now() / 1000
    if (scope === 'cluster') return (await store?.meet(session, nonce, now)) ?? 'failed'
    // Where there is one edge, it owns all sessions, and has said its word.
    return scope === 'owner' && owner !== undefined
      ? await owner.meet(session, nonce, now)
      : 'fresh'
  })
  return async () => {
    stop()
    await store?.close()
  }
}

async function openRedis(redis: NonNullable<Config['sessions']['redis']>, log: Log) {
  // A tenth of what a start takes, for those who have one.
  const { redisReplayScope } = await import('../../../adapters/redis/replay-scope.ts')
  const { url, username, passwordFile, caFile } = redis
  return redisReplayScope({
    url,
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { password: read(passwordFile).trim() }),
    ...(caFile === undefined ? {} : { ca: read(caFile) }),
    onState(state, why) {
      if (state === 'connected') log.info({}, 'Redis is here: proofs are remembered for all edges')
      else log.error({ why }, 'Redis is away: sessions.onReplayError says what unsafe requests get')
    },
  })
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const text = `sessions.redis: cannot read ${path}`
    throw new LimenError('redis-file-bad', text, { side: 'operator', retry: false, cause })
  }
}
