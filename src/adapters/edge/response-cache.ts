/**
 * The micro-cache of a route in one worker: a shared cache (RFC 9111) for what servers say is for everybody, for seconds.
 * What is asked for is all of scheme, port, Host, target and Accept-Encoding, to the octet. Nothing stale is ever
 * answered. Who asks for what somebody has just asked for waits for that answer, for a while.
 *
 * What may be answered and kept is in `wire/shared-cache.ts`; how it is recorded in `cache-recording.ts`.
 *
 * @module
 */
import type { Tier } from '../../behavior/tier.ts'
import type { CachePurge, CacheSettings } from '../../ports/data-plane.ts'
import { hostName } from '../../routing/match-route.ts'
import { fieldValue } from '../../wire/field-value.ts'
import {
  type CacheRequest,
  matchesEtag,
  readCacheRequest,
  type StorableResponse,
} from '../../wire/shared-cache.ts'
import type { OctetAnswer } from './answer.ts'

/** A request without a body, as far as it matters here. */
export interface CacheQuestion {
  readonly method: string
  readonly secure: boolean
  readonly port: number
  /** As the server gets it. */
  readonly host: string
  readonly target: string
  /** Field lines as the server gets them, each with CR LF; without what the edge adds. */
  readonly lines: string
  /** The higher of session and connection. */
  readonly tier: Tier
}

/** Who asks, and is told one of two things, once. */
export interface CacheAsker {
  /** It still waits to be told. */
  waits(): boolean
  /** Never within {@link ResponseCache.ask}. */
  answer(answer: OctetAnswer): void
  /** To the server; with a filling it tells what comes of that. */
  goOn(filling: Filling | undefined): void
}

/** What a request that went to the server tells the cache; the first word counts. */
export interface Filling {
  /** As for {@link CacheRequest.isBound}. */
  readonly isBound: boolean
  /** Whether so many more octets of the answer may be held; false: it is not kept. */
  hold(bytes: number): boolean
  store(response: StorableResponse, lines: readonly string[], body: Buffer): void
  /** It is an answer that is not kept: nobody need wait for the next of its like. */
  refuse(): void
  /** There was no whole answer: somebody else may try. */
  drop(): void
}

/** What became of a request of a route with a cache. */
export type CacheResult =
  /** Answered. */
  | 'hit'
  /** Answered after it has waited for another's answer. */
  | 'collapsed'
  /** To the server. */
  | 'miss'
  /** To the server: tier, method or fields are not for a cache. */
  | 'bypass'

export interface CacheHost {
  /** Milliseconds, monotonic. */
  now(): number
  /** Once what is running now has ended. */
  later(then: () => void): void
  /** No answer of more octets is kept. */
  readonly bodyBytesMax: number
  onResult(result: CacheResult): void
}

/** So long a request waits for another's answer: as long as a person waits for a page before it seems slow. */
const WAIT_MS = 1_000
/** Who comes behind so many does not wait. */
const CROWD_MAX = 1_024
/** So long nobody waits for an answer whose like was not kept. */
const REFUSED_MS = 5_000
/** Keys may have as many octets as targets: 8 MB at most by the defaults. */
const REFUSED_MAX = 1_000
/** Of an entry besides its octets: an estimate. */
const ENTRY_BYTES = 512

interface Entry extends StorableResponse {
  readonly lines: readonly string[]
  readonly body: Buffer
  readonly storedAt: number
  readonly bytes: number
  readonly host: string
  readonly target: string
}

interface Asked extends CacheAsker {
  readonly question: CacheQuestion
  readonly request: CacheRequest
  readonly key: string
  /** When it waits no longer; undefined before it has waited. */
  until: number | undefined
}

export class ResponseCache {
  readonly #settings: CacheSettings
  readonly #host: CacheHost
  /** The least lately used first. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0
  /** Of answers that are coming: as many as may be kept. */
  #held = 0
  /** Who waits, by what they wait for. */
  readonly #crowds = new Map<string, Asked[]>()
  readonly #refused = new Map<string, number>()
  /** Purges so far: what was asked for before one is not kept after it. */
  #purges = 0

  constructor(settings: CacheSettings, host: CacheHost) {
    this.#settings = settings
    this.#host = host
  }

  /** Octets of what is kept. */
  get bytes(): number {
    return this.#bytes
  }

  ask(question: CacheQuestion, asker: CacheAsker): void {
    const { method, tier, secure, port, host, target, lines } = question
    const isAsked = tier === 1 && (method === 'GET' || method === 'HEAD')
    const request = isAsked ? readCacheRequest(lines) : undefined
    if (request === undefined) {
      this.#host.onResult('bypass')
      asker.goOn(undefined)
      return
    }
    // None of these can have a line feed within.
    const key = [secure, port, host, target, request.encoding].join('\n')
    const { waits, answer, goOn } = asker
    this.#serve({ waits, answer, goOn, question, request, key, until: undefined })
  }

  purge({ host, path }: CachePurge): void {
    this.#purges++
    for (const [key, entry] of this.#entries) {
      const isHost = host === undefined || hostName(entry.host) === host
      if (isHost && entry.target.startsWith(path ?? '/')) this.#forget(key, entry)
    }
  }

