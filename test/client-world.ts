/**
 * A client of session keys in a world whose time and network are ours: the core of `limen/browser` and `limen/client` against
 * the key server's half (`flows/open-session.ts`), without sockets.
 *
 * @module
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { hpkeKeyPair } from '../src/adapters/node/hpke.ts'
import { opensslKeyAgreement } from '../src/adapters/node/key-agreement.ts'
import { Steks } from '../src/adapters/node/session-crypto.ts'
import { systemRandom } from '../src/adapters/node/system-random.ts'
import type { KeeperOptions } from '../src/apps/browser/handshake-desk.ts'
import { SessionKeeper } from '../src/apps/browser/session-keeper.ts'
import { memoryStore, type SessionStore } from '../src/apps/browser/session-store.ts'
import type { SessionWorld } from '../src/apps/browser/session-world.ts'
import { openSession, type SessionOffice } from '../src/flows/open-session.ts'
import { SessionGenerations } from '../src/flows/session-generations.ts'
import { KEM, KEY_CONFIG_LABEL, sealKeyConfig, writeKeyConfig } from '../src/wire/key-config.ts'
import { SUITE } from '../src/wire/key-message.ts'
import { readSealedTicket, readTicketContents } from '../src/wire/session-ticket.ts'

export const ORIGIN = 'https://shop.test'
export const START = 1_795_000_000
const STEK = (1 << 24) | 5
export const TICKET_S = 900
export const ROTATE_S = 600
const random = systemRandom()

/** What the network does with a request: nothing, lose it, lose its answer, answer otherwise. */
type Weather = 'fair' | 'request lost' | 'reply lost' | number

export class Server {
  /** Seconds since 1970. */
  now = START
  weather: Weather[] = []
  /** Paths and bodies, in order. */
  readonly seen: { readonly path: string; readonly body: Uint8Array }[] = []
  /** What the site answers, one after the other; then it is 200. */
  answers: Response[] = []
  /** Requests to the site, in order. */
  readonly requests: {
    readonly url: string
    readonly method: string
    readonly headers: Headers
  }[] = []
  /** Codes that the next requests of a path are refused with. */
  readonly refusals = new Map<string, string[]>()
  /** What clients said of who logged in. */
  readonly logins: string[] = []
  readonly #identity = generateKeyPairSync('ed25519')
  readonly #steks = new Steks()
  readonly #office: SessionOffice
  #keyId = 1
  #pairs = [this.#pair()]

  constructor() {
    this.#steks.add(STEK, random.bytes(32))
    this.#office = {
      agreement: opensslKeyAgreement(() => this.#pairs),
      random,
      policy: {
        suites: new Set([SUITE.x25519]),
        ticketS: TICKET_S,
        policyId: 1,
        flags: 0,
        login: true,
      },
      seal: (contents) => this.#steks.sealTicket(STEK, contents, random),
      epoch: () => 5,
      encodeUrl: (bytes) => Buffer.from(bytes).toString('base64url'),
      isFollowed: () => false,
      sessions: new SessionGenerations(1000),
    }
  }

  get authorityKey(): string {
    return this.#identity.publicKey.export({ format: 'raw-public' }).toString('base64')
  }

  /** Other keys; the old ones are gone. */
  roll(): void {
    this.#keyId++
    this.#pairs = [this.#pair()]
  }

  answer(url: string, init: RequestInit): Response {
    if (!url.startsWith(`${ORIGIN}/.well-known/limen/`)) {
      this.requests.push({ url, method: init.method ?? 'GET', headers: new Headers(init.headers) })
      return this.answers.shift() ?? new Response('done')
    }
    const path = url.replace(`${ORIGIN}/.well-known/limen/`, '')
    const body = new Uint8Array((init.body ?? new Uint8Array(0)) as Uint8Array<ArrayBuffer>)
    this.seen.push({ path, body })
    const weather = this.weather.shift() ?? 'fair'
    if (weather === 'request lost') throw new TypeError('network error')
    if (typeof weather === 'number') return new Response('', { status: weather })
    const response = this.#answer(path, body, new Headers(init.headers).get('sessionkey'))
    if (weather === 'reply lost') throw new TypeError('network error')
    return response
  }

  #answer(path: string, body: Uint8Array, ticket: string | null): Response {
    const headers = { date: new Date(this.now * 1000).toUTCString() }
    const refused = this.refusals.get(path)?.shift()
    if (refused !== undefined) {
      return new Response('', { status: 400, headers: { ...headers, 'sessionkey-error': refused } })
    }
    if (path === 'authority') return new Response(this.authorityKey, { headers })
    if (path === 'keys') return new Response(this.#config(), { headers })
    const asked = openSession(
      this.#office,
      {
        ...{ message: body, origin: ORIGIN, tier: 1, rotateS: ROTATE_S },
        ...{ subject: undefined, softBinding: undefined },
        previous: ticket === null ? undefined : this.#contentsOf(ticket),
      },
      this.now,
    )
    const isLogin = asked.kind === 'login'
    if (isLogin) this.logins.push(Buffer.from(asked.proof).toString())
    const opened = isLogin ? asked.finish(random.bytes(16)) : asked
    if (opened.kind === 'opened') return new Response(Buffer.from(opened.reply), { headers })
    const status = opened.code === 'gen_conflict' ? 409 : opened.code === 'expired' ? 401 : 400
    return new Response('', { status, headers: { ...headers, 'sessionkey-error': opened.code } })
  }

  #contentsOf(ticket: string) {
    const sealed = readSealedTicket(Buffer.from(ticket.slice(1, -1), 'base64'))
    const plain = sealed === undefined ? undefined : this.#steks.openTicket(sealed)
    return plain instanceof Uint8Array ? readTicketContents(plain) : undefined
  }

  #pair() {
    const pair = hpkeKeyPair(KEM.x25519, random.bytes(32))
    return { keyId: this.#keyId, pair, notBefore: START - 100, expires: START + 100_000 }
  }

  #config(): Buffer {
    const signed = writeKeyConfig(
      this.#pairs.map(({ pair, ...key }) => ({
        ...{ ...key, kem: KEM.x25519, suites: [SUITE.x25519], publicKey: pair.publicKey },
      })),
    )
    const text = Buffer.concat([Buffer.from(KEY_CONFIG_LABEL), signed])
    return Buffer.from(sealKeyConfig(signed, sign(null, text, this.#identity.privateKey)))
  }
}

/** A tab: a keeper with timers that fire when time passes. */
export class Tab {
  fraction = 0.5
  skewMs = 0
  readonly keeper: SessionKeeper
  readonly world: SessionWorld
  readonly #server: Server
  readonly #timers = new Set<{ readonly at: number; readonly act: () => void }>()

  constructor(server: Server, store: SessionStore = memoryStore(), options: KeeperOptions = {}) {
    this.#server = server
    const now = () => server.now * 1000 + this.skewMs
    this.world = {
      ...{ origin: ORIGIN, store, now, followsRedirects: true, fraction: () => this.fraction },
      send: async (url, init) => server.answer(url, init),
      wait: async (ms) => {
        server.now += ms / 1000
      },
      later: (ms, act) => {
        const timer = { at: now() + ms, act }
        this.#timers.add(timer)
        return () => this.#timers.delete(timer)
      },
    }
    this.keeper = new SessionKeeper(this.world, options)
  }

  /** Lets time pass, and what was due in it happen. */
  async pass(seconds: number): Promise<void> {
    this.#server.now += seconds
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#server.now * 1000 + this.skewMs || !this.#timers.delete(timer)) continue
      timer.act()
      await this.keeper.work
    }
  }
}
