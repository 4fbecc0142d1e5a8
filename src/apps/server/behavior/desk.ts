/**
 * Takes in batches of behavior, as docs/wire/behavior-batch.md has it: settings and a token for who asks, batches for a token,
 * and what a visitor's own session got. Believed only from our own edge (`listener.ts`), which says whose session it is.
 *
 * @module
 */
import { inflateRawSync } from 'node:zlib'
import { BEHAVIOR_COOKIE, type BehaviorCookies } from '../../../adapters/edge/behavior-cookie.ts'
import { addressGroup } from '../../../behavior/handshake/profile-key.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import {
  BEHAVIOR_BYTES_MAX,
  BEHAVIOR_PATH,
  type BehaviorBatch,
  type BehaviorEnvelope,
  readBehaviorBody,
  readBehaviorEnvelope,
} from '../../../wire/behavior-batch.ts'
import { isLoopback } from '../config/address.ts'
import { BatchTokens } from './batch-tokens.ts'
import { KeyedRate } from './keyed-rate.ts'
import { PageOrder } from './page-order.ts'

export interface DeskRequest {
  readonly method: string
  /** Without its query. */
  readonly path: string
  readonly contentType: string
  /** Version of TLS, '' without: as the edge says. */
  readonly tls: string
  /** Of the client, as the edge says. */
  readonly address: string
  /** Sec-Fetch-Site, '' when absent. */
  readonly site: string
  /** '' for none. */
  readonly session: string
  /** One octet more than the most of one that is larger. */
  readonly body: Uint8Array
}

export interface DeskAnswer {
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly body: string
}

export interface OwnStanding {
  /** A server has said whose session it is. */
  readonly known: boolean
  readonly tier: number
  readonly score: number
  readonly confidence: number
  readonly reasons: readonly string[]
}

export interface DeskOptions {
  readonly cookies: () => BehaviorCookies
  readonly clock: Clock
  readonly random: Random
  readonly collect: () => 'off' | 'bot-only' | 'profile'
  readonly everyMs: () => number
  /** Taken without TLS from this machine. */
  readonly plainLoopback: boolean
  /** 0: no limit. */
  readonly perMinute: { readonly session: number; readonly address: number }
  /** False when no more can be taken now. */
  hasRoom(): boolean
  take(heard: HeardBatch): void
  standing(session: string): OwnStanding
  /** A batch was turned away, and why. */
  onRefused(why: string): void
}

export interface HeardBatch {
  readonly session: string
  readonly page: number
  readonly botOnly: boolean
  readonly batch: BehaviorBatch
}

const MEDIA_TYPE = /^application\/limen-behavior *(?:;|$)/i
const RETRY_S = '5'

export class BehaviorDesk {
  readonly #options: DeskOptions
  readonly #tokens: BatchTokens
  readonly #order = new PageOrder()
  readonly #ofSession: KeyedRate
  readonly #ofAddress: KeyedRate

  constructor(options: DeskOptions) {
    this.#options = options
    this.#tokens = new BatchTokens(options.clock, options.random)
    this.#ofSession = new KeyedRate(options.perMinute.session)
    this.#ofAddress = new KeyedRate(options.perMinute.address)
  }

  answer(request: DeskRequest): DeskAnswer {
    const { method, path, site } = request
    // Only pages of the site itself have business here.
    if (site !== '' && site !== 'same-origin' && !(site === 'none' && method === 'GET')) {
      return this.#refuse(403, 'foreign_site')
    }
    const waitS = this.#ofAddress.admit(networkOf(request.address), this.#options.clock.now())
    if (waitS > 0) return this.#tooMany(waitS)
    if (path === `${BEHAVIOR_PATH}/me` && method === 'GET') return this.#me(request.session)
    if (path !== BEHAVIOR_PATH) return this.#refuse(404, 'no_such_path')
    const mode = this.#options.collect()
    const isSafe = this.#isSafe(request)
    if (method === 'GET') return this.#settings(isSafe ? mode : 'off', request.session)
    if (method !== 'POST') return this.#refuse(405, 'method')
    if (mode === 'off') return this.#refuse(410, 'off')
    return isSafe ? this.#batch(request) : this.#refuse(403, 'tls_1_3_required')
  }

