/**
 * What the admin API says of people, as the console reads it (`apps/server/admin/routes-timelines.ts`, `routes-captures.ts`).
 *
 * @module
 */
import type { Tier } from '../../../behavior/tier.ts'

/** GET /v1/behavior/people. */
export interface PersonStanding {
  readonly person: string
  readonly tier: Tier
  readonly score: number
  readonly sessions: number
  readonly at: number
  readonly reasons: readonly string[]
}

export interface ScorePoint {
  readonly at: number
  readonly session: string
  readonly tier: Tier
  readonly score: number
  readonly reasons: readonly string[]
}

export interface TierTurn extends ScorePoint {
  readonly decision: string
  readonly before: Tier
  readonly said: 'honest' | 'attack' | ''
}

export interface LiveSession {
  readonly session: string
  readonly tier: Tier
  readonly score: number
  readonly confidence: number
  readonly windows: number
  readonly reasons: readonly {
    readonly code: string
    readonly text: string
    readonly weight: number
  }[]
}

export interface SessionEnd {
  readonly at: number
  readonly tier: Tier
  readonly score: number
  readonly windows: number
}

export interface PersonProfile {
  readonly revision: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly label: 'good' | 'bad' | ''
  readonly frozen: boolean
  readonly contexts: readonly {
    readonly context: string
    readonly confirmed: number
    readonly unconfirmed: number
    readonly scores: number
  }[]
  readonly sessions: readonly SessionEnd[]
}

/** GET /v1/behavior/people/:person. */
export interface PersonTimeline {
  readonly person: string
  readonly points: readonly ScorePoint[]
  readonly turns: readonly TierTurn[]
  /** Sessions that go on. */
  readonly live: readonly LiveSession[]
  readonly profile?: PersonProfile
}

/** GET /v1/health/anomalydetection. */
export interface BehaviorHealth {
  readonly status: 'ok' | 'blind' | 'off'
  readonly reasons: readonly string[]
  readonly drift?: number
  readonly sessions?: number
  readonly people?: number
  readonly falsePositives?: {
    readonly budget: number
    readonly sessions: number
    readonly flagged: number
    readonly used: number
  }
  readonly captures?: {
    readonly kept: number
    readonly bytes: number
    readonly dropped: Readonly<Record<string, number>>
  }
}

/** GET /v1/captures. */
export interface CaptureSummary {
  readonly id: string
  readonly at: number
  readonly session: string
  readonly person: string
  readonly score: number
  readonly reasons: readonly string[]
  readonly client: { readonly address: string; readonly port: number }
  readonly protocol: string
  readonly method: string
  readonly host: string
  readonly path: string
  readonly status: number
  readonly bodyBytes: number
  readonly isWhole: boolean
}

/** GET /v1/captures/:id. */
export interface CaptureView extends CaptureSummary {
  readonly target: string
  readonly fields: readonly { readonly name: string; readonly value: string }[]
  readonly body: string
  readonly keptBytes: number
}
