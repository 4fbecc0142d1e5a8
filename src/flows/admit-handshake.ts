/**
 * Admission (seed 10122689, first step): a connection and its ClientHello in, a decision out.
 * Synchronous, nothing is waited for; costs some 10 us. Not here: what is done with the tier
 * (`adapters/edge`), the evidence (`behavior/handshake/score.ts`).
 *
 * @module
 */
import type { Decision, HandshakeView } from '../behavior/decision.ts'
import { type HandshakeErrorCode, helloErrorReason } from '../behavior/handshake/hello-errors.ts'
import { ja4 } from '../behavior/handshake/ja4.ts'
import { guessClient } from '../behavior/handshake/known-clients.ts'
import {
  HANDSHAKE_MODEL,
  type HandshakeScore,
  type HandshakeScoring,
  newHandshakeScoring,
  scoreHandshake,
  scoreMalformed,
} from '../behavior/handshake/score.ts'
import { tierOf } from '../behavior/tier.ts'
import type { Clock } from '../ground/clock.ts'
import type { Random } from '../ground/random.ts'
import { ulids } from '../ground/ulid.ts'
import type { AdmissionSettings } from '../ports/data-plane.ts'
import type { ClientHello } from '../wire/client-hello-message.ts'

/** Who connected, where and when. */
export interface ConnectionFacts {
  readonly remoteAddress: string
  readonly remotePort: number
  /** Name of the listener. */
  readonly listener: string
  /** Milliseconds since the Unix epoch, by the clock that also timed the chunks fed to the reader. */
  readonly acceptedAt: number
}

/** What came of reading the hello: an outcome of `ClientHelloReader`, or why there is none. */
export type HandshakeSeen =
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | {
      readonly kind: 'error'
      readonly code: HandshakeErrorCode
      readonly hello?: ClientHello
    }

/** What the flow works with. One per worker; `settings` may be exchanged on reload. */
export interface Admission {
  readonly clock: Clock
  readonly nextId: (now: number) => string
  readonly scoring: HandshakeScoring
  settings: AdmissionSettings
}

export function newAdmission(deps: {
  readonly clock: Clock
  readonly random: Random
  readonly settings: AdmissionSettings
}): Admission {
  return {
    clock: deps.clock,
    nextId: ulids(deps.random),
    scoring: newHandshakeScoring(deps.random),
    settings: deps.settings,
  }
}

/** Rarity alone gets a client at most half the way to tier 2. */
const RARITY_SHARE_OF_TIER2 = 0.5

/** Decides about a TLS connection. Nothing of `seen` is kept, its bytes may be used again. */
export function admitHandshake(
  admission: Admission,
  connection: ConnectionFacts,
  seen: HandshakeSeen,
): Decision {
  const now = admission.clock.now()
  const rarityMax = Math.max(0, admission.settings.tier2 * RARITY_SHARE_OF_TIER2)
  const { hello } = seen
  const fingerprint = hello === undefined ? undefined : ja4(hello, 't')
  let scored: HandshakeScore
  if (seen.kind === 'hello' && fingerprint !== undefined) {
    const input = { hello: seen.hello, ja4Stable: fingerprint.stable, rarityMax }
    scored = scoreHandshake(admission.scoring, input, now)
  } else {
    const code = seen.kind === 'error' ? seen.code : 'decode:short'
    const malformed = scoreMalformed(admission.scoring, code, rarityMax, now)
    scored = { score: malformed.score, reasons: [helloErrorReason(code), ...malformed.reasons] }
  }
  const base = decide(admission, connection, scored, HANDSHAKE_MODEL, now)
  if (hello === undefined || fingerprint === undefined) return base
  const handshake: HandshakeView = {
    ja4: fingerprint.ja4,
    ja4Stable: fingerprint.stable,
    sni: hello.sni,
    alpn: hello.alpn,
    resumption: hello.psk !== undefined || (hello.sessionTicket?.length ?? 0) > 0,
    chunks: hello.chunks,
    arrivalMs: Math.max(0, hello.completedAt - connection.acceptedAt),
    client: guessClient(hello),
  }
  return { ...base, handshake }
}

/** The model of connections that have no handshake to look at. */
const PLAIN_MODEL = 'plain/1'

/** Decides about a plain HTTP connection: there is no handshake, so nothing to hold against it. */
export function admitPlain(admission: Admission, connection: ConnectionFacts): Decision {
  const reasons = [
    { code: 'no-handshake', text: 'Plain HTTP: there is no TLS handshake to look at', weight: 0 },
  ]
  return decide(admission, connection, { score: 0, reasons }, PLAIN_MODEL, admission.clock.now())
}

function decide(
  admission: Admission,
  connection: ConnectionFacts,
  scored: HandshakeScore,
  model: string,
  now: number,
): Decision {
  const { remoteAddress, remotePort, listener } = connection
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress
  return {
    id: admission.nextId(now),
    subject: `${host}:${remotePort}`,
    tier: tierOf(scored.score, admission.settings),
    score: scored.score,
    reasons: scored.reasons,
    model,
    mode: admission.settings.mode,
    at: now,
    listener,
  }
}
