/**
 * Handoff of sessions between servers (LSK/1 section 1.11): one desk for all workers. Told by any of them that a session
 * went elsewhere, it tells the old server once, in a signed request, and carries what that one hands over to the new one.
 * A server that cannot be reached hears of it when it comes back within {@link QUEUED_MS}.
 *
 * @module
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { SessionMove } from '../../adapters/edge/session-places.ts'
import type { Random } from '../../ground/random.ts'
import type { AssertionKey, ServerSettings } from '../../ports/data-plane.ts'
import { SessionPins } from '../../routing/session-pins.ts'
import {
  HANDOFF_PATH,
  type HandoffNotice,
  type HandoffReason,
  SESSION_STATE_PATH,
  writeHandoffNotice,
} from '../../wire/handoff-notice.ts'
import { type SignedAnswer, SignedRequests } from './signed-requests.ts'
import { STATE_WAIT_MS } from './worker-handoff.ts'
import type { KnownPlace, SessionPlaced } from './worker-messages.ts'

/**
 * What became of a handoff: the old server was `told`; its state is at the new one (`moved`), or got lost on the way
 * (`state_lost`); it was told when it came back (`late`), did not want to hear it (`refused`), or never heard (`lost`).
 */
export type HandoffResult = 'told' | 'moved' | 'state_lost' | 'late' | 'refused' | 'lost'

export interface HandoffDeskOptions {
  readonly random: Random
  /** Milliseconds since 1970. */
  now(): number
  /** A server of the settings in force, and whether its pool hands over state. */
  serverOf(pool: string, id: string): HandoffServer | undefined
  /** Why a session does not stay there, as far as can be told from here. */
  whyNot(pool: string, id: string): HandoffReason
}

export interface HandoffServer {
  readonly server: ServerSettings
  readonly handsState: boolean
}

interface Waiting {
  /** Of the server that is told. */
  readonly left: string
  /** Of the server it goes to. */
  readonly pool: string
  readonly notice: HandoffNotice
}

/** LSK/1 section 1.11. */
const QUEUED_MS = 60_000
/** Over all servers; further ones are lost. */
const QUEUE_MAX = 10_000
/** Moves that are being told at once; further ones are queued. */
const TELLING_MAX = 1_000
const RETRY_MS = 500
const RETRY_TIMEOUT_MS = 2_000
const NONCE_BYTES = 12

export class HandoffDesk {
  readonly #options: HandoffDeskOptions
  readonly #requests: SignedRequests
  /** By pool and session. */
  readonly #places = new Map<string, SessionPins>()
  readonly #moving = new Map<string, Promise<void>>()
  /** By pool and server. */
  readonly #queues = new Map<string, Waiting[]>()
  #queued = 0
  #retrying: NodeJS.Timeout | undefined
  /** By `reason/result`. */
  readonly #counts = new Map<string, number>()

  constructor(options: HandoffDeskOptions) {
    this.#options = options
    this.#requests = new SignedRequests(() => options.now() / 1000)
  }

  /** What signs from now on; `undefined`: nothing can be told. */
  sign(key: AssertionKey | undefined): void {
    this.#requests.key = key === undefined ? undefined : { kid: key.kid, key: imported(key) }
  }

  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  /**
   * A worker has seen a session for the first time. False: it was elsewhere before, as another worker knows and this one
   * has not heard yet, so it has moved.
   */
  placed({ pool, session, generation, server }: SessionPlaced): boolean {
    const places = this.#placesOf(pool)
    const from = places.at(session)
    if (from === undefined) places.put(session, server)
    if (from === undefined || from === server) return true
    const reason = this.#options.whyNot(pool, from)
    void this.moved({ pool, session, generation, from, to: server, reason, lives: false })
    return false
  }

  /** Where all sessions are, for a worker that begins. */
  places(): KnownPlace[] {
    return [...this.#places].flatMap(([pool, pins]) =>
      [...pins.entries()].map(([session, server]) => ({ pool, session, server })),
    )
  }

