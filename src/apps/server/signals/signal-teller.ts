/**
 * Tells receivers what happens here, as security event tokens (RFC 8417) with events of CAEP 1.0: `session-revoked`, and
 * `assurance-level-change` where a session is in another tier. Users are named by pseudonym, as servers behind the edge know them.
 *
 * @module
 */
import { readBearerToken } from '../../../adapters/node/bearer-token.ts'
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Tier } from '../../../behavior/tier.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import { ulids } from '../../../ground/ulid.ts'
import type { RecordSeal } from '../../../ports/record-seal.ts'
import type { Config } from '../config/schema.ts'
import { STATE_FILES } from '../state-files.ts'
import { Outbox } from './outbox.ts'
import { Push } from './push.ts'
import { openSignalKey, type SignalKey } from './signal-key.ts'

export interface SignalTellerOptions {
  readonly signals: Config['signals']
  readonly seal: RecordSeal
  inData(name: string): string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** A restart would forget something. */
  unkept(error: unknown): void
}

/** Who it is about; at least one of them, or nothing is told. */
export interface About {
  readonly session: string | undefined
  /** Pseudonym. */
  readonly user: string | undefined
}

type EventName = Config['signals']['receivers'][number]['events'][number]

const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
/** CAEP 1.0, section 3.4 lets transmitters have their own. */
const NAMESPACE = 'limen-tier'

export class SignalTeller {
  readonly #options: SignalTellerOptions
  readonly #key: SignalKey | undefined
  readonly #outbox: Outbox | undefined
  readonly #pushes = new Map<string, Push>()
  readonly #nextId: (at: number) => string
  #isFull = false

  /** @throws LimenError `signals-key-bad` */
  constructor(options: SignalTellerOptions) {
    this.#options = options
    const { signals, seal, inData, clock, random, log } = options
    this.#nextId = ulids(random)
    if (signals.issuer === undefined) return
    this.#key = openSignalKey(inData(STATE_FILES.signalKey), seal)
    const outbox = new Outbox({
      ...{ path: inData(STATE_FILES.signalOutbox), seal, onUnkept: options.unkept },
    })
    this.#outbox = outbox
    outbox.keepOnly(signals.receivers.map(({ url }) => url))
    for (const { url, tokenFile } of signals.receivers) {
      const token = tokenFile === undefined ? undefined : readBearerToken(tokenFile)
      this.#pushes.set(url, new Push({ url, token, outbox, clock, log }))
    }
  }

  /** undefined where nothing is told. */
  get jwks(): SignalKey['jwks'] | undefined {
    return this.#key?.jwks
  }

  revoked(about: About): void {
    const reason = { en: 'revoked at the edge' }
    this.#tell('session-revoked', about, { initiating_entity: 'admin', reason_admin: reason })
  }

  tierChanged(about: About, before: Tier, tier: Tier): void {
    this.#tell('assurance-level-change', about, {
      ...{ namespace: NAMESPACE, previous_level: `tier-${before}`, current_level: `tier-${tier}` },
      change_direction: tier > before ? 'decrease' : 'increase',
      initiating_entity: 'policy',
    })
  }

  views() {
    return [...this.#pushes].map(([url, push]) => ({
      ...{ url, waiting: this.#outbox?.count(url) ?? 0, ...push.counts() },
    }))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pushes.values()].map((push) => push.close()))
    this.#outbox?.close()
  }

  #tell(name: EventName, about: About, said: Readonly<Record<string, unknown>>): void {
    const { signals, clock } = this.#options
    const subject = subjectOf(about)
    const [key, outbox, iss] = [this.#key, this.#outbox, signals.issuer]
    if (subject === undefined || key === undefined || outbox === undefined) return
    const at = clock.now()
    const iat = Math.floor(at / 1000)
    for (const { url, audience: aud, events } of signals.receivers) {
      if (!events.includes(name)) continue
      const id = this.#nextId(at)
      const text = key.sign({
        ...{ iss, aud, jti: id, iat, sub_id: subject },
        events: { [`${CAEP}${name}`]: { event_timestamp: iat, ...said } },
      })
      const push = this.#pushes.get(url)
      if (outbox.add({ id, to: url, text, at }, name !== 'session-revoked')) push?.wake()
      else this.#lost(push)
    }
  }

  #lost(push: Push | undefined): void {
    push?.count('lost')
    if (!this.#isFull) this.#options.log.error({}, 'Too many signals wait: some are lost')
    this.#isFull = true
  }
}

/** A complex subject (SSF 1.0, section 3.2); undefined: it would name nobody. */
function subjectOf({ session, user }: About): object | undefined {
  const opaque = (id: string) => ({ format: 'opaque', id })
  if (session === undefined) return user === undefined ? undefined : opaque(user)
  return {
    ...{ format: 'complex', session: opaque(session) },
    ...(user === undefined ? {} : { user: opaque(user) }),
  }
}
