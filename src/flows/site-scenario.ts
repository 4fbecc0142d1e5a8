/**
 * What a simulation of a site is told: sessions, servers, what befalls them, and how capacity follows. Seconds count from the
 * beginning of what is measured; before it lies a warm-up that is simulated and not counted.
 *
 * @module
 */
import type { BalancePolicy } from '../routing/balancer.ts'

export type ScalingMode = 'none' | 'reactive' | 'predictive'

export interface SiteScenario {
  readonly seed: number
  readonly forS: number
  readonly warmUpS: number
  /** Hour of the day at which it begins, for the daily curve. */
  readonly beginsAtHour: number
  readonly sessions: SessionScenario
  readonly pool: PoolScenario
  readonly servers: readonly ServerScenario[]
  readonly events: readonly ServerEvent[]
  readonly miss: MissScenario
  readonly scaling: ScalingScenario
  /** Stretches of time that are reported by themselves, by when a request was made. */
  readonly phases: readonly Stretch[]
}

export interface Stretch {
  readonly name: string
  readonly fromS: number
  readonly toS: number
}

export interface SessionScenario {
  /** New sessions, minute by minute; the last goes on, the first was before. */
  readonly perMinute: readonly number[]
  /** Share by which the daily curve (a cosine) is above its mean at its peak; 0 for none. */
  readonly daySwing: number
  readonly peakHour: number
  readonly crowds: readonly Crowd[]
  /** Requests per session, geometric of that mean. */
  readonly requests: number
  /** Between an answer and the next request, lognormal. */
  readonly thinkS: number
  readonly thinkSigma: number
  /** What a request takes on a server of speed 1. */
  readonly serviceMs: number
  readonly service: 'lognormal' | 'exponential'
  /** Of the logarithm, for `lognormal`. */
  readonly serviceSigma: number
  /** Share of requests that may be sent again when a server is lost over them (RFC 9110, 9.2.2). */
  readonly idempotent: number
}

/** More sessions than usual: up within `rampS` to `factor` times as many, and from `toS` on down again. */
export interface Crowd extends Stretch {
  readonly factor: number
  readonly rampS: number
  /** It came every so many days before (1: daily); 0: never. */
  readonly everyDays: number
  /** The calendar of the forecast is told of it, and was of those before. */
  readonly announced: boolean
}

export interface PoolScenario {
  readonly policies: readonly BalancePolicy[]
  /** Sessions stay on their servers while these are well (an affinity cookie). */
  readonly stay: boolean
  readonly boundedLoad: number
  readonly slowStartMs: number
  /** A request that is not answered by then has failed; its server notices when its turn comes. */
  readonly timeoutMs: number
}

export interface ServerScenario {
  readonly id: string
  /** Requests served at once; more wait in it. */
  readonly slots: number
  readonly speed: number
  readonly weight: number
  /** From being ordered to its first request. */
  readonly startUpS: number
}

/** A server that is added first (not killed or drained before) is not there in the beginning. */
export type ServerEvent =
  | {
      readonly does: 'slow'
      readonly server: string
      readonly atS: number
      readonly toS: number
      readonly factor: number
    }
  | { readonly does: 'kill' | 'drain' | 'add'; readonly server: string; readonly atS: number }

/** What it costs when a session meets a server that has not its keys and what it knows of it. */
export interface MissScenario {
  /** Until they are fetched. */
  readonly ms: number
  /** Added to what the server works. */
  readonly workMs: number
  /** Keys lie on every server beforehand: nothing is missed. */
  readonly keysAhead: boolean
}

export interface ScalingScenario {
  readonly modes: readonly ScalingMode[]
  /** Those that are started; ids are made. */
  readonly server: Omit<ServerScenario, 'id'>
  /** Of them. */
  readonly max: number
  /** Share of the slots that shall be busy. */
  readonly utilisation: number
  readonly reactive: {
    readonly everyS: number
    /** After having started servers, nothing is started for so long. */
    readonly cooldownS: number
  }
  readonly predictive: {
    /** Looks ahead by the time to start up and so much more. */
    readonly marginS: number
    /** The forecast has seen so many days before. */
    readonly historyDays: number
    /** Of the logarithm of a day's factor: no day is like another. */
    readonly daySigma: number
  }
}

export interface SiteRun {
  readonly policy: BalancePolicy
  readonly scaling: ScalingMode
}

/** Every policy with every way of scaling. */
export function runsOf({ pool, scaling }: SiteScenario): readonly SiteRun[] {
  return pool.policies.flatMap((policy) => scaling.modes.map((mode) => ({ policy, scaling: mode })))
}
