/**
 * The key server's side of the cluster: edges elsewhere as holders of keys. Each keeps a stream open (`GET /v1/feed`), fetches keys
 * sealed to it (`GET /v1/stek`) and says when its workers hold them (`POST /v1/edges/<id>/held`). It lives as long as its stream does, and a
 * little longer.
 *
 * @module
 */
import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import type { Log } from '../../../adapters/node/json-log.ts'
import { sealKeyEnvelope } from '../../../adapters/node/key-envelope.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import { FEED_SILENT_S } from '../../../keys/session/revocations.ts'
import type { SessionKeysGiven } from '../../../ports/data-plane.ts'
import type { KeyHolders } from '../key-server/key-holders.ts'
import type { KeySource } from '../key-server/key-server.ts'
import { type FeedLine, writeFeedLine } from './feed-lines.ts'
import { answerJson, type ClusterRequest } from './listener.ts'

export interface EdgeDesk extends KeyHolders {
  handle(request: ClusterRequest, response: ServerResponse): void
  close(): void
}

export interface EdgeDeskOptions {
  readonly source: KeySource
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

interface Edge {
  readonly id: string
  /** Of its process: one that was started again holds nothing. */
  readonly run: string
  readonly stream: ServerResponse
  /** 0 while it is connected. */
  goneAt: number
}

/** Status and JSON; undefined: it answers by itself. */
type Reply = readonly [status: number, value: unknown] | undefined

/** Field of an edge's X25519 key, base64url, of this process of it. */
export const EDGE_KEY_FIELD = 'limen-edge-key'
/** Then it goes by its own policy for a silent feed, and holds up nobody. */
const LINGER_MS = FEED_SILENT_S * 1000
/** An edge that reads so slowly is cut off: it comes back and asks from where it was. */
const STREAM_BYTES_MAX = 4 * 2 ** 20
const RUN = /^[\w-]{8,32}$/
const HELD_MAX = 4096
const heldBody = z.strictObject({
  run: z.string().regex(RUN),
  stekIds: z.array(z.int().min(0).max(0xffffffff)).max(HELD_MAX),
})

export function edgeDesk({ source, clock, random, log }: EdgeDeskOptions): EdgeDesk {
  const edges = new Map<string, Edge>()
  const excluded = new Set<string>()
  const listeners = new Set<(holder: string, stekIds: readonly number[]) => void>()
  let given: SessionKeysGiven | undefined
  let sequence = BigInt(Math.floor(clock.now())) << 16n

  const nameOf = ({ id, run }: Pick<Edge, 'id' | 'run'>): string => `${id}/${run}`
  const say = (edge: Edge, line: FeedLine): void => {
    if (edge.goneAt !== 0) return
    edge.stream.write(writeFeedLine(line))
    if (edge.stream.writableLength > STREAM_BYTES_MAX) edge.stream.destroy()
  }
  const forget = (): void => {
    for (const [id, { goneAt }] of edges) {
      if (goneAt !== 0 && clock.now() - goneAt > LINGER_MS) edges.delete(id)
    }
    for (const name of excluded) {
      if (![...edges.values()].some((edge) => nameOf(edge) === name)) excluded.delete(name)
    }
  }

  const openFeed = ({ edge: id, url }: ClusterRequest, response: ServerResponse): Reply => {
    const since = Number(url.searchParams.get('since') ?? '0')
    const run = url.searchParams.get('run') ?? ''
    if (!Number.isSafeInteger(since) || since < 0 || !RUN.test(run)) {
      return [400, { code: 'bad_query' }]
    }
    edges.get(id)?.stream.destroy()
    const edge: Edge = { id, run, stream: response, goneAt: 0 }
    edges.set(id, edge)
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    response.on('close', () => {
      edge.goneAt = clock.now()
      log.warn({ edge: id }, 'An edge is gone')
    })
    log.info({ edge: id }, 'An edge listens')
    say(edge, { kind: 'begin', anew: !source.follows(since) })
    for (const entry of source.since(since)) say(edge, entry)
    say(edge, { kind: 'keys' })
    return undefined
  }

  const giveKeys = (request: ClusterRequest): Reply => {
    const publicKey = Buffer.from(request.field(EDGE_KEY_FIELD), 'base64url')
    if (publicKey.length !== 32) return [400, { code: 'bad_key' }]
    if (given === undefined) return [503, { code: 'not_ready' }]
    const { keys, assertion, rotation, groups = [] } = given
    const contents = [
      ...keys.map((one) => ({ kind: 'ticket', ...one }) as const),
      ...(assertion === undefined ? [] : [{ kind: 'assertion', ...assertion } as const]),
    ]
    const envelopes = contents.map((each) => {
      sequence += 1n
      return sealKeyEnvelope(each, {
        ...{ edge: request.edge, publicKey, sequence, random, now: clock.now() },
        sign: (data) => source.sign(data),
      })
    })
    const texts = envelopes.map((bytes) => Buffer.from(bytes).toString('base64'))
    return [200, { envelopes: texts, rotation, groups }]
  }

  const takeHeld = ({ edge: id, body }: ClusterRequest): Reply => {
    const read = heldBody.safeParse(parseJson(body))
    if (!read.success) return [400, { code: 'bad_body' }]
    const { run, stekIds } = read.data
    const edge = edges.get(id)
    // Of a process that listens no more: what it holds is of no use.
    if (edge?.run !== run) return [409, { code: 'other_run' }]
    const held = new Set(stekIds)
    if (
      given?.keys.every(({ stekId }) => held.has(stekId)) === true &&
      excluded.delete(nameOf(edge))
    )
      log.info({ edge: id }, 'An edge holds the keys again')
    for (const listener of listeners) listener(nameOf(edge), stekIds)
    return [200, {}]
  }

  return {
    kind: 'edge',
    living() {
      forget()
      return [...edges.values()].map(nameOf).filter((name) => !excluded.has(name))
    },
    give(next) {
      given = next
      for (const edge of edges.values()) say(edge, { kind: 'keys' })
    },
    feed(entry) {
      for (const edge of edges.values()) say(edge, entry)
    },
    onHeld(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    exclude(holder) {
      excluded.add(holder)
      // It comes back and fetches anew, which may be all it takes.
      for (const edge of edges.values()) if (nameOf(edge) === holder) edge.stream.destroy()
    },
    handle(request, response) {
      const { method, url, edge } = request
      const route = `${method} ${url.pathname}`
      const reply = ((): Reply => {
        if (route === 'GET /v1/feed') return openFeed(request, response)
        if (route === 'GET /v1/stek') return giveKeys(request)
        if (route === `POST /v1/edges/${edge}/held`) return takeHeld(request)
        return [404, { code: 'not_found' }]
      })()
      if (reply !== undefined) answerJson(response, ...reply)
    },
    close() {
      for (const { stream } of edges.values()) stream.destroy()
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
