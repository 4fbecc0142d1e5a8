/**
 * Begins handshakes: with the keys of the site, what this browser can do, the server's clock, and who logged in.
 *
 * @module
 */
import { KeyDirectory } from './key-directory.ts'
import { SessionError } from './session-error.ts'
import {
  type Abilities,
  abilitiesHere,
  beginHandshake,
  chooseKey,
  type Session,
} from './session-handshake.ts'
import type { SessionState } from './session-store.ts'
import type { SessionWorld } from './session-world.ts'

export interface KeeperOptions {
  /** Ed25519 identity key of the site, base64. Without it the first one that is seen is remembered. */
  readonly authorityKey?: string | undefined
  /** A compact JWT of who logged in, at most 1024 characters; asked for when a session opens. */
  readonly login?: (() => Promise<string | undefined>) | undefined
  /** Found out when absent. */
  readonly abilities?: Abilities | undefined
}

export class HandshakeDesk {
  readonly #world: SessionWorld
  readonly #options: KeeperOptions
  readonly #directory: KeyDirectory
  #abilities: Promise<Abilities> | undefined

  constructor(world: SessionWorld, options: KeeperOptions) {
    this.#world = world
    this.#options = options
    this.#directory = new KeyDirectory(world, options.authorityKey)
  }

  /** The state with a new message under way; to be written before it is sent. */
  async begin(
    state: SessionState,
    previous: Session | undefined,
    jwt: string | undefined,
    freshKeys: boolean,
  ): Promise<SessionState> {
    const { chosen, clockOffsetMs } = await this.#choose(state, freshKeys)
    const login = previous === undefined ? (jwt ?? (await this.#options.login?.())) : undefined
    const now = this.#world.now()
    const { pending } = await beginHandshake({
      ...chosen,
      ...{ origin: this.#world.origin, now: now + clockOffsetMs },
      ...(login === undefined ? {} : { auth: new TextEncoder().encode(login) }),
      ...(previous === undefined ? {} : { previous }),
    })
    const authorityKey = this.#directory.authorityKey ?? state.authorityKey
    return { ...state, clockOffsetMs, authorityKey, pending: { handshake: pending, since: now } }
  }

  /** Milliseconds since 1970 by the server's clock, asked for now; undefined when it does not say. */
  async dateOfServer({ authorityKey }: SessionState): Promise<number | undefined> {
    await this.#directory.read(authorityKey, true).catch(() => {})
    return this.#directory.date
  }

  /** The key and suite to use, and what the server's clock is ahead. @throws SessionError `no_suite` */
  async #choose({ authorityKey, clockOffsetMs }: SessionState, fresh: boolean) {
    this.#abilities ??= Promise.resolve(this.#options.abilities ?? abilitiesHere())
    const abilities = await this.#abilities
    const now = this.#world.now()
    const keys = await this.#directory.read(authorityKey, fresh)
    const chosen = chooseKey(keys, abilities, (now + clockOffsetMs) / 1000)
    if (chosen !== undefined) return { chosen, clockOffsetMs }
    // All past their time, or none yet: they were kept too long, or our clock is wrong.
    const again = await this.#directory.read(authorityKey, true)
    const theirs = (this.#directory.date ?? now + clockOffsetMs) - now
    const late = chooseKey(again, abilities, (now + theirs) / 1000)
    if (late === undefined) throw new SessionError('no_suite')
    return { chosen: late, clockOffsetMs: theirs }
  }
}
