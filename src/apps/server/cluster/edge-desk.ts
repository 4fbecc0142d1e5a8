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
import { type EnvelopeContents, sealKeyEnvelope } from '../../../adapters/node/key-envelope.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import { FEED_SILENT_S, type NumberedEntry } from '../../../keys/session/revocations.ts'
import type { Suspicion } from '../../../keys/session/suspicions.ts'
import type { SessionKeysGiven } from '../../../ports/data-plane.ts'
import type { KeyHolders } from '../key-server/key-holders.ts'
import type { KeySource } from '../key-server/key-server.ts'
import type { EdgeView } from '../key-server/key-views.ts'
import type { EdgeAuthority } from './edge-authority.ts'
import { FeedChain } from './feed-chain.ts'
import { type FeedLine, writeFeedLine } from './feed-lines.ts'
import { EDGE_RUN, readFirstRequestReport } from './first-request-report.ts'
import { answerJson, type ClusterRequest } from './listener.ts'
import type { EdgeStanding, PlaceKeys } from './place-keys.ts'
import { keyToCertify } from './renew-certificate.ts'
import { readSuspicionReport } from './session-suspicions.ts'

export interface EdgeDesk extends KeyHolders {
  /** The edges there are, as an operator looks at them. */
  views(): readonly EdgeView[]
  /** The same, as those who place keys need it. */
  standings(): readonly EdgeStanding[]
  /** An edge is to fetch its keys anew: what is placed there has changed. */
  refresh(edge: string): void
  /** The workers of this process suspect it: all edges are told. */
  suspect(suspicion: Suspicion): void
  handle(request: ClusterRequest, response: ServerResponse): Promise<void>
  close(): void
}

