/**
 * A request that has shown a session key, from its head to its answer: what goes along with it, and whether it still waits
 * for the word that its proof is fresh. The same for HTTP/1.1 and HTTP/2; when to send on what is theirs.
 *
 * @module
 */
import type { KnownSession } from '../../keys/session/validate-request.ts'
import type { Answer } from './answer.ts'
import type { BodyDigest } from './body-digest.ts'
import type { BodyOpener, BodySealing } from './body-sealing.ts'
import type { ClientConnection } from './client-connection.ts'
import type { EdgeContext } from './edge-context.ts'
import { isNavigation, type SessionRefusal, sessionAnswer } from './session-answer.ts'
import {
  checkSession,
  refusalOf,
  type SessionPass,
  type SessionRequest,
  type SessionTerms,
} from './session-check.ts'
import type { AssertionLine, SessionGuard } from './session-guard.ts'
import type { PlacedSession } from './session-places.ts'

export class RequestSession {
  /** To be compared with the body; undefined when it need not be. */
  readonly digest: BodyDigest | undefined
  readonly assertion: AssertionLine | undefined
  /** A field line with CR LF for the answer. */
  readonly hint: Buffer | undefined
  /** To be sent on instead of the one that came. */
  readonly target: string | undefined
  readonly who: PlacedSession | undefined
  readonly #known: KnownSession<unknown> | undefined
  /** The answer's body is sealed; undefined where bodies pass as they are. */
  readonly sealing: BodySealing | undefined
  /** The request's body is opened. */
  readonly opener: BodyOpener | undefined
  /** Nothing may be sent on yet. */
  isHeld = false
  #isOver = false

  /** @param onWord called once if it is held: with a refusal, or when it may go on. Not after {@link end} */
  constructor(pass: SessionPass, onWord: (refusal: SessionRefusal | undefined) => void) {
    this.digest = pass.digest
    this.assertion = pass.assertion
    this.hint = pass.hint
    this.target = pass.target
    this.sealing = pass.sealing
    this.who = pass.who
    this.#known = pass.known
    this.opener = pass.opener
    if (pass.met === undefined) return
    this.isHeld = true
    void pass.met.then((met) => {
      if (this.#isOver) return
      this.isHeld = false
      onWord(refusalOf(met))
    })
  }

  /** Was the session ended since? */
  isRevoked(sessions: SessionGuard): boolean {
    return this.#known !== undefined && sessions.isRevoked(this.#known)
  }

  /** It has been answered, or nobody waits for it any more. */
  end(): void {
    this.#isOver = true
  }
}

/**
 * What to answer instead of passing the request on, or what goes with it.
 *
 * @param fieldOf value of a field, '' when there is none; only called for some of those that are refused
 */
export function admitRequest(
  edge: EdgeContext,
  client: ClientConnection,
  terms: SessionTerms,
  request: SessionRequest,
  fieldOf: (name: string) => string,
): SessionPass | Answer {
  const check = checkSession(edge.sessions, terms, request, edge.wallClock() / 1000)
  if (check.kind === 'pass') {
    if (check.met === undefined) edge.meter.sessionChecked(check.result)
    else {
      void check.met.then((met) => edge.meter.sessionChecked(refusalOf(met) ?? check.result))
    }
    return check
  }
  const { code, isHelpless } = check
  edge.meter.sessionChecked(code)
  const isPage =
    isHelpless && isNavigation(request.method, fieldOf('sec-fetch-mode'), fieldOf('accept'))
  return refuse(edge, client, code, isPage)
}

/** For what comes out after a request was let in: counts the refusal; the answer to it. */
export function refusedSession(
  edge: EdgeContext,
  client: ClientConnection,
  code: SessionRefusal,
): Answer {
  // What others say of a proof is counted when they say it.
  if (code !== 'replay' && code !== 'replay_unavailable') edge.meter.sessionChecked(code)
  return refuse(edge, client, code, false)
}

function refuse(
  { meter, wallClock }: EdgeContext,
  { decision }: ClientConnection,
  code: SessionRefusal,
  isPage: boolean,
): Answer {
  meter.refused(code)
  return sessionAnswer(code, decision?.id ?? '', isPage, wallClock())
}
