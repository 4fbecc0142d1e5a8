/**
 * Who may shake hands with a client, in the order in which they are tried: the member the decision names, then
 * the others of its pool, as they are configured.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import type { AdmissionSettings, HandshakeMemberSettings } from '../../ports/data-plane.ts'

export interface HandshakeMembers {
  /** Other TLS servers. */
  readonly others: readonly HandshakeMemberSettings[]
  /** This process comes before them, behind them, or not at all. */
  readonly here: 'first' | 'last' | 'never'
}

/**
 * The primary pool ends at this process, whether it is a member or not: an honest client is not turned away for
 * want of a helper. The rigorous pool ends with its members: a suspect that gets past it by breaking it would
 * have a reason to try.
 */
export function membersFor(admission: AdmissionSettings, decision: Decision): HandshakeMembers {
  const { members } = admission[decision.pool]
  const chosen = members.find(({ id }) => id === decision.member) ?? members[0]
  if (chosen === undefined || isHere(chosen)) {
    const here = chosen !== undefined || decision.pool === 'primary' ? 'first' : 'never'
    return { others: NONE, here }
  }
  const others = [chosen, ...members.filter((member) => member !== chosen && !isHere(member))]
  const here = decision.pool === 'primary' || members.some(isHere) ? 'last' : 'never'
  return { others, here }
}

function isHere({ host }: HandshakeMemberSettings): boolean {
  return host === ''
}

const NONE: readonly HandshakeMemberSettings[] = []
