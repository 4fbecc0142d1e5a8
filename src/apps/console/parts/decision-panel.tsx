/**
 * One decision, explained: what was decided, why, and what was seen.
 *
 * @module
 */
import type { HandshakeView, Reason } from '../../../behavior/decision.ts'
import { usePoll } from '../api/poll.ts'
import type { ExplainedDecision } from '../api/views.ts'
import { formatMoment, formatMs, formatScore, text } from '../format.ts'
import { hashOf } from '../route.ts'
import { useSession } from '../session.tsx'
import { sayMode, sayOdds } from '../verdict.ts'
import { Drawer } from './drawer.tsx'
import { Pending } from './notice.tsx'
import { TierBadge, tierMeaning } from './tier-badge.tsx'

/** It changes once, when its first request is served; and what was not answered is asked again. */
const EVERY_MS = 5000

export function DecisionPanel(props: { readonly id: string; onClose(): void }) {
  const session = useSession()
  const path = `v1/decisions/${props.id}`
  const { value, failure } = usePoll<ExplainedDecision>(path, EVERY_MS, session.count)
  return (
    <Drawer title="Why this decision" onClose={props.onClose}>
      {value === undefined ? <Pending failure={failure} /> : <Explained decision={value} />}
    </Drawer>
  )
}

function Explained(props: { readonly decision: ExplainedDecision }) {
  const { decision } = props
  return (
    <>
      <p class="verdict">
        <TierBadge tier={decision.tier} />
        <span>
          Tier {decision.tier}, {tierMeaning(decision.tier)}, with a score of{' '}
          {formatScore(decision.score)}
        </span>
      </p>
      <p class="explanation">
        {sayOdds(decision)} {sayMode(decision)}
      </p>
      <Reasons reasons={decision.reasons} />
      {decision.handshake !== undefined && <Handshake handshake={decision.handshake} />}
      <h3>Record</h3>
      <dl class="facts">
        <Fact name="Decision" value={decision.id} code />
        <Fact name="About" value={decision.subject} code />
        <Fact name="At" value={formatMoment(decision.at)} />
        <Fact name="Listener" value={decision.listener} />
        <Fact name="Handshake pool" value={`${decision.pool}, member ${decision.member}`} />
        {decision.profile !== undefined && (
          <div>
            <dt>Profile</dt>
            <dd>
              <a href={hashOf('clients', decision.profile)}>
                <code>{decision.profile}</code>
              </a>
            </dd>
          </div>
        )}
        <Fact name="Model" value={`${decision.model}, ${decision.mode}`} />
      </dl>
      <details class="as-text">
        <summary>As text, to pass on</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways */}
        <pre tabIndex={0}>{decision.explanation.join('\n')}</pre>
      </details>
    </>
  )
}

export function Reasons(props: { readonly reasons: readonly Reason[] }) {
  if (props.reasons.length === 0) return null
  const byWeight = props.reasons.toSorted((one, other) => other.weight - one.weight)
  const most = Math.max(byWeight[0]?.weight ?? 0, 1)
  return (
    <>
      <h3>Reasons</h3>
      <ul class="reasons">
        {byWeight.map((reason) => (
          <li key={reason.code}>
            <span>
              {reason.text}
              <code class="second-line">{reason.code}</code>
            </span>
            <span class={reason.weight === 0 ? 'quiet' : 'number'}>
              {reason.weight === 0 ? 'context' : formatScore(reason.weight)}
            </span>
            {reason.weight > 0 && (
              <meter
                min={0}
                max={most}
                value={reason.weight}
                aria-label={`Weight of ${reason.code}`}
              />
            )}
          </li>
        ))}
      </ul>
    </>
  )
}

function Handshake(props: { readonly handshake: HandshakeView }) {
  const { handshake } = props
  return (
    <>
      <h3>Handshake</h3>
      <dl class="facts">
        <Fact name="Client" value={handshake.client || 'not recognised'} />
        <Fact name="JA4" value={handshake.ja4} code />
        <Fact name="JA4, stable" value={handshake.ja4Stable} code />
        <Fact name="Server name" value={handshake.sni || 'none asked for'} />
        <Fact name="Protocols" value={handshake.alpn.join(', ') || 'none offered'} />
        <Fact name="Resumption" value={handshake.resumption ? 'offered' : 'not offered'} />
        <Fact
          name="Arrival"
          value={`${handshake.chunks === 1 ? 'one piece' : `${handshake.chunks} pieces`}, ${text(formatMs(handshake.arrivalMs))}`}
        />
      </dl>
    </>
  )
}

export function Fact(props: {
  readonly name: string
  readonly value: string
  readonly code?: boolean
}) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.code === true ? <code>{props.value}</code> : props.value}</dd>
    </div>
  )
}
