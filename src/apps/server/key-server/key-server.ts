/**
 * The key server (LSK/1), inside `limen up` or alone as `limen keys`: sockets and timers around `key-room.ts`. Runs in the
 * supervisor; workers and edges never see more than the keys that seal tickets and sign assertions.
 *
 * @module
 */
import { hkdfSync, type KeyObject } from 'node:crypto'
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import type { NumberedEntry } from '../../../keys/session/revocations.ts'
import type { DataPlane } from '../../../ports/data-plane.ts'
import type { LoadSource } from '../../../ports/load-outlook.ts'
import type { KeyServerPlace } from '../config/key-server-settings.ts'
import { addressOf, type Config } from '../config/schema.ts'
import { answerKeyRequest } from './answer.ts'
import { type KeyHolders, workerHolders } from './key-holders.ts'
import type { KeyAnswer } from './key-refusals.ts'
import { KeyRoom } from './key-room.ts'
import type { EdgeView, KeyServerFigures, KeysView, PlacementsView } from './key-views.ts'
import { listenForKeys } from './listener.ts'
import { openLogin } from './login.ts'
import type { SessionView } from './session-table.ts'

export interface KeyServer {
  readonly place: KeyServerPlace
  view(): KeysView
  sessions(limit: number): readonly SessionView[]
  session(id: string): SessionView | undefined
  /** New keys: of tickets as soon as all holders have them, of the configuration at once. False: no such group. */
  rotate(what: 'tickets' | 'identity', group?: number): boolean
  /** Ends all sessions of a group. False: no such group. */
  revokeGroup(group: number): boolean
  /** Ends a session in all its generations, also one that is not remembered here. */
  revokeSession(id: string): void
  /** Ends all sessions of somebody that were opened until now; how many of them were remembered here. */
  revokeSubject(subject: string): number
  feed(since: number): readonly NumberedEntry[]
  figures(): KeyServerFigures
  /** Edges elsewhere. */
  edges(): readonly EdgeView[]
  /** An edge's sessions go elsewhere in so many seconds; undefined: they do not. False: no such edge. */
  drainEdge(id: string, inS: number | undefined): DrainOutcome
  /** undefined where no keys are placed ahead: no edges elsewhere, or no forecasts. */
  placements(): PlacementsView | undefined
  close(): Promise<void>
}

/** `off`: nobody goes by it. */
export type DrainOutcome = boolean | 'off'

/** What holders elsewhere need of the key server. */
export interface KeySource {
  /** Ed25519 by the identity key. */
  sign(data: Uint8Array): Uint8Array
  since(seq: number): readonly NumberedEntry[]
  /** Does {@link since} go on from this number? */
  follows(seq: number): boolean
}

/** Holders besides the workers of this process: made of the source, closed with the server. */
export type OpenHolders = (source: KeySource) => Promise<KeyHolders & HoldersElsewhere>

export interface HoldersElsewhere {
  views(): readonly EdgeView[]
  drain(edge: string, inS: number | undefined): DrainOutcome
  placements(): PlacementsView | undefined
  close(): Promise<void>
}

export interface KeyServerOptions {
  readonly config: Config
  /** Seals its files, and names who logs in. */
  readonly recordKey: KeyObject
  readonly plane: DataPlane
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Names that certificates are for; none: every host is ours. */
  readonly hosts: () => readonly string[]
  readonly openEdges?: OpenHolders
  /** How busy this machine is; absent: nobody looks. */
  readonly load?: LoadSource
}

/** Looked at this often: what is due is this late at most. */
const TICK_MS = 1000
/** LSK/1, section 1.10. */
const CHECKPOINT_MS = 5000
const TOKEN_BYTES = 32

/** What the edges of a key server show it: the same over restarts, so that edges elsewhere need not be told. */
export function edgeTokenOf(key: KeyObject): string {
  return Buffer.from(hkdfSync('sha256', key, '', 'limen/edge-token', TOKEN_BYTES)).toString(
    'base64url',
  )
}

/** undefined when `sessions.enabled` is false. Resolves before any worker is needed. @throws LimenError `session-keys-bad` */
export async function openKeyServer(options: KeyServerOptions): Promise<KeyServer | undefined> {
  const { config, plane, clock, random, log } = options
  const { enabled, login, listen } = config.sessions
  if (!enabled) return undefined
  const key = options.recordKey
  const closing: (() => void | Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end()
  }
  try {
    const source: KeySource = {
      sign: (data) => room.identity.sign(data),
      since: (seq) => room.feed.since(seq),
      follows: (seq) => room.feed.follows(seq),
    }
    const holders: KeyHolders[] = [workerHolders(plane)]
    const edges = await options.openEdges?.(source)
    if (edges !== undefined) {
      holders.push(edges)
      closing.push(() => edges.close())
    }
    const room = new KeyRoom({
      ...{ config, recordKey: key, holders, clock, random, log, hosts: options.hosts },
      ...(options.load === undefined ? {} : { load: options.load }),
      login: login && openLogin({ jwks: login.jwks, issuer: login.issuer, recordKey: key, log }),
    })
    const { missing } = room.desk.clientFiles
    if (missing !== undefined) log.warn({}, missing)
    const listener = await listenForKeys(
      edgeTokenOf(key),
      addressOf(listen),
      answers(room, options),
    )
    closing.push(() => listener.close())
    for (const one of holders) closing.push(one.onHeld((name, ids) => room.held(name, ids)))
    room.begin()
    closing.push(options.load?.onChange(() => room.loadChanged()) ?? (() => {}))
    const timers = [
      setInterval(() => room.tickSafely(), TICK_MS),
      setInterval(() => room.checkpoint(), CHECKPOINT_MS),
    ]
    for (const timer of timers) {
      timer.unref()
      closing.push(() => clearInterval(timer))
    }
    return {
      place: listener.place,
      view: () => room.view(),
      sessions: (limit) => room.table.list(limit, clock.now()),
      session: (id) => room.table.get(id),
      rotate: (what, group) => room.rotate(what, group),
      revokeGroup: (group) => room.revokeGroup(group),
      revokeSession: (id) => room.revokeSession(id),
      revokeSubject: (subject) => room.revokeSubject(subject),
      feed: (since) => room.feed.since(since),
      figures: () => ({ ...room.figures(), ...edgeFigures(edges?.views() ?? []) }),
      edges: () => edges?.views() ?? [],
      drainEdge: (id, inS) => edges?.drain(id, inS) ?? 'off',
      placements: () => edges?.placements(),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function edgeFigures(edges: readonly EdgeView[]): Pick<KeyServerFigures, 'edges' | 'placed'> {
  const connected = edges.filter(({ state }) => state === 'connected').length
  return {
    edges: { connected, gone: edges.length - connected },
    placed: edges.flatMap(({ id, placed }) => placed.map((group) => ({ edge: id, group }))),
  }
}

function answers(
  room: KeyRoom,
  { clock, log }: KeyServerOptions,
): Parameters<typeof listenForKeys>[2] {
  return async (request) => {
    try {
      const answer: KeyAnswer = await answerKeyRequest(room.desk, request, clock.now())
      room.count(request.path.endsWith('/rotate') ? 'rotate' : 'open', answer.result)
      return answer
    } catch (error) {
      // A defect of ours must not end the control process, and says nothing to a client.
      log.error({ err: error }, 'The key server failed')
      return { status: 500, fields: { 'content-length': '0' }, body: new Uint8Array(0), result: '' }
    }
  }
}