export interface EdgeDeskOptions {
  readonly source: KeySource
  /** Groups whose keys an edge may have at most; undefined: all. */
  readonly mayServe?: (edge: string) => readonly number[] | undefined
  /** Says what edges hold besides what they serve; absent: nothing. */
  readonly placing?: Pick<PlaceKeys, 'placedAt' | 'listens' | 'reported' | 'drainsAt'>
  /** Signs a certificate for the key of an edge, 32 octets; absent: an operator renews. */
  readonly certify?: EdgeAuthority['certify']
  /** An edge suspects these; the others are told. */
  onSuspected?(suspicions: readonly Suspicion[]): void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

interface Edge {
  readonly id: string
  /** Of its process: one that was started again holds nothing. */
  readonly run: string
  readonly stream: ServerResponse
  readonly connectedAt: number
  /** undefined: all groups. */
  readonly serves: ReadonlySet<number> | undefined
  readonly chain: FeedChain
  /** Groups of which it did not take a key in time. */
  readonly excluded: Set<number>
  held: ReadonlySet<number>
  heardAt: number
  feed: number
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
const GROUPS = /^\d{1,3}(?:,\d{1,3}){0,255}$/
const HELD_MAX = 4096
/** An edge renews its certificate so often at most: each costs custody a signature. */
const CERTIFY_MS = 2_000
const fetchBody = z.strictObject({
  group: z.int().min(0).max(255),
  epoch: z.int().min(0).max(0xffffff),
})
const heldBody = z.strictObject({
  run: z.string().regex(EDGE_RUN),
  stekIds: z.array(z.int().min(0).max(0xffffffff)).max(HELD_MAX),
})

export function edgeDesk(options: EdgeDeskOptions): EdgeDesk {
  const { source, clock, random, log, placing, mayServe = () => undefined } = options
  const edges = new Map<string, Edge>()
  const listeners = new Set<(holder: string, stekIds: readonly number[]) => void>()
  /** By edge: as many as our authority has let in. */
  const certifiedAt = new Map<string, number>()
  let given: SessionKeysGiven | undefined
  let sequence = BigInt(Math.floor(clock.now())) << 16n

  const nameOf = ({ id, run }: Pick<Edge, 'id' | 'run'>): string => `${id}/${run}`
  const say = (edge: Edge, line: FeedLine): void => {
    if (edge.goneAt !== 0) return
    const text = writeFeedLine(line)
    edge.chain.add(text)
    edge.stream.write(`${text}\n`)
    if (edge.stream.writableLength > STREAM_BYTES_MAX) edge.stream.destroy()
  }
  const tell = (edge: Edge, entry: NumberedEntry): void => {
    edge.feed = entry.seq
    if (entry.kind !== 'checkpoint') {
      say(edge, entry)
      return
    }
    const signed = edge.chain.checkpoint(entry.seq, (data) => source.sign(data))
    const { from } = entry
    say(edge, { kind: 'checkpoint', ...signed, ...(from === undefined ? {} : { from }) })
  }
  const forget = (): void => {
    for (const [id, { goneAt }] of edges) {
      if (goneAt !== 0 && clock.now() - goneAt > LINGER_MS) edges.delete(id)
    }
  }
  const serves = (set: ReadonlySet<number> | undefined, group: number): boolean =>
    set?.has(group) !== false
  const keysOf = (set: ReadonlySet<number> | undefined): SessionKeysGiven['keys'] =>
    (given?.keys ?? []).filter(({ stekId }) => serves(set, stekId >>> 24))
  /** What it serves and what is placed there, never more than it may have. */
  const holdingOf = (edge: Edge): ReadonlySet<number> | undefined => {
    if (edge.serves === undefined) return undefined
    const may = mayServe(edge.id)
    const placed = [...(placing?.placedAt(edge.id) ?? [])]
    return new Set([...edge.serves, ...placed.filter((group) => may?.includes(group) !== false)])
  }

  const openFeed = ({ edge: id, url }: ClusterRequest, response: ServerResponse): Reply => {
    const since = Number(url.searchParams.get('since') ?? '0')
    const run = url.searchParams.get('run') ?? ''
    const asked = url.searchParams.get('serves')
    const placed = url.searchParams.get('placed')
    const isAsked = Number.isSafeInteger(since) && since >= 0 && EDGE_RUN.test(run)
    const isWrong = [asked, placed].some((groups) => groups !== null && !GROUPS.test(groups))
    if (!isAsked || isWrong) return [400, { code: 'bad_query' }]
    placing?.listens(id, run, groupsOf(placed) ?? [])
    const before = edges.get(id)
    before?.stream.destroy()
    const now = clock.now()
    const edge: Edge = {
      ...{ id, run, stream: response, connectedAt: now, heardAt: now, feed: since, goneAt: 0 },
      serves: bothOf(groupsOf(asked), mayServe(id)),
      chain: new FeedChain({ edge: id, run }),
      // Of the same process as before: it has yet to take the key.
      excluded: new Set(before?.run === run ? before.excluded : []),
      held: before?.run === run ? before.held : new Set(),
    }
    edges.set(id, edge)
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    response.on('close', () => {
      edge.goneAt = clock.now()
      log.warn({ edge: id }, 'An edge is gone')
    })
    log.info({ edge: id }, 'An edge listens')
    say(edge, { kind: 'begin', anew: !source.follows(since) })
    for (const entry of source.since(since)) tell(edge, entry)
    say(edge, { kind: 'keys' })
    return undefined
  }

  const giveKeys = (request: ClusterRequest): Reply => {
    const publicKey = Buffer.from(request.field(EDGE_KEY_FIELD), 'base64url')
    if (publicKey.length !== 32) return [400, { code: 'bad_key' }]
    if (given === undefined) return [503, { code: 'not_ready' }]
    const { assertion, rotation, groups = [] } = given
    const edge = edges.get(request.edge)
    if (edge !== undefined) edge.heardAt = clock.now()
    // Of one that does not listen nobody knows what it serves.
    const bound = edge === undefined ? bothOf(undefined, mayServe(request.edge)) : holdingOf(edge)
    const contents = [
      ...keysOf(bound).map((one) => ({ kind: 'ticket', ...one }) as const),
      ...(assertion === undefined ? [] : [{ kind: 'assertion', ...assertion } as const]),
    ]
    const envelopes = contents.map((each) => seal(each, request.edge, publicKey))
    return [200, { envelopes, rotation, groups }]
  }

  const seal = (contents: EnvelopeContents, edge: string, publicKey: Uint8Array): string => {
    sequence += 1n
    const envelope = sealKeyEnvelope(contents, {
      ...{ edge, publicKey, sequence, random, now: clock.now() },
      sign: (data) => source.sign(data),
    })
    return Buffer.from(envelope).toString('base64')
  }

  /** A key that the edge does not hold and has met: of a group it may serve, whether it said that it does or not. */
  const giveMissed = (request: ClusterRequest): Reply => {
    const publicKey = Buffer.from(request.field(EDGE_KEY_FIELD), 'base64url')
    const read = fetchBody.safeParse(parseJson(request.body))
    if (publicKey.length !== 32 || !read.success) return [400, { code: 'bad_body' }]
    const { group, epoch } = read.data
    const stekId = ((group << 24) | epoch) >>> 0
    const bound = bothOf(undefined, mayServe(request.edge))
    const found = keysOf(bound).find((one) => one.stekId === stekId)
    if (found === undefined) return [404, { code: 'stek_unknown' }]
    return [200, { envelopes: [seal({ kind: 'ticket', ...found }, request.edge, publicKey)] }]
  }

  const takeHeld = ({ edge: id, body }: ClusterRequest): Reply => {
    const read = heldBody.safeParse(parseJson(body))
    if (!read.success) return [400, { code: 'bad_body' }]
    const { run, stekIds } = read.data
    const edge = edges.get(id)
    // Of a process that listens no more: what it holds is of no use.
    if (edge?.run !== run) return [409, { code: 'other_run' }]
    const held = new Set(stekIds)
    edge.held = held
    edge.heardAt = clock.now()
    for (const group of edge.excluded) {
      const wanted = keysOf(new Set([group]))
      if (!wanted.every(({ stekId }) => held.has(stekId))) continue
      edge.excluded.delete(group)
      log.info({ edge: id, group }, 'An edge holds the keys again')
    }
    for (const listener of listeners) listener(nameOf(edge), stekIds)
    return [200, {}]
  }

  const takeReport = ({ edge: id, body }: ClusterRequest): Reply => {
    const report = readFirstRequestReport(body)
    if (report === undefined) return [400, { code: 'bad_body' }]
    const edge = edges.get(id)
    if (edge?.run !== report.run) return [409, { code: 'other_run' }]
    edge.heardAt = clock.now()
    placing?.reported(id, report)
    return [200, {}]
  }

  /** For the new key of an edge that has shown who it is. */
  const certify = async ({ edge: id, body }: ClusterRequest): Promise<Reply> => {
    const publicKey = keyToCertify(id, body)
    if (options.certify === undefined) return [404, { code: 'not_found' }]
    if (publicKey === undefined) return [400, { code: 'bad_body' }]
    const now = clock.now()
    if (now - (certifiedAt.get(id) ?? 0) < CERTIFY_MS) return [429, { code: 'busy' }]
    certifiedAt.set(id, now)
    try {
      const { certPem, caPem } = await options.certify(id, publicKey)
      log.info({ edge: id }, 'The certificate of an edge was renewed')
      return [200, { certificate: certPem, authority: caPem }]
    } catch (error) {
      log.warn({ err: error, edge: id }, 'The certificate of an edge cannot be renewed now')
      return [503, { code: 'not_ready' }]
    }
  }

  const suspect = (suspicion: Suspicion, by?: Edge): void => {
    for (const edge of edges.values()) {
      if (edge !== by) say(edge, { kind: 'suspect', ...suspicion })
    }
  }

  const takeSuspicions = ({ edge: id, body }: ClusterRequest): Reply => {
    const report = readSuspicionReport(body)
    if (report === undefined) return [400, { code: 'bad_body' }]
    const edge = edges.get(id)
    if (edge?.run !== report.run) return [409, { code: 'other_run' }]
    edge.heardAt = clock.now()
    for (const suspicion of report.suspicions) suspect(suspicion, edge)
    options.onSuspected?.(report.suspicions)
    return [200, {}]
  }

  return {
    kind: 'edge',
    living(group) {
      forget()
      const isMeant = (edge: Edge): boolean =>
        group === undefined || (serves(holdingOf(edge), group) && !edge.excluded.has(group))
      return [...edges.values()].filter(isMeant).map(nameOf)
    },
    views: () =>
      [...edges.values()].map((edge) => {
        const holding = holdingOf(edge)
        const keys = keysOf(holding)
        const { id, run, connectedAt, heardAt, feed, stream } = edge
        return {
          ...{ id, run, connectedAt, heardAt, feed },
          state: edge.goneAt === 0 ? ('connected' as const) : ('gone' as const),
          serves: [...(edge.serves ?? [])],
          placed: [...(holding ?? [])].filter((group) => !serves(edge.serves, group)),
          drainsAt: placing?.drainsAt(id) ?? 0,
          excluded: [...edge.excluded],
          held: keys.filter(({ stekId }) => edge.held.has(stekId)).length,
          keys: keys.length,
          behindBytes: edge.goneAt === 0 ? stream.writableLength : 0,
        }
      }),
    standings: () =>
      [...edges.values()].map((edge) => ({
        ...{ edge: edge.id, run: edge.run, serves: edge.serves },
        isListening: edge.goneAt === 0,
        mayServe: bothOf(undefined, mayServe(edge.id)),
        holdsAll: (group) => keysOf(new Set([group])).every(({ stekId }) => edge.held.has(stekId)),
      })),
    refresh(id) {
      const edge = edges.get(id)
      if (edge !== undefined) say(edge, { kind: 'keys' })
    },
    suspect: (suspicion) => suspect(suspicion),
    give(next) {
      given = next
      for (const edge of edges.values()) say(edge, { kind: 'keys' })
    },
    feed(entry) {
      for (const edge of edges.values()) if (edge.goneAt === 0) tell(edge, entry)
    },
    onHeld(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    exclude(holder, group) {
      for (const edge of edges.values()) {
        if (nameOf(edge) !== holder) continue
        edge.excluded.add(group)
        // It comes back and fetches anew, which may be all it takes.
        edge.stream.destroy()
      }
    },
    async handle(request, response) {
      const { method, url, edge } = request
      const route = `${method} ${url.pathname}`
      const reply = await (async (): Promise<Reply> => {
        if (route === 'GET /v1/feed') return openFeed(request, response)
        if (route === 'GET /v1/stek') return giveKeys(request)
        if (route === 'POST /v1/stek/fetch') return giveMissed(request)
        if (route === `POST /v1/edges/${edge}/held`) return takeHeld(request)
        if (route === `POST /v1/edges/${edge}/first-requests`) return takeReport(request)
        if (route === `POST /v1/edges/${edge}/suspicions`) return takeSuspicions(request)
        if (route === `POST /v1/edges/${edge}/certificate`) return await certify(request)
        return [404, { code: 'not_found' }]
      })()
      if (reply !== undefined) answerJson(response, ...reply)
    },
    close() {
      for (const { stream } of edges.values()) stream.destroy()
    },
  }
}

/** What is in both; undefined: everything. */
function bothOf(
  a: readonly number[] | undefined,
  b: readonly number[] | undefined,
): ReadonlySet<number> | undefined {
  if (a === undefined) return b && new Set(b)
  return new Set(a.filter((one) => b?.includes(one) !== false))
}

/** Of a list that is well formed. */
function groupsOf(list: string | null): readonly number[] | undefined {
  return list?.split(',').map(Number)
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString())
  } catch {
    return undefined
  }
}
