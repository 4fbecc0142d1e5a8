/**
 * One client: who it seems to be, its score over time, why, and a person's word about it.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import { useChange } from '../api/change.ts'
import { usePoll } from '../api/poll.ts'
import type { ProfileView } from '../api/views.ts'
import { formatCount, formatMoment, formatScore } from '../format.ts'
import { useSession } from '../session.tsx'
import { ChartFigure } from './chart-figure.tsx'
import { Fact, Reasons } from './decision-panel.tsx'
import { Drawer } from './drawer.tsx'
import { Pending } from './notice.tsx'
import { TierBadge, tierMeaning } from './tier-badge.tsx'

const EVERY_MS = 3000
/** The least a chart of the score spans. */
const SPAN_MS_MIN = 600_000
/** Its least height: two tiers are in it. */
const CEILING_MIN = 4
const LINES = [{ name: 'Score', color: '--line-1', filled: true, dotted: true }] as const

export function ProfilePanel(props: { readonly id: string; onClose(): void }) {
  const session = useSession()
  const { value, failure, refresh } = usePoll<ProfileView>(
    `v1/profiles/${props.id}`,
    EVERY_MS,
    session.count,
  )
  return (
    <Drawer title="This client" onClose={props.onClose}>
      {value === undefined ? (
        <Pending failure={failure} />
      ) : (
        <Shown profile={value} onJudged={refresh} />
      )}
    </Drawer>
  )
}

function Shown(props: { readonly profile: ProfileView; onJudged(): void }) {
  const { profile, onJudged } = props
  return (
    <>
      <p class="verdict">
        <TierBadge tier={profile.tier} />
        <span>
          {profile.client || 'Unknown client'}: tier {profile.tier}, {tierMeaning(profile.tier)},
          with a score of {formatScore(profile.score)}
        </span>
      </p>
      <Judgement profile={profile} onJudged={onJudged} />
      <ScoreChart profile={profile} />
      <Reasons reasons={profile.reasons} />
      <Facts profile={profile} />
    </>
  )
}

function Judgement(props: { readonly profile: ProfileView; onJudged(): void }) {
  const { profile, onJudged } = props
  const change = useChange()
  const [said, setSaid] = useState('')
  const judge = async (label: 'good' | 'bad'): Promise<void> => {
    const failed = await change('POST', `v1/profiles/${profile.id}/feedback`, { label })
    setSaid(failed === '' ? '' : `Not marked: ${failed}`)
    onJudged()
  }
  const state =
    profile.label === ''
      ? 'Nobody has said what this client is.'
      : `Marked ${profile.label} by ${profile.labelledBy}.`
  return (
    <>
      <p class="explanation" role="status">
        {said || state}
      </p>
      <p class="actions">
        <button
          type="button"
          disabled={profile.label === 'good'}
          onClick={() => void judge('good')}
        >
          Mark as good
        </button>
        <button type="button" disabled={profile.label === 'bad'} onClick={() => void judge('bad')}>
          Mark as bad
        </button>
      </p>
    </>
  )
}

function ScoreChart(props: { readonly profile: ProfileView }) {
  const { profile } = props
  const [first] = profile.history
  if (first === undefined) return null
  // History has what was news; up to its last sight a client keeps its score.
  const last = { at: profile.lastSeen, score: profile.score }
  const history = [...profile.history.filter(({ at }) => at < last.at), last]
  return (
    <ChartFigure
      id="score"
      title="Score over time"
      lines={LINES}
      columns={[history.map(({ at }) => at / 1000), history.map(({ score }) => score)]}
      spanMs={Math.max(SPAN_MS_MIN, last.at - first.at)}
      ceilingOf={(most) => Math.max(CEILING_MIN, Math.ceil(most))}
      formatValue={formatScore}
      formatAxis={(value) => value.toFixed(0)}
    />
  )
}

function Facts(props: { readonly profile: ProfileView }) {
  const { profile } = props
  const { counts } = profile
  const handshakes = [
    `${formatCount(Math.round(counts.full))} full`,
    `${formatCount(Math.round(counts.resumed))} resumed`,
    `${formatCount(Math.round(counts.incomplete))} came to nothing`,
  ]
  const checks = `${Math.round(counts.checksPassed)} passed, ${Math.round(counts.checksFailed)} failed`
  return (
    <>
      <h3>Record</h3>
      <dl class="facts">
        <Fact name="Profile" value={profile.id} code />
        <Fact name="Network" value={profile.addressGroup} code />
        <Fact name="JA4" value={profile.ja4s.join(', ') || profile.ja4Stable || 'none'} code />
        <Fact name="First seen" value={formatMoment(profile.firstSeen)} />
        <Fact name="Last seen" value={formatMoment(profile.lastSeen)} />
        <Fact name="Connections" value={formatCount(profile.connections)} />
        <Fact name="Handshakes of late" value={handshakes.join(', ')} />
        <Fact name="Checks of late" value={checks} />
      </dl>
    </>
  )
}
