/**
 * A decision in words: the lines `limen decisions explain <id>` prints.
 *
 * @module
 */
import { printable } from '../ground/printable.ts'
import type { Decision, HandshakeView } from './decision.ts'
import type { Tier } from './tier.ts'

const TIERS: Readonly<Record<Tier, string>> = {
  1: 'tier 1, ordinary resources',
  2: 'tier 2, stricter resources',
  3: 'tier 3, isolated resources',
}

const MODES: Readonly<Record<Decision['mode'], string>> = {
  observe: 'only observed: it was served like everybody else',
  shadow: 'in shadow: noted, and served like everybody else',
  enforce: 'by evidence that is not in force: it was served like everybody else',
}

const POOLS: Readonly<Record<Decision['pool'], string>> = {
  primary: 'the primary pool',
  rigorous: 'the rigorous pool, which checks more',
}

/** Returns the lines, without line ends. Values that came from the client are made safe to print. */
export function explainDecision(decision: Decision): string[] {
  const { person } = decision
  const at = new Date(decision.at).toISOString()
  if (person !== undefined) {
    return [
      `Decision ${decision.id}`,
      `${printable(decision.subject)}, ${at}`,
      `${sentence(TIERS[decision.tier])}${effectOf(decision)}`,
      `Score ${decision.score.toFixed(2)}: the digits of the evidence against its person`,
      '',
      'Why',
      ...explainReasons(decision),
      '',
      person === '' ? 'Nobody has said whose session it is' : `Person ${printable(person)}`,
      `Decided by ${decision.model}`,
    ]
  }
  const lines = [
    `Decision ${decision.id}`,
    `${printable(decision.subject)} on listener ${decision.listener}, ${at}`,
    `${sentence(TIERS[decision.tier])}${effectOf(decision)}`,
    `Its handshake was taken by ${POOLS[decision.pool]}${decision.member === '' ? '' : `, member ${printable(decision.member)}`}`,
    `Score ${decision.score.toFixed(2)}: ${oddsOf(decision.score)}`,
    '',
    'Why',
    ...explainReasons(decision),
  ]
  if (decision.handshake !== undefined)
    lines.push('', 'The client', ...explainHandshake(decision.handshake))
  if (decision.served !== undefined) {
    const { pool, server, reasons } = decision.served
    lines.push('', `Served by ${printable(server)} of pool ${printable(pool)}`)
    lines.push(...reasons.map((reason) => `  ${printable(reason)}`))
  }
  lines.push('')
  if (decision.profile !== undefined) lines.push(`Profile ${decision.profile}`)
  lines.push(`Decided by ${decision.model}`)
  return lines
}

/** What became of the tier: nothing to say when there was nothing to do. */
function effectOf({ tier, enforced, mode }: Decision): string {
  if (enforced === tier) return tier === 1 ? '' : ' (enforced)'
  return enforced > 1 ? ` (enforced: ${TIERS[enforced]})` : ` (${MODES[mode]})`
}

function explainReasons(decision: Decision): string[] {
  if (decision.reasons.length === 0) return ['  nothing about it is out of the ordinary']
  const byWeight = [...decision.reasons].sort((a, b) => b.weight - a.weight)
  return byWeight.map((reason) => {
    const weight = reason.weight > 0 ? `+${reason.weight.toFixed(2)}` : '-'
    return `  ${weight.padStart(6)}  ${printable(reason.text)}  [${reason.code}]`
  })
}

function explainHandshake(view: HandshakeView): string[] {
  const client = view.client === '' ? 'unknown software' : `looks like ${view.client}`
  const packets = view.chunks === 1 ? 'one piece' : `${view.chunks} pieces`
  return [
    `  software     ${client}`,
    `  asked for    ${view.sni === '' ? 'no server name' : printable(view.sni)}`,
    `  protocols    ${view.alpn.length === 0 ? 'none named' : view.alpn.map(printable).join(', ')}`,
    `  resumption   ${view.resumption ? 'offered' : 'not offered'}`,
    `  ClientHello  in ${packets}, whole after ${formatMs(view.arrivalMs)}`,
    `  JA4          ${view.ja4}`,
    view.ja4Stable === view.ja4
      ? '  JA4 stable   the same'
      : `  JA4 stable   ${view.ja4Stable}  (without what changes on resumption)`,
  ]
}

/** The score is -log10 of a probability: said the other way round it is easier to feel. */
function oddsOf(score: number): string {
  if (score < 0.05) return 'an ordinary client'
  if (score < 6) {
    return `about 1 honest client in ${Math.round(10 ** score).toLocaleString('en')} looks like this`
  }
  return `fewer than 1 honest client in 10^${Math.floor(score)} looks like this`
}

function formatMs(ms: number): string {
  return ms < 1 ? 'less than 1 ms' : `${Math.round(ms)} ms`
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
