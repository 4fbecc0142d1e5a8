/**
 * What the rigorous pool wants to see before a request passes: that the User-Agent can be of the software that
 * shook hands (looked at once per connection, told, never refused for: it is evidence), and, where work is asked
 * for, a proof of it (`proof-of-work.ts`). After that the connection is as any other.
 *
 * @module
 */
import type { HandshakeOutcome } from '../../behavior/handshake/observation.ts'
import type { Answer } from './answer.ts'
import type { ClientConnection } from './client-connection.ts'
import type { EdgeContext } from './edge-context.ts'
import { tellOutcome } from './handshake.ts'
import { PASS_COOKIE, PROOF_PATH } from './proof-of-work.ts'
import { userAgentFits } from './user-agent.ts'
import { askForWork, cookieIn, passWork, WORK_REFUSED } from './work-answers.ts'

/** A request as far as it is looked at; fields as they came, '' when absent. */
export interface RequestSeen {
  /** Path and query. */
  readonly target: string
  readonly userAgent: string
  readonly accept: string
  readonly cookies: string
}

export class RequestGate {
  readonly #connection: ClientConnection
  readonly #edge: EdgeContext
  #isUserAgentChecked = false

  constructor(connection: ClientConnection, edge: EdgeContext) {
    this.#connection = connection
    this.#edge = edge
  }

  /** What to answer instead of passing the request on; undefined when it may pass. */
  ask(request: RequestSeen): Answer | undefined {
    const { userAgentCheck, work } = this.#edge.settings.admission.rigorous
    if (userAgentCheck) this.#checkUserAgent(request.userAgent)
    if (work <= 0) return this.#open()
    const profile = this.#connection.decision?.profile ?? ''
    const { proofs } = this.#edge
    if (request.target.startsWith(`${PROOF_PATH}?`)) return this.#redeem(request, profile)
    const pass = cookieIn(request.cookies, PASS_COOKIE)
    if (pass !== undefined && proofs.isPass(pass, profile)) return this.#open()
    return this.#challenge(request, profile, 'a proof of work is needed')
  }

  #open(): undefined {
    this.#connection.gate = undefined
    return undefined
  }

  #redeem(request: RequestSeen, profile: string): Answer {
    const query = new URLSearchParams(request.target.slice(PROOF_PATH.length + 1))
    const redeemed = this.#edge.proofs.redeem(query.get('solution') ?? '', profile)
    if (redeemed.kind !== 'passed') {
      // Late or twice is no sign of anything: a page was left open, or loaded again.
      if (redeemed.kind === 'forged') this.#tell('challenge-failed')
      return this.#challenge({ ...request, target: '/' }, profile, WORK_REFUSED[redeemed.kind])
    }
    this.#tell('challenge-passed')
    this.#open()
    return passWork(redeemed.pass, redeemed.seconds, query.get('to') ?? '/')
  }

  #challenge({ accept, target }: RequestSeen, profile: string, why: string): Answer {
    const { work } = this.#edge.settings.admission.rigorous
    const challenge = this.#edge.proofs.challenge(profile, work)
    this.#edge.meter.refused('challenge')
    const decision = this.#connection.decision?.id ?? ''
    return askForWork(challenge, { accept, target, decision }, why)
  }

  #checkUserAgent(userAgent: string): void {
    if (this.#isUserAgentChecked) return
    this.#isUserAgentChecked = true
    const fits = userAgentFits(userAgent, this.#connection.decision?.handshake?.client ?? '')
    if (fits !== undefined) this.#tell(fits ? 'user-agent-fits' : 'user-agent-differs')
  }

  #tell(check: HandshakeOutcome['check']): void {
    tellOutcome(this.#edge, this.#connection, {
      result: 'checked',
      handshakeMs: 0,
      helloRetry: false,
      check,
    })
  }
}
