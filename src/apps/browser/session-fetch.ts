/**
 * `fetch` under a session key: opens the session when there is none, proves each request, rotates when asked to, and
 * starts over when the edge says that the session is gone. For pages and service workers.
 *
 *     const limen = startSession({ authorityKey: '...' })
 *     await limen.fetch('/api/cart')
 *
 * @module
 */
import { KEY_CONFIG_LABEL, type PublicKeyConfig, readKeyConfig } from '../../wire/key-config.ts'
import { owned } from './hpke-sender.ts'
import {
  abilitiesHere,
  beginHandshake,
  chooseKey,
  type Session,
  SessionError,
} from './session-handshake.ts'
import { indexedDbStore, type SessionStore } from './session-store.ts'
import { proofFields } from './sign-request.ts'

export interface SessionOptions {
  /** Ed25519 key of the site, base64: signs the key configuration. Deliver it with the page. */
  readonly authorityKey: string
  /** What the application knows of who logged in; asked when a session opens. */
  readonly auth?: () => Promise<Uint8Array | undefined>
  /** Cover bodies by a digest. */
  readonly bodyIntegrity?: boolean
  readonly store?: SessionStore
}

export interface LimenSession {
  /** As `fetch`; requests to other origins pass as they are. */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  /** Rotates now. Resolves to the generation that is in use afterwards. */
  rotate(): Promise<number>
  /** Forgets the session on this device. */
  end(): Promise<void>
}

const WELL_KNOWN = '/.well-known/limen'
/** A lost reply is asked for again with the same message: the server answers as it did. */
const ATTEMPTS_MAX = 5
const BACKOFF_MS = 200
/** Codes of a 401 after which a new session helps. */
const START_OVER = new Set(['expired', 'revoked', 'stek_unknown', 'ticket_invalid', 'sig_invalid'])

export function startSession(options: SessionOptions): LimenSession {
  return new BrowserSession(options)
}

