/**
 * One person: how the scores of its sessions went, where they changed tier, what somebody says of that, and how far it is known.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import { useChange } from '../api/change.ts'
import type { PersonProfile, PersonTimeline, TierTurn } from '../api/people.ts'
import { usePoll } from '../api/poll.ts'
import { formatClock, formatCount, formatMoment, formatScore, plural } from '../format.ts'
import { scoreDrift, signed } from '../score-drift.ts'
import { useSession } from '../session.tsx'
import { ChartFigure } from './chart-figure.tsx'
import { Fact, Reasons } from './decision-panel.tsx'
import { Drawer } from './drawer.tsx'
import { Pending } from './notice.tsx'
import { TableFrame } from './table-frame.tsx'
import { TierBadge, tierMeaning } from './tier-badge.tsx'

const EVERY_MS = 3000
/** The least a chart of the score spans. */
const SPAN_MS_MIN = 300_000
/** Its least height: tier 3 begins at 5. */
const CEILING_MIN = 6
const LINES = [{ name: 'Score', color: '--line-1', filled: true, dotted: true }] as const
/** Sessions that are over, shown. */
const ENDED_MAX = 10

export function PersonPanel(props: { readonly id: string; onClose(): void }) {
  const session = useSession()
  const path = `v1/behavior/people/${props.id}`
  const { value, failure, refresh } = usePoll<PersonTimeline>(path, EVERY_MS, session.count)
  return (
    <Drawer title="This person" onClose={props.onClose}>
      {value === undefined ? (
        <Pending failure={failure} />
      ) : (
        <Shown timeline={value} onSaid={refresh} />
      )}
    </Drawer>
  )
}

function Shown(props: { readonly timeline: PersonTimeline; onSaid(): void }) {
  const { person, points, turns, profile } = props.timeline
  const live = props.timeline.live.toSorted((a, b) => b.tier - a.tier || b.score - a.score)
  const [first] = live
  return (
    <>
      <p class="verdict">
        <TierBadge tier={first?.tier ?? 1} />
        <span>
          {first === undefined
            ? 'No session goes on.'
            : `${plural(live.length, 'session')}: tier ${first.tier}, ${tierMeaning(first.tier)}, score ${formatScore(first.score)}`}
        </span>
      </p>
      <p class="quiet">
        <code>{person}</code>
      </p>
      <ScoreChart points={points} />
      <Turns turns={turns} onSaid={props.onSaid} />
      <Reasons reasons={first?.reasons ?? []} />
      {profile === undefined ? (
        <>
          <h3>What is known</h3>
          <p class="quiet">Nothing is kept of this person yet.</p>
        </>
      ) : (
        <Known profile={profile} />
      )}
    </>
  )
}

function ScoreChart(props: { readonly points: PersonTimeline['points'] }) {
  const { points } = props
  const [first] = points
  const last = points.at(-1)
  if (first === undefined || last === undefined) return null
  return (
    <ChartFigure
      id="score"
      title="Score over time"
      lines={LINES}
      columns={[points.map(({ at }) => at / 1000), points.map(({ score }) => score)]}
      spanMs={Math.max(SPAN_MS_MIN, last.at - first.at)}
      ceilingOf={(most) => Math.max(CEILING_MIN, Math.ceil(most))}
      formatValue={formatScore}
      formatAxis={(value) => value.toFixed(0)}
    />
  )
}

function Turns(props: { readonly turns: readonly TierTurn[]; onSaid(): void }) {
  const change = useChange()
  const [said, setSaid] = useState('')
  const say = async (turn: TierTurn, label: 'honest' | 'attack'): Promise<void> => {
    const failed = await change('POST', `v1/decisions/${turn.decision}/label`, { label })
    setSaid(failed === '' ? `Said: ${WORDS[label]}.` : `Not said: ${failed}`)
    props.onSaid()
  }
  if (props.turns.length === 0) return <p class="explanation">No session has changed its tier.</p>
  return (
    <>
      <h3>Changes of tier</h3>
      <p class="quiet" role="status">
        {said || 'Say who it was: thresholds learn, and a session that goes on counts as said.'}
      </p>
      <TableFrame label="Changes of tier">
        <thead>
          <tr>
            <th scope="col">At</th>
            <th scope="col">Tier</th>
            <th scope="col">Why</th>
            <th scope="col">Who it was</th>
          </tr>
        </thead>
        <tbody>
          {props.turns.toReversed().map((turn) => (
            <tr key={turn.decision}>
              <td class="time">
                {formatClock(turn.at)}
                <span class="second-line">{turn.session}</span>
              </td>
              <td>
                <span class="hidden">From tier {turn.before} to </span>
                <TierBadge tier={turn.tier} score={turn.score} />
              </td>
              <td>
                <code>{turn.reasons.join(', ') || 'nothing any more'}</code>
              </td>
              <td>
                {turn.said === '' ? (
                  <Say turn={turn} onSay={(label) => void say(turn, label)} />
                ) : (
                  WORDS[turn.said]
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </TableFrame>
    </>
  )
}

const WORDS = { honest: 'the owner', attack: 'an impostor' } as const

function Say(props: { readonly turn: TierTurn; onSay(label: 'honest' | 'attack'): void }) {
  const at = formatClock(props.turn.at)
  return (
    <span class="say">
      {(['honest', 'attack'] as const).map((label) => (
        <button type="button" key={label} onClick={() => props.onSay(label)}>
          {label === 'honest' ? 'Owner' : 'Impostor'}
          <span class="hidden">, at {at}</span>
        </button>
      ))}
    </span>
  )
}

function Known(props: { readonly profile: PersonProfile }) {
  const { profile } = props
  const { sessions } = profile
  const drift = scoreDrift(sessions.map(({ score }) => score))
  const flagged = sessions.filter(({ tier }) => tier > 1).length
  return (
    <>
      <h3>What is known</h3>
      <dl class="facts">
        <Fact name="Since" value={formatMoment(profile.createdAt)} />
        <Fact name="Sessions that are over" value={`${sessions.length}, ${flagged} above tier 1`} />
        <Fact
          name="Drift of their scores"
          value={drift === undefined ? 'too few sessions' : `${signed(drift)} digits`}
        />
        <Fact name="Said of the person" value={profile.label || 'nothing'} />
        <Fact name="Learning" value={profile.frozen ? 'frozen' : 'goes on'} />
        {profile.contexts.map(({ context, confirmed, scores }) => (
          <Fact
            key={context}
            name={context}
            value={`${plural(confirmed, 'observation')}, ${formatCount(scores)} own scores`}
          />
        ))}
      </dl>
      {sessions.length > 0 && <Ended sessions={sessions} />}
    </>
  )
}

function Ended(props: { readonly sessions: PersonProfile['sessions'] }) {
  return (
    <TableFrame label="Sessions that are over">
      <thead>
        <tr>
          <th scope="col">Begun</th>
          <th scope="col">Tier, highest score</th>
          <th scope="col" class="number">
            Observations
          </th>
        </tr>
      </thead>
      <tbody>
        {props.sessions
          .slice(-ENDED_MAX)
          .toReversed()
          .map(({ at, tier, score, windows }) => (
            <tr key={at}>
              <td class="time">{formatMoment(at)}</td>
              <td>
                <TierBadge tier={tier} score={score} />
              </td>
              <td class="number">{formatCount(windows)}</td>
            </tr>
          ))}
      </tbody>
    </TableFrame>
  )
}