  /** Periodic: who has waited long enough goes on by itself. */
  sweep(now: number): void {
    for (const [key, crowd] of this.#crowds) {
      if ((crowd[0]?.until ?? Number.POSITIVE_INFINITY) > now) continue
      this.#refuse(key)
      this.#release(key)
    }
  }

  #serve(asked: Asked): void {
    const { key, request, question } = asked
    const entry = this.#fresh(key)
    if (entry !== undefined && (entry.isPublic || !request.isBound)) {
      this.#host.onResult(asked.until === undefined ? 'hit' : 'collapsed')
      const answer = answerOf(entry, request, this.#host.now())
      this.#host.later(() => {
        if (asked.waits()) asked.answer(answer)
      })
      return
    }
    const crowd = this.#crowds.get(key)
    const isFilling = entry === undefined && !request.isConditional && question.method === 'GET'
    const mayWait = isFilling && !this.#isRefused(key)
    if (mayWait && crowd !== undefined && this.#joins(crowd, asked)) return
    this.#host.onResult('miss')
    const leads = mayWait && crowd === undefined
    if (leads) this.#crowds.set(key, [])
    asked.goOn(isFilling ? this.#filling(asked, leads) : undefined)
  }

  #joins(crowd: Asked[], asked: Asked): boolean {
    const now = this.#host.now()
    asked.until ??= now + WAIT_MS
    if (crowd.length >= CROWD_MAX || asked.until <= now) return false
    crowd.push(asked)
    return true
  }

  #fresh(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (ageMs(entry, this.#host.now()) >= this.#freshMs(entry)) {
      this.#forget(key, entry)
      return undefined
    }
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry
  }

  #freshMs({ freshS }: Entry): number {
    return 1000 * Math.min(freshS, this.#settings.secondsMax)
  }

  #filling({ key, question, request }: Asked, leads: boolean): Filling {
    const { bodyBytesMax } = this.#host
    const askedAt = this.#host.now()
    const purges = this.#purges
    let bytes = 0
    let isOver = false
    const end = (): boolean => {
      if (isOver) return false
      isOver = true
      this.#held -= bytes
      return true
    }
    return {
      isBound: request.isBound,
      hold: (more) => {
        if (isOver || bytes + more > bodyBytesMax) return false
        if (this.#held + more > this.#settings.bytesMax) return false
        bytes += more
        this.#held += more
        return true
      },
      store: (response, lines, body) => {
        if (!end()) return
        const { host, target } = question
        // Its age counts from when it was asked for (RFC 9111 section 4.2.3).
        const entry = { ...response, lines, body, storedAt: askedAt, host, target }
        if (purges === this.#purges) this.#keep(key, entry)
        if (leads) this.#release(key)
      },
      refuse: () => {
        if (!end()) return
        this.#refuse(key)
        if (leads) this.#release(key)
      },
      drop: () => {
        if (end() && leads) this.#release(key)
      },
    }
  }

  #keep(key: string, entry: Omit<Entry, 'bytes'>): void {
    const text = entry.lines.reduce((sum, line) => sum + line.length, 2 * key.length)
    const bytes = entry.body.length + text + ENTRY_BYTES
    const before = this.#entries.get(key)
    if (before !== undefined) this.#forget(key, before)
    if (bytes > this.#settings.bytesMax) return
    for (const [oldest, old] of this.#entries) {
      if (this.#bytes + bytes <= this.#settings.bytesMax) break
      this.#forget(oldest, old)
    }
    this.#refused.delete(key)
    this.#entries.set(key, { ...entry, bytes })
    this.#bytes += bytes
  }

  #forget(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
  }

  #refuse(key: string): void {
    this.#refused.delete(key)
    if (this.#refused.size >= REFUSED_MAX) {
      this.#refused.delete(this.#refused.keys().next().value ?? '')
    }
    this.#refused.set(key, this.#host.now() + REFUSED_MS)
  }

  #isRefused(key: string): boolean {
    const until = this.#refused.get(key)
    if (until === undefined) return false
    if (until > this.#host.now()) return true
    this.#refused.delete(key)
    return false
  }

  /** All who wait ask again: what came of it they find now. */
  #release(key: string): void {
    const crowd = this.#crowds.get(key) ?? []
    this.#crowds.delete(key)
    if (crowd.length === 0) return
    this.#host.later(() => {
      for (const asked of crowd) if (asked.waits()) this.#serve(asked)
    })
  }
}

function ageMs({ storedAt }: Entry, now: number): number {
  return now - storedAt
}

const NOTHING = Buffer.alloc(0)
/** Fields of a 304 (RFC 9110 section 15.4.5). */
const OF_304: ReadonlySet<string> = new Set([
  ...['cache-control', 'content-location', 'date', 'etag', 'expires', 'vary'],
])

function answerOf(entry: Entry, { ifNoneMatch }: CacheRequest, now: number): OctetAnswer {
  const age = String(entry.ageS + Math.floor(ageMs(entry, now) / 1000))
  const fields = entry.lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), fieldValue(line, colon + 1)] as const
  })
  if (ifNoneMatch === '' || !matchesEtag(ifNoneMatch, entry.etag)) {
    return { status: 200, fields: [...fields, ['Age', age]], body: entry.body }
  }
  const kept = fields.filter(([name]) => OF_304.has(name.toLowerCase()))
  return { status: 304, fields: [...kept, ['Age', age]], body: NOTHING }
}
