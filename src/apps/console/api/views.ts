/**
 * What the admin API answers, as far as the console reads it. Views that a port defines come from there.
 *
 * @module
 */
import type { Decision, DetectorMode } from '../../../behavior/decision.ts'
import type { Profile } from '../../../behavior/handshake/profile.ts'
import type { Tier } from '../../../behavior/tier.ts'
import type { HandshakeMemberCounts } from '../../../ports/data-plane.ts'

/** GET /v1/status, in part. */
export interface StatusView {
  readonly version: string
  readonly startedAt: number
  readonly state: 'starting' | 'serving' | 'draining'
  readonly mode: DetectorMode
  /** A key service of video sources is asked. */
  readonly devices: boolean
  readonly listeners: readonly { readonly name: string; readonly url: string }[]
}

/** One second of GET /v1/traffic/history and of the stream. */
export interface TrafficPoint {
  readonly at: number
  readonly requestsPerSecond: number
  /** Per second, by status class: index 1 to 5. */
  readonly responses: readonly (number | null)[]
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly connectionsOpen: number
  readonly handshakesPerSecond: number
  /** Decisions by tier in that second: index 1 to 3. */
  readonly tiers: readonly (number | null)[]
  readonly sessionChecks: { readonly passed: number; readonly refused: number }
  /** In that second, by why; without a key server there are none. */
  readonly sessionKeys: Readonly<Record<string, number>>
}

/** GET /v1/session-figures. Counts since start. */
export interface SessionFigures {
  readonly keyServer: 'here' | 'elsewhere' | 'none'
  /** By what they came to. */
  readonly checks: Readonly<Record<string, number>>
  /** By `reason/result`. */
  readonly handoffs: Readonly<Record<string, number>>
  /** Where the key server is here. */
  readonly opened?: {
    readonly sessions: number
    readonly handshakes: readonly {
      readonly kind: 'open' | 'rotate'
      readonly result: string
      readonly count: number
    }[]
    readonly revocations: Readonly<Record<string, number>>
  }
}

/** GET /v1/keys. */
export interface KeysView {
  readonly identity: string
  readonly keys: readonly {
    readonly id: number
    readonly kem: string
    readonly notBefore: number
    readonly expires: number
  }[]
  readonly groups: readonly {
    readonly group: number
    /** Empty: all others. */
    readonly hosts: readonly string[]
    readonly epochs: readonly EpochView[]
  }[]
}

export interface EpochView {
  readonly epoch: number
  readonly state: 'pending' | 'active' | 'accept'
  /** 0 before it is. */
  readonly activeAt: number
  /** 0 while it is not superseded. */
  readonly acceptUntil: number
  readonly heldBy: number
  /** Workers and edges there are. */
  readonly workers: number
  readonly holders: readonly {
    readonly name: string
    readonly kind: string
    readonly holds: boolean
  }[]
}

/** GET /v1/keys/placements, in part. */
export interface PlacementsView {
  /** `observe`: nothing is placed, only shown. */
  readonly mode: 'observe' | 'act'
  readonly placements: readonly {
    readonly edge: string
    readonly group: number
    readonly state: 'held' | 'sent' | 'shown'
    readonly since: number
    readonly why: string
  }[]
  /** Since each edge was started. */
  readonly firstRequests: readonly {
    readonly edge: string
    readonly group: number
    /** The key was there. */
    readonly found: number
    /** It was not, by what clients say. */
    readonly missed: number
    /** Of those missed: it came later. */
    readonly late: number
  }[]
}

/** GET /v1/sessions. */
export interface SessionView {
  readonly id: string
  readonly generation: number
  readonly rotatedAt: number
  readonly reason: 'opened' | 'time' | 'security' | 'client'
  readonly expires: number
  readonly tier: Tier
  readonly origin: string
  readonly subject?: string
  readonly revoked: boolean
}

/** GET /v1/forecasts. Rates are requests per second; null is unknown. */
export interface PoolForecast {
  readonly pool: string
  readonly stepS: number
  /** Where the past ends, ms. */
  readonly at: number
  readonly now: number | null
  /** Steps there were when models were fitted last; 0 before that. */
  readonly fittedAfter: number
  readonly horizons: readonly HorizonForecast[]
  readonly capacity: {
    readonly requestsPerSecond: number | null
    readonly shareNow: number | null
    readonly shareAhead: number | null
    readonly reason: string
  }
  /** Announced ones that run or are to come. */
  readonly events: readonly ForecastEvent[]
}