  /** A worker sends a session elsewhere. Resolves when its first request may go there; never rejects. */
  moved(move: SessionMove): Promise<void> {
    const { pool, session, to } = move
    const left = move.left ?? pool
    const key = `${pool} ${session}`
    const places = this.#placesOf(pool)
    const here = places.at(session)
    const known = left === pool ? here : this.#placesOf(left).take(session)
    const from = known ?? move.from
    // Another worker said so before.
    const isThere = here === to && (left === pool || known === undefined)
    if (isThere) return this.#moving.get(key) ?? Promise.resolve()
    places.put(session, to)
    const { generation, reason } = move
    const nonce = Buffer.from(this.#options.random.bytes(NONCE_BYTES)).toString('base64url')
    const at = this.#options.now()
    const waiting = { left, pool, notice: { session, generation, from, to, reason, at, nonce } }
    if (this.#moving.size >= TELLING_MAX) {
      this.#queue(waiting)
      return Promise.resolve()
    }
    const moving = this.#tell(waiting).finally(() => {
      if (this.#moving.get(key) === moving) this.#moving.delete(key)
    })
    this.#moving.set(key, moving)
    return moving
  }

  close(): void {
    clearInterval(this.#retrying)
    this.#retrying = undefined
    this.#requests.close()
  }

  async #tell(waiting: Waiting): Promise<void> {
    const { left, pool, notice } = waiting
    const old = this.#options.serverOf(left, notice.from)
    if (old === undefined) {
      this.#count(notice, 'lost')
      return
    }
    const until = this.#options.now() + STATE_WAIT_MS
    const answer = await this.#notify(old.server, notice, STATE_WAIT_MS)
    if (answer === undefined) {
      this.#queue(waiting)
      return
    }
    const isHeard = answer.status >= 200 && answer.status < 300
    const { session, to } = notice
    const next = this.#options.serverOf(pool, to)
    const handsOver = old.handsState && next?.handsState !== false
    if (!isHeard || !handsOver || answer.state === undefined) {
      this.#count(notice, isHeard ? 'told' : 'refused')
      return
    }
    const leftMs = until - this.#options.now()
    // A request that has waited long enough is there before it: what it met must not be overwritten.
    const put =
      next === undefined || leftMs <= 0
        ? undefined
        : await this.#requests.send(
            next.server,
            {
              ...{ method: 'PUT', path: `${SESSION_STATE_PATH}${session}`, body: answer.state },
              contentType: 'application/octet-stream',
            },
            leftMs,
          )
    const isThere = put !== undefined && put.status >= 200 && put.status < 300
    this.#count(notice, isThere ? 'moved' : 'state_lost')
  }

  /** undefined: it cannot be reached, or there is nothing to sign with. */
  #notify(
    server: ServerSettings,
    notice: HandoffNotice,
    timeoutMs: number,
  ): Promise<SignedAnswer | undefined> {
    const body = Buffer.from(writeHandoffNotice(notice))
    const contentType = 'application/json'
    const request = { method: 'POST', path: HANDOFF_PATH, contentType, body }
    return this.#requests.send(server, request, timeoutMs)
  }

  #queue(waiting: Waiting): void {
    if (this.#queued >= QUEUE_MAX) {
      this.#count(waiting.notice, 'lost')
      return
    }
    const key = `${waiting.left} ${waiting.notice.from}`
    const queue = this.#queues.get(key) ?? []
    queue.push(waiting)
    this.#queues.set(key, queue)
    this.#queued++
    this.#retrying ??= setInterval(() => this.#retryAll(), RETRY_MS).unref()
  }

  #retryAll(): void {
    for (const [key, queue] of this.#queues) {
      this.#queues.delete(key)
      this.#queued -= queue.length
      void this.#retry(queue)
    }
    if (this.#queued > 0 || this.#queues.size > 0) return
    clearInterval(this.#retrying)
    this.#retrying = undefined
  }

  /** Of one server, in order; what it does not hear waits on. */
  async #retry(queue: readonly Waiting[]): Promise<void> {
    const since = this.#options.now() - QUEUED_MS
    let isThere = true
    for (const waiting of queue) {
      const { left, notice } = waiting
      const server = this.#options.serverOf(left, notice.from)?.server
      if (notice.at < since || server === undefined) {
        this.#count(notice, 'lost')
        continue
      }
      const answer = isThere ? await this.#notify(server, notice, RETRY_TIMEOUT_MS) : undefined
      if (answer === undefined) {
        isThere = false
        this.#queue(waiting)
      } else this.#count(notice, answer.status < 300 ? 'late' : 'refused')
    }
  }

  #placesOf(pool: string): SessionPins {
    let places = this.#places.get(pool)
    if (places === undefined) {
      places = new SessionPins()
      this.#places.set(pool, places)
    }
    return places
  }

  #count({ reason }: HandoffNotice, result: HandoffResult): void {
    const key = `${reason}/${result}`
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }
}

function imported({ privateKey }: AssertionKey): KeyObject {
  const der = Buffer.from(privateKey)
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  return key
}
