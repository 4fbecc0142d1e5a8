/**
 * The keys a site opens sessions under, as its identity key signs them (LSK/1 section 1.1). That key is pinned by the
 * application, or taken on first use, over TLS, and remembered.
 *
 * @module
 */
import { joinOctets } from '../../ground/octets.ts'
import { BEHAVIOR_PATH } from '../../wire/behavior-batch.ts'
import {
  KEY_CONFIG_LABEL,
  type KeyConfig,
  type PublicKeyConfig,
  readKeyConfig,
} from '../../wire/key-config.ts'
import { dateOf } from './answer-fields.ts'
import { base64, fromBase64 } from './base64.ts'
import { verifyEd25519 } from './ed25519-verify.ts'
import { owned } from './hpke-sender.ts'
import { SessionError } from './session-error.ts'
import type { SessionWorld } from './session-world.ts'

/** Where all that Limen serves itself is: not signed. */
export const WELL_KNOWN = '/.well-known/limen'
/** But for this: behavior belongs to a session. */
const BEHAVIOR = new Set([BEHAVIOR_PATH, `${BEHAVIOR_PATH}/me`])

/** Requests that are signed: those to our own origin, but for what Limen serves itself. */
export function isOurs({ origin: to, pathname }: URL, origin: string): boolean {
  return to === origin && (!pathname.startsWith(`${WELL_KNOWN}/`) || BEHAVIOR.has(pathname))
}

/** As `Cache-Control` of the configuration says; a context that lives longer asks again. */
const KEEP_MS = 3_600_000
const KEY_BYTES = 32

export class KeyDirectory {
  readonly #world: SessionWorld
  readonly #pin: string | undefined
  #firstSeen: string | undefined
  #keys: readonly PublicKeyConfig[] = []
  #until = 0
  #date: number | undefined

  /** @param pin Ed25519 key, base64 of either alphabet */
  constructor(world: SessionWorld, pin: string | undefined) {
    this.#world = world
    this.#pin = pin === undefined || pin === '' ? undefined : base64(fromBase64(pin))
  }

  /** What the configuration was signed by; undefined before it was read. */
  get authorityKey(): string | undefined {
    return this.#pin ?? this.#firstSeen
  }

  /** The server's clock when it answered last, milliseconds since 1970; of a cached answer an old one. */
  get date(): number | undefined {
    return this.#date
  }

  /**
   * @param known the key taken on first use, of the store
   * @param fresh past all caches
   * @throws SessionError `reply_malformed`, `authority_changed`, `unreachable`, `refused`
   */
  async read(known: string | undefined, fresh: boolean): Promise<readonly PublicKeyConfig[]> {
    if (!fresh && this.#world.now() < this.#until) return this.#keys
    const authorityKey = this.#pin ?? known ?? (await this.#firstUse())
    const config = readKeyConfig(await this.#get('keys', fresh))
    if (config === undefined) throw new SessionError('reply_malformed')
    if (!(await isSigned(config, fromBase64(authorityKey)))) {
      throw new SessionError('authority_changed')
    }
    this.#firstSeen = authorityKey
    this.#keys = config.keys
    this.#until = this.#world.now() + KEEP_MS
    return config.keys
  }

  async #firstUse(): Promise<string> {
    const text = new TextDecoder().decode(await this.#get('authority', true))
    try {
      const key = fromBase64(text)
      if (key.length === KEY_BYTES) return base64(key)
    } catch {
      // Said below.
    }
    throw new SessionError('reply_malformed')
  }

  async #get(name: string, fresh: boolean): Promise<Uint8Array> {
    const url = `${this.#world.origin}${WELL_KNOWN}/${name}`
    let response: Response
    try {
      response = await this.#world.send(url, { cache: fresh ? 'reload' : 'default' })
    } catch {
      throw new SessionError('unreachable')
    }
    this.#date = dateOf(response.headers)
    if (!response.ok) throw new SessionError(response.status >= 500 ? 'unreachable' : 'refused')
    return new Uint8Array(await response.arrayBuffer())
  }
}

async function isSigned({ signed, signature }: KeyConfig, key: Uint8Array): Promise<boolean> {
  const message = joinOctets(new TextEncoder().encode(KEY_CONFIG_LABEL), signed)
  try {
    const imported = await crypto.subtle.importKey('raw', owned(key), 'Ed25519', false, ['verify'])
    return await crypto.subtle.verify('Ed25519', imported, owned(signature), owned(message))
  } catch {
    return await verifyEd25519(key, signature, message)
  }
}
