/**
 * What the handshake pools do, for people: per member how many connections it took and what became of them. Counted by the
 * workers since the start of Limen; a member that leaves the configuration takes its own along.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import {
  type HandshakeMemberCounts,
  handshakeMemberKey,
  NO_HANDSHAKES,
  type TrafficTotals,
} from '../../ports/data-plane.ts'
import { writeAddress } from './config/address.ts'
import { addressOf, type Config } from './config/schema.ts'

export interface HandshakeMemberView extends Omit<HandshakeMemberCounts, 'handshakeMsSum'> {
  readonly id: string
  /** '' for this process. */
  readonly address: string
  readonly region: string
  /** Mean time of those that ended well, ms. */
  readonly handshakeMs: number
}

export interface HandshakePoolView {
  readonly pool: Decision['pool']
  readonly choose: 'random' | 'region'
  readonly region: string
  readonly members: readonly HandshakeMemberView[]
}

export function handshakePools(
  { handshakeMembers }: Pick<TrafficTotals, 'handshakeMembers'>,
  admission: Config['admission'],
): readonly HandshakePoolView[] {
  return (['primary', 'rigorous'] as const).map((pool) => {
    const { choose, region, members } = admission[pool]
    return {
      ...{ pool, choose, region },
      members: members.map(({ id, address, region: at }) => {
        const counted = handshakeMembers[handshakeMemberKey(pool, id)] ?? NO_HANDSHAKES
        const { handshakeMsSum, ...counts } = counted
        const ended = counts.full + counts.resumed
        return {
          id,
          address: address === undefined ? '' : writeAddress(addressOf(address)),
          region: at,
          ...counts,
          handshakeMs: ended === 0 ? 0 : handshakeMsSum / ended,
        }
      }),
    }
  })
}