class BrowserSession implements LimenSession {
  readonly #options: SessionOptions
  readonly #store: SessionStore
  readonly #origin = location.origin
  #current: Session | undefined
  #keys: Promise<readonly PublicKeyConfig[]> | undefined
  #rotateTimer: ReturnType<typeof setTimeout> | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#store = options.store ?? indexedDbStore()
  }

  async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init)
    const url = new URL(request.url)
    if (url.origin !== this.#origin) return await fetch(request)
    const body = hasBody(request) ? await request.arrayBuffer() : undefined
    const response = await this.#send(request, url, body, await this.#session())
    const code = response.status === 401 ? response.headers.get('sessionkey-error') : null
    if (code === null || !START_OVER.has(code)) {
      this.#heed(response.headers.get('sessionkey-rotate'))
      return response
    }
    const failed = this.#current
    return await this.#send(request, url, body, await this.#replace(failed))
  }

  async rotate(): Promise<number> {
    const before = await this.#session()
    const session = await this.#store.change(async (stored) => {
      // Another tab was first: its key is the one to use.
      if (stored !== undefined && stored.generation > before.generation) return stored
      return await this.#handshake(before)
    })
    this.#current = session
    return session.generation
  }

  async end(): Promise<void> {
    clearTimeout(this.#rotateTimer)
    this.#current = undefined
    await this.#store.clear()
  }

  async #session(): Promise<Session> {
    const now = Date.now() / 1000
    const known = this.#current
    if (known !== undefined && known.expires > now + 1) {
      if (known.rotateAfter <= now) this.#rotateWithin(0)
      return known
    }
    const session = await this.#store.change(async (stored) =>
      stored !== undefined && stored.expires > now + 1 ? stored : await this.#handshake(undefined),
    )
    this.#current = session
    return session
  }

  /** A new session in the place of one the edge refuses; another tab may have done it already. */
  async #replace(failed: Session | undefined): Promise<Session> {
    const session = await this.#store.change(async (stored) =>
      stored !== undefined && stored.ticket !== failed?.ticket
        ? stored
        : await this.#handshake(undefined),
    )
    this.#current = session
    return session
  }

  async #send(
    request: Request,
    url: URL,
    body: ArrayBuffer | undefined,
    session: Session,
  ): Promise<Response> {
    const { bodyIntegrity } = this.#options
    const covered = bodyIntegrity === true && body !== undefined ? { body } : {}
    const signing = { method: request.method, url, ...covered }
    const headers = new Headers(request.headers)
    const fields = await proofFields(session, signing, Date.now() / 1000)
    for (const [name, value] of Object.entries(fields)) headers.set(name, value)
    return await fetch(request.url, {
      method: request.method,
      headers,
      ...(body === undefined ? {} : { body }),
      credentials: request.credentials,
      cache: request.cache,
      redirect: request.redirect,
      referrer: request.referrer,
      signal: request.signal,
    })
  }

  /** `SessionKey-Rotate: by=<unix>;reason=time|load|security` */
  #heed(hint: string | null): void {
    const match = /\bby=(\d{1,12})(?:;reason=([a-z]+))?/.exec(hint ?? '')
    if (match === null) return
    const withinMs = Number(match[1]) * 1000 - Date.now()
    this.#rotateWithin(match[2] === 'security' ? 0 : Math.max(0, withinMs))
  }

  /** At a moment of its own: all clients of a site are told at once. */
  #rotateWithin(ms: number): void {
    if (this.#rotateTimer !== undefined) return
    this.#rotateTimer = setTimeout(() => {
      this.#rotateTimer = undefined
      // When it fails, the key in use is good for a while longer, and the next answer asks again.
      this.rotate().catch(() => {})
    }, Math.random() * ms)
  }

  async #handshake(previous: Session | undefined): Promise<Session> {
    const keys = await this.#loadKeys()
    const chosen = chooseKey(keys, await abilitiesHere(), Date.now() / 1000)
    if (chosen === undefined) throw new SessionError('no_suite')
    const auth = previous === undefined ? await this.#options.auth?.() : undefined
    const handshake = await beginHandshake({
      ...chosen,
      origin: this.#origin,
      now: Date.now(),
      ...(auth === undefined ? {} : { auth }),
      ...(previous === undefined ? {} : { previous }),
    })
    const path = `${WELL_KNOWN}/${previous === undefined ? 'session' : 'rotate'}`
    const headers = { 'content-type': 'application/limen-lsk' }
    const response = await insist(() =>
      fetch(path, {
        method: 'POST',
        body: handshake.message,
        headers: previous === undefined ? headers : { ...headers, sessionkey: previous.ticket },
      }),
    )
    if (!response.ok) throw new SessionError('reply_malformed')
    return await handshake.finish(new Uint8Array(await response.arrayBuffer()))
  }

  async #loadKeys(): Promise<readonly PublicKeyConfig[]> {
    this.#keys ??= loadKeys(this.#options.authorityKey)
    try {
      return await this.#keys
    } catch (error) {
      // Asked for again next time.
      this.#keys = undefined
      throw error
    }
  }
}

async function loadKeys(authorityKey: string): Promise<readonly PublicKeyConfig[]> {
  const response = await insist(() => fetch(`${WELL_KNOWN}/keys`))
  const config = readKeyConfig(new Uint8Array(await response.arrayBuffer()))
  if (config === undefined) throw new SessionError('reply_malformed')
  const raw = Uint8Array.from(atob(authorityKey), (char) => char.charCodeAt(0))
  const key = await crypto.subtle.importKey('raw', raw, 'Ed25519', false, ['verify'])
  const label = new TextEncoder().encode(KEY_CONFIG_LABEL)
  const signed = new Uint8Array([...label, ...config.signed])
  if (!(await crypto.subtle.verify('Ed25519', key, owned(config.signature), signed))) {
    throw new SessionError('reply_not_authentic')
  }
  return config.keys
}

/** Again after a network error or a 503, later each time. */
async function insist(send: () => Promise<Response>): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await send()
      if (response.status !== 503 || attempt >= ATTEMPTS_MAX) return response
    } catch (error) {
      if (attempt >= ATTEMPTS_MAX) throw error
    }
    const most = BACKOFF_MS * 2 ** attempt
    await new Promise((resolve) => setTimeout(resolve, Math.random() * most))
  }
}

function hasBody(request: Request): boolean {
  return request.method !== 'GET' && request.method !== 'HEAD'
}
