/**
 * {@link ReplayScope} among edges without a common store: each session's proofs are remembered by one edge, its owner, which
 * all find by the same hash (`routing/rendezvous.ts`); the others ask it (`POST /v1/replay`). An owner that was started again remembers
 * nothing, and one that is away is nobody's: `failed`.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import { memoryReplayScope } from '../../../adapters/memory/replay-scope.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { ReplayScope } from '../../../ports/replay-scope.ts'
import { rendezvousOwner } from '../../../routing/rendezvous.ts'
import { addressOf, type Config } from '../config/schema.ts'
import { type ClusterPeer, clusterPeer } from './client.ts'
import { type EdgeCredentials, edgeName } from './credentials.ts'
import { answerJson, type ClusterRequest } from './listener.ts'

export interface OwnerScope extends ReplayScope {
  /** What other edges ask of this one. */
  handle(request: ClusterRequest, response: ServerResponse): Promise<void>
  /** Asks under another certificate of the same edge. */
  renew(credentials: EdgeCredentials): void
  close(): void
}

export interface OwnerScopeOptions {
  readonly edges: Config['sessions']['edges']
  readonly credentials: EdgeCredentials
  readonly clock: Clock
  readonly timeoutMs?: number
}

/** A request waits for it: some round trips within a region. */
const TIMEOUT_MS = 250
/** Of unsafe requests in 35 s, of all edges, 16 to 32 bytes each. */
const PROOFS_MAX = 700_000
const question = z.strictObject({
  session: z.string().regex(/^[\w-]{22}$/),
  nonce: z.string().regex(/^[\w-]{11,22}$/),
})
const answer = z.strictObject({ met: z.enum(['fresh', 'replay', 'failed']) })

export function ownerScope(options: OwnerScopeOptions): OwnerScope {
  const { edges, credentials, clock, timeoutMs = TIMEOUT_MS } = options
  const own = memoryReplayScope(PROOFS_MAX, systemRandom())
  const ids = edges.map(({ id }) => id)
  const peers = new Map<string, ClusterPeer>()
  const connect = (by: EdgeCredentials): void => {
    for (const { id, address } of edges) {
      if (id === credentials.id) continue
      peers.get(id)?.retire()
      peers.set(id, clusterPeer(addressOf(address), edgeName(id), by))
    }
  }
  connect(credentials)
  return {
    async meet(session, nonce, now) {
      const owner = rendezvousOwner(session, ids) ?? credentials.id
      if (owner === credentials.id) return await own.meet(session, nonce, now)
      try {
        const asked = { method: 'POST', path: '/v1/replay', body: { session, nonce } } as const
        const said = await peers.get(owner)?.ask(asked, timeoutMs)
        if (said?.status !== 200) return 'failed'
        const read = answer.safeParse(JSON.parse(said.body.toString()))
        return read.success ? read.data.met : 'failed'
      } catch {
        return 'failed'
      }
    },
    async handle({ method, url, body }, response) {
      if (method !== 'POST' || url.pathname !== '/v1/replay') {
        return answerJson(response, 404, { code: 'not_found' })
      }
      const read = question.safeParse(parseJson(body))
      if (!read.success) return answerJson(response, 400, { code: 'bad_body' })
      const { session, nonce } = read.data
      // Two edges that do not know the same edges would each believe in another owner.
      if (rendezvousOwner(session, ids) !== credentials.id) {
        return answerJson(response, 421, { code: 'not_owner' })
      }
      const met = await own.meet(session, nonce, clock.now() / 1000)
      answerJson(response, 200, { met })
    },
    renew: connect,
    close() {
      for (const peer of peers.values()) peer.close()
    },
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString())
  } catch {
    return undefined
  }
}
