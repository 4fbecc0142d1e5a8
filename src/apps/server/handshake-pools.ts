/**
 * What the handshake pools do, counted from decisions and outcomes as they come by: per member how many it took and
 * what became of them. Counts begin at the start of Limen; a member that leaves the configuration takes its own along.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import type { HandshakeOutcome } from '../../behavior/handshake/observation.ts'
import type { DataPlane } from '../../ports/data-plane.ts'
import { writeAddress } from './config/address.ts'
import { addressOf, type Config } from './config/schema.ts'

export interface HandshakeMemberView {
  readonly id: string
  /** '' for this process. */
  readonly address: string
  readonly region: string
  /** TLS connections decided for it. */
  readonly connections: number
  /** How their handshakes ended. */
  readonly full: number
  readonly resumed: number
  readonly failed: number
  /** Checks after the handshake (challenge, User-Agent). */
  readonly checksPassed: number
  readonly checksFailed: number
  /** Mean time of those that ended well, ms. */
  readonly handshakeMs: number
}

export interface HandshakePoolView {
  readonly pool: Decision['pool']
  readonly choose: 'random' | 'region'
  readonly region: string
  readonly members: readonly HandshakeMemberView[]
}

export interface HandshakePools {
  views(): readonly HandshakePoolView[]
  close(): void
}

/** Connections whose end is still waited for: some seconds of a flood. Older ones are not counted when they end. */
const OPEN_MAX = 20_000

type Counts = {
  -readonly [key in keyof Omit<HandshakeMemberView, 'id' | 'address' | 'region'>]: number
}

export function countHandshakePools(
  plane: DataPlane,
  admission: () => Config['admission'],
): HandshakePools {
  const counts = new Map<string, Counts>()
  /** Member by decision. */
  const open = new Map<string, string>()

  const countsOf = (member: string): Counts => {
    const known = counts.get(member)
    if (known !== undefined) return known
    const none = newCounts()
    counts.set(member, none)
    return none
  }
  const isConfigured = (pool: Decision['pool'], member: string): boolean =>
    admission()[pool].members.some(({ id }) => id === member)
  const stopDecisions = plane.onDecisions((decisions) => {
    for (const { id, pool, member, handshake } of decisions) {
      // One that was served comes a second time.
      if (handshake === undefined || open.has(id) || !isConfigured(pool, member)) continue
      const key = keyOf(pool, member)
      countsOf(key).connections++
      open.set(id, key)
      if (open.size > OPEN_MAX) open.delete(open.keys().next().value ?? '')
    }
  })
  const stopHandshakes = plane.onHandshakes(({ outcomes }) => {
    for (const outcome of outcomes) {
      const member = open.get(outcome.decision)
      if (member !== undefined) count(countsOf(member), outcome)
    }
  })

  return {
    views: () =>
      (['primary', 'rigorous'] as const).map((pool) => {
        const { choose, region, members } = admission()[pool]
        return {
          ...{ pool, choose, region },
          members: members.map(({ id, address, region: at }) => ({
            id,
            address: address === undefined ? '' : writeAddress(addressOf(address)),
            region: at,
            ...(counts.get(keyOf(pool, id)) ?? newCounts()),
          })),
        }
      }),
    close() {
      stopDecisions()
      stopHandshakes()
    },
  }
}

function count(counts: Counts, { result, check, handshakeMs }: HandshakeOutcome): void {
  if (result === 'full' || result === 'resumed') {
    counts[result]++
    counts.handshakeMs += (handshakeMs - counts.handshakeMs) / (counts.full + counts.resumed)
  } else if (result !== 'checked') counts.failed++
  if (check === 'challenge-passed' || check === 'user-agent-fits') counts.checksPassed++
  else if (check !== '') counts.checksFailed++
}

function newCounts(): Counts {
  return {
    ...{ connections: 0, full: 0, resumed: 0, failed: 0 },
    ...{ checksPassed: 0, checksFailed: 0, handshakeMs: 0 },
  }
}

const keyOf = (pool: string, member: string): string => `${pool}/${member}`
