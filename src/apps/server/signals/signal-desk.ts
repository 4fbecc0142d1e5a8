/**
 * Takes security event tokens, however they came: verified, once, with their effects. All after the verification happens in one
 * go, so that a token that comes twice at a time is taken once.
 *
 * @module
 */
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Clock } from '../../../ground/clock.ts'
import { type EventToken, readEventToken, type TokenError, type TokenRules } from './event-token.ts'
import type { SeenTokens } from './seen-tokens.ts'
import type { SignalEffects } from './signal-effects.ts'

/** `unavailable`: not our word on the token; it is to be sent again. */
export type TokenAnswer =
  | { readonly kind: 'taken'; readonly id: string }
  | { readonly kind: 'refused'; readonly error: TokenError; readonly why: string }
  | { readonly kind: 'unavailable' }

/** Whose tokens are taken. */
export interface Transmitter extends Omit<TokenRules, 'keys'> {
  keys(nowMs: number): TokenRules['keys']
}

export interface SignalDeskOptions {
  readonly effects: Pick<SignalEffects, 'apply'>
  readonly seen: SeenTokens
  readonly clock: Clock
  readonly log: Log
}

/** What became of tokens: their events' results, or why not. */
export type Received = Readonly<Record<string, number>>

export class SignalDesk {
  readonly #options: SignalDeskOptions
  readonly #counts = new Map<string, number>()

  constructor(options: SignalDeskOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async take(transmitter: Transmitter, text: string): Promise<TokenAnswer> {
    const { clock, log } = this.#options
    const now = clock.now()
    const { issuer, audience } = transmitter
    const outcome = await readEventToken(
      text,
      { issuer, audience, keys: transmitter.keys(now) },
      now,
    )
    if (outcome.kind === 'refused') {
      this.count(outcome.error)
      log.warn({ issuer, error: outcome.error, why: outcome.why }, 'A security event is refused')
      return outcome
    }
    if (outcome.kind === 'unavailable') {
      this.count('unavailable')
      log.error({ issuer, why: outcome.why }, 'A security event cannot be verified')
      return { kind: 'unavailable' }
    }
    return this.#takeOnce(issuer, outcome.token)
  }

  count(result: string): void {
    this.#counts.set(result, (this.#counts.get(result) ?? 0) + 1)
  }

  received(): Received {
    return Object.fromEntries(this.#counts)
  }

  #takeOnce(issuer: string, token: EventToken): TokenAnswer {
    const { effects, seen, clock, log } = this.#options
    const { id, issuedAt } = token
    if (seen.has(issuer, id, issuedAt)) {
      this.count('repeated')
      return { kind: 'taken', id }
    }
    try {
      for (const result of effects.apply(issuer, token)) this.count(result)
    } catch (error) {
      this.count('unavailable')
      log.error({ issuer, err: error }, 'A security event cannot have its effect')
      return { kind: 'unavailable' }
    }
    seen.add(issuer, id, issuedAt, Math.floor(clock.now() / 1000))
    const kinds = token.events.map(({ kind }) => kind)
    log.info({ issuer, kinds }, 'A security event was taken')
    return { kind: 'taken', id }
  }
}