  #settings(mode: 'off' | 'bot-only' | 'profile', shown: string): DeskAnswer {
    if (mode === 'off') return json({ mode })
    const { cookies, random, everyMs } = this.#options
    const issued = shown === '' ? cookies().issue(random) : undefined
    const token = this.#tokens.issue(issued?.session ?? shown)
    const answer = json({ mode, token, everyMs: everyMs() })
    if (issued === undefined) return answer
    const cookie = `${BEHAVIOR_COOKIE}=${issued.value}; Path=/; Secure; HttpOnly; SameSite=Lax`
    return { ...answer, fields: { ...answer.fields, 'set-cookie': cookie } }
  }

  #batch({ contentType, body, session }: DeskRequest): DeskAnswer {
    if (!MEDIA_TYPE.test(contentType)) return this.#refuse(415, 'bad_type')
    if (body.length > BEHAVIOR_BYTES_MAX) return this.#refuse(413, 'too_large')
    if (session === '') return this.#refuse(401, 'no_session')
    const waitS = this.#ofSession.admit(session, this.#options.clock.now())
    if (waitS > 0) return this.#tooMany(waitS)
    // Before the token is spent: it may come again.
    if (!this.#options.hasRoom()) return this.#refuse(503, 'busy', { 'retry-after': RETRY_S })
    const read = readBehaviorEnvelope(body)
    if (read.kind === 'malformed') return this.#refuse(400, 'malformed')
    const { envelope } = read
    const refused = this.#tokens.spend(envelope.token, session)
    if (refused !== undefined) return this.#refuse(403, `token_${refused}`)
    const inflated = bodyOf(envelope)
    const content = inflated === undefined ? undefined : readBehaviorBody(inflated)
    if (content?.kind !== 'read') return this.#refuse(400, 'malformed')
    const { batch } = content
    const { page, sequence } = envelope
    // A page that was open before the change, or lies, keeps no profile either.
    const botOnly = envelope.botOnly || this.#options.collect() === 'bot-only'
    const endMs = batch.fromMs + batch.lastedMs
    const now = this.#options.clock.now()
    const order = this.#order.meet(session, page, sequence, endMs, now)
    if (order === 'old' || order === 'impossible') return this.#refuse(400, order)
    if (order === 'next') this.#options.take({ session, page, botOnly, batch })
    const fields = { 'cache-control': 'no-store', 'limen-next': this.#tokens.issue(session) }
    return { status: 204, fields, body: '' }
  }

  /** What is told of somebody is not for who reads along later with a stolen key: TLS 1.3 always has forward secrecy. */
  #isSafe({ tls, address }: DeskRequest): boolean {
    if (tls === 'TLSv1.3') return true
    return tls === '' && this.#options.plainLoopback && isLoopback(address)
  }

  #tooMany(waitS: number): DeskAnswer {
    return this.#refuse(429, 'too_many', { 'retry-after': String(waitS) })
  }

  #me(session: string): DeskAnswer {
    return json(this.#options.standing(session))
  }

  #refuse(status: number, code: string, more: Readonly<Record<string, string>> = {}): DeskAnswer {
    this.#options.onRefused(code)
    return {
      status,
      fields: {
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        ...more,
      },
      body: JSON.stringify({ type: `urn:limen:err:${code}`, title: code, status }),
    }
  }
}

/** Who has a network of IPv6 has all of its addresses. */
function networkOf(address: string): string {
  return address.includes(':') ? addressGroup(address) : address
}

/** undefined when it is no deflated body, or more than a body may be. */
function bodyOf({ deflated, body }: BehaviorEnvelope): Uint8Array | undefined {
  if (!deflated) return body
  try {
    return inflateRawSync(body, { maxOutputLength: BEHAVIOR_BYTES_MAX })
  } catch {
    return undefined
  }
}

function json(value: unknown): DeskAnswer {
  const fields = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return { status: 200, fields, body: JSON.stringify(value) }
}