export interface ForecastEvent {
  readonly kind: string
  /** ms. */
  readonly startAt: number
  readonly endAt: number
  /** What such events were seen to multiply the load by. */
  readonly factor: number
  readonly learnedFrom: number
}

export interface HorizonForecast {
  readonly aheadS: number
  readonly expected: number
  readonly low: number
  readonly high: number
  readonly model: string
  readonly isDemoted: boolean
  readonly reason: string
  readonly error: number | null
}

/** GET /v1/forecasts/:pool. */
export interface ForecastCurve extends PoolForecast {
  /** Steps that end at `at`, the oldest first. */
  readonly history: readonly (number | null)[]
  /** Steps from `at` on. */
  readonly expected: readonly number[]
  readonly low: readonly number[]
  readonly high: readonly number[]
}

/** GET /v1/scaling, in part. */
export interface ScalingView {
  readonly pool: string
  readonly mode: 'observe' | 'act'
  readonly max: number
  readonly up: number
  readonly starting: number
  readonly wanted: number
  readonly explained: string
  /** Requests per second; null: not known. */
  readonly perServer: number | null
  /** The newest first. */
  readonly actions: readonly {
    readonly at: number
    readonly did: string
    readonly server: string
    readonly why: string
  }[]
  /** From each change of either number on, the oldest first. */
  readonly counts: readonly { readonly at: number; readonly wanted: number; readonly up: number }[]
}

/** GET /v1/custody. */
export interface CustodyView {
  readonly nodes: readonly CustodyNode[]
  readonly keys: readonly CustodyKey[]
  readonly drill: { readonly everyS: number; readonly repair: boolean }
  readonly plan: CustodyPlan
  /** ms; null: no minute has been counted. */
  readonly countedAt: number | null
  readonly operations: readonly CustodyOperation[]
  /** Bad shares, the newest first. */
  readonly events: readonly {
    readonly at: number
    readonly keyId: string
    readonly name: string | null
    readonly node: string
    /** null: it is good again. */
    readonly fault: string | null
  }[]
}

export interface CustodyNode {
  readonly id: string
  readonly domain: string
  readonly state: 'up' | 'away' | 'distrusted'
  readonly shares: number
  readonly rttMs: number | null
  /** Share of its CPU. */
  readonly load: number | null
  readonly cache: { readonly hits: number; readonly misses: number } | null
  /** The most frequent first. */
  readonly operations: readonly { readonly operation: string; readonly count: number }[]
  readonly unanswered: number
}

export interface CustodyKey {
  readonly id: string
  readonly name: string | null
  readonly type: string
  readonly threshold: number
  readonly generation: number
  readonly holders: readonly string[]
  readonly present: number
  readonly isSafe: boolean
  readonly drill: {
    readonly at: number
    readonly verdict: 'good' | 'repaired' | 'away' | 'bad'
    readonly shares: readonly { readonly node: string; readonly verdict: string }[]
  } | null
  readonly uses: readonly {
    readonly operation: string
    readonly count: number
    readonly perMinute: number | null
    readonly expectedPerMinute: number
  }[]
}

export interface CustodyPlan {
  readonly mode: 'off' | 'plan' | 'act'
  readonly at: number | null
  readonly by: 'solver' | 'greedy' | null
  readonly costMs: number | null
  readonly plannedMs: number | null
  readonly boundMs: number | null
  readonly isWorthIt: boolean
  readonly moves: readonly {
    readonly key: string
    readonly from: string
    readonly to: string
    readonly outcome: string | null
  }[]
}

/** Uses in each minute. */
export interface CustodyOperation {
  readonly operation: string
  readonly history: readonly (number | null)[]
  readonly expected: readonly number[]
}

/** GET /v1/profiles/:id: what a profile shows. */
export type ProfileView = Omit<Profile, 'randoms' | 'rate' | 'features' | 'flagged' | 'unflagged'>

/** GET /v1/profiles. */
export interface ProfilePage {
  readonly profiles: readonly ProfileView[]
}

/** GET /v1/handshake-pools. */
export interface HandshakePool {
  readonly pool: 'primary' | 'rigorous'
  readonly choose: 'random' | 'region'
  readonly region: string
  readonly members: readonly HandshakeMember[]
}

export interface HandshakeMember extends Omit<HandshakeMemberCounts, 'handshakeMsSum'> {
  readonly id: string
  /** '' for the process itself. */
  readonly address: string
  readonly region: string
  readonly handshakeMs: number
}

/** GET /v1/decisions/:id. */
export type ExplainedDecision = Decision & { readonly explanation: readonly string[] }
