/**
 * Decisions as they are made, to filter and to have explained.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import type { Decision } from '../../../behavior/decision.ts'
import { useDecisions } from '../api/decisions.ts'
import { matchesFilter } from '../decision-filter.ts'
import { formatClock, formatCount, plural } from '../format.ts'
import { ClientCell } from '../parts/client-cell.tsx'
import { Notice, Pending } from '../parts/notice.tsx'
import { TableFrame } from '../parts/table-frame.tsx'
import { TierBadge } from '../parts/tier-badge.tsx'
import { type TierChoice, TierSegments } from '../parts/tier-segments.tsx'
import { hashOf } from '../route.ts'
import { useSession } from '../session.tsx'

export function DecisionsPage() {
  const session = useSession()
  const [paused, setPaused] = useState(false)
  const [words, setWords] = useState('')
  const [tier, setTier] = useState<TierChoice>(0)
  const feed = useDecisions(paused, session.count)
  if (!feed.loaded || (feed.failure !== undefined && feed.decisions.length === 0)) {
    return <Pending failure={feed.failure} />
  }
  const filter = { words, tier: tier === 0 ? undefined : tier }
  const shown = feed.decisions.filter((decision) => matchesFilter(decision, filter))
  const live = paused
    ? `Paused, ${formatCount(feed.held)} waiting`
    : feed.state === 'live'
      ? 'Live'
      : 'Stream lost, reconnecting'
  return (
    <>
      <div class="bar">
        <label class="hidden" for="words">
          Filter by client, fingerprint, address, name or reason
        </label>
        <input
          id="words"
          type="search"
          placeholder="Filter by client, JA4, address, reason"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
        />
        <TierSegments chosen={tier} onChoose={setTier} />
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? 'Go on' : 'Pause'}
        </button>
      </div>
      <p class="quiet count">
        {live}. {plural(shown.length, 'decision')} shown
        {shown.length < feed.decisions.length && ` of ${formatCount(feed.decisions.length)}`}
      </p>
      {shown.length === 0 ? (
        <Notice title={feed.decisions.length === 0 ? 'No decisions yet' : 'Nothing matches'}>
          <p>
            {feed.decisions.length === 0
              ? 'Each connection gets one; they appear here as they are made.'
              : 'Try fewer words, or another tier.'}
          </p>
        </Notice>
      ) : (
        <DecisionTable decisions={shown} />
      )}
      {feed.hasOlder && (
        <p class="more">
          <button type="button" onClick={feed.loadOlder}>
            Load older
          </button>
        </p>
      )}
    </>
  )
}

function DecisionTable(props: { readonly decisions: readonly Decision[] }) {
  return (
    <TableFrame label="Decisions">
      <thead>
        <tr>
          <th scope="col">At</th>
          <th scope="col">Client</th>
          <th scope="col">Tier, score</th>
          <th scope="col" class="wide-only">
            From, to
          </th>
          <th scope="col" class="wide-only">
            Reasons
          </th>
        </tr>
      </thead>
      <tbody>
        {props.decisions.map((decision) => (
          <tr class="linked" key={decision.id}>
            <td class="time">{formatClock(decision.at)}</td>
            <td class="client">
              <ClientCell handshake={decision.handshake} href={hashOf('decisions', decision.id)} />
            </td>
            <td>
              <TierBadge tier={decision.tier} score={decision.score} />
            </td>
            <td class="wide-only">
              <code>{decision.subject}</code>
              <span class="second-line">{decision.handshake?.sni || decision.listener}</span>
            </td>
            <td class="wide-only sentence">
              <span class="two-lines">
                {heaviest(decision) ?? <span class="quiet">ordinary</span>}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}

/** The weightiest reason in words, and how many more there are. */
function heaviest(decision: Decision): string | undefined {
  const [first, ...others] = decision.reasons
    .filter((reason) => reason.weight > 0)
    .toSorted((one, other) => other.weight - one.weight)
  if (first === undefined) return undefined
  return others.length === 0
    ? first.text
    : `${first.text}, and ${plural(others.length, 'more', 'more')}`
}
