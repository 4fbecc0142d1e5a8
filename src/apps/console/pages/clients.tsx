/**
 * Clients that are remembered: who they seem to be, their scores; the signatures in force; the handshake pools.
 *
 * @module
 */
import { useState } from 'preact/hooks'
import { usePoll } from '../api/poll.ts'
import type { ProfilePage, ProfileView } from '../api/views.ts'
import { formatCount, formatMoment, NONE, plural } from '../format.ts'
import { HandshakePools } from '../parts/handshake-pools.tsx'
import { Notice, Pending } from '../parts/notice.tsx'
import { SignatureTable } from '../parts/signature-table.tsx'
import { TableFrame } from '../parts/table-frame.tsx'
import { TierBadge } from '../parts/tier-badge.tsx'
import { type TierChoice, TierSegments } from '../parts/tier-segments.tsx'
import { hashOf } from '../route.ts'
import { useSession } from '../session.tsx'

const EVERY_MS = 3000
/** More rows than a person reads; the rest is a matter for the API. */
const SHOWN_MAX = 200
export function ClientsPage() {
  const session = useSession()
  const [tier, setTier] = useState<TierChoice>(0)
  const query = tier === 0 ? '' : `&tier=${tier}`
  const path = `v1/profiles?limit=${SHOWN_MAX}${query}`
  const { value, failure } = usePoll<ProfilePage>(path, EVERY_MS, session.count)
  if (value === undefined) return <Pending failure={failure} />
  const { profiles } = value
  return (
    <>
      <div class="bar">
        <TierSegments chosen={tier} onChoose={setTier} />
      </div>
      <p class="quiet count">
        {plural(profiles.length, 'client')} shown, the last seen first. Every three seconds.
      </p>
      {profiles.length === 0 ? (
        <Notice title="No clients">
          <p>Each client that shakes hands is remembered here for a while.</p>
        </Notice>
      ) : (
        <ProfileTable profiles={profiles} />
      )}
      <SignatureTable />
      <HandshakePools />
    </>
  )
}

function ProfileTable(props: { readonly profiles: readonly ProfileView[] }) {
  return (
    <TableFrame label="Clients">
      <thead>
        <tr>
          <th scope="col">Client</th>
          <th scope="col">Tier, score</th>
          <th scope="col" class="number">
            Connections
          </th>
          <th scope="col" class="wide-only">
            Last seen
          </th>
          <th scope="col" class="wide-only">
            Reasons
          </th>
        </tr>
      </thead>
      <tbody>
        {props.profiles.map((profile) => (
          <tr class="linked" key={profile.id}>
            <td class="client">
              <a
                class={`row-link${profile.client === '' ? ' unnamed' : ''}`}
                href={hashOf('clients', profile.id)}
              >
                {profile.client || 'Unknown client'}
              </a>
              <code class="second-line">
                {profile.addressGroup}, {profile.ja4Stable || 'no fingerprint'}
              </code>
            </td>
            <td>
              <TierBadge tier={profile.tier} score={profile.score} />
              {profile.label !== '' && <span class="second-line">marked {profile.label}</span>}
            </td>
            <td class="number">{formatCount(profile.connections)}</td>
            <td class="time wide-only">{formatMoment(profile.lastSeen)}</td>
            <td class="wide-only sentence">
              <span class="two-lines">
                {heaviest(profile) ?? <span class="quiet">{NONE}</span>}
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </TableFrame>
  )
}

function heaviest({ reasons }: ProfileView): string | undefined {
  const [first] = reasons.toSorted((one, other) => other.weight - one.weight)
  return first === undefined || first.weight <= 0 ? undefined : first.text
}
