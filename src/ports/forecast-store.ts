/**
 * Where forecasts go on from after a restart: one record for each pool of servers, the events that
 * were announced, what was learned of watched series, and where sessions come; plain data. Storage is not trusted:
 * adapters seal what they write (`record-seal.ts`).
 *
 * @module
 */
import type { AnomalyState } from '../forecast/anomaly/detect-anomaly.ts'
import type { LoadSample } from '../forecast/capacity.ts'
import type { ForecasterState } from '../forecast/forecaster.ts'
import type { FirstRequestCounts } from '../keys/session/first-requests.ts'

export interface KeptForecast {
  /** Its name in the configuration. */
  readonly pool: string
  readonly forecaster: ForecasterState
  /** What was measured of each of its servers, the oldest first. */
  readonly servers: readonly { readonly id: string; readonly samples: readonly LoadSample[] }[]
}

/** An event that load is expected to follow (`forecast/calendar.ts`), and who said so. */
export interface AnnouncedEvent {
  /** 16 hexadecimal digits. */
  readonly id: string
  /** null: of all pools. */
  readonly pool: string | null
  readonly kind: string
  readonly startS: number
  readonly endS: number
  /** `api`, or the calendar's name. */
  readonly source: string
}

/** What was learned of a series that is watched for anomalies (`flows/watch-series.ts`). */
export interface KeptSeries {
  readonly series: string
  readonly state: AnomalyState
}

/** First requests of sessions of a key group at an edge (`flows/session-demand.ts`). */
export interface KeptDemand {
  /** Of its process: what is started again counts from zero. */
  readonly edge: {
    readonly id: string
    readonly run: string
    /** First and last heard of, seconds since 1970. */
    readonly sinceS: number
    readonly heardS: number
  }
  readonly group: number
  /** What it counted, when it was heard last; undefined: nothing of this group. */
  readonly last: FirstRequestCounts | undefined
  /** First requests of the last life of a ticket, in parts of it. */
  readonly parts: readonly (readonly [part: number, count: number])[]
  readonly usedUntilS: number
  /** undefined: it goes by the last while. */
  readonly forecaster: ForecasterState | undefined
}

/** As long as names of pools are; others are not kept. */
export const POOL_NAME_MAX = 63

export interface ForecastStore {
  /** All that can be opened, in the order of their names. */
  load(): Promise<readonly KeptForecast[]>
  /** Adds or replaces. Resolves when it would survive the process. */
  save(kept: KeptForecast): Promise<void>
  remove(pools: readonly string[]): Promise<void>
  /** What {@link ForecastStore.saveEvents} was given last; none when that cannot be opened. */
  loadEvents(): Promise<readonly AnnouncedEvent[]>
  /** Replaces all. Resolves when it would survive the process. */
  saveEvents(events: readonly AnnouncedEvent[]): Promise<void>
  /** All that can be opened, in the order of their names. */
  loadSeries(): Promise<readonly KeptSeries[]>
  /** Replaces all. Resolves when it would survive the process. */
  saveSeries(series: readonly KeptSeries[]): Promise<void>
  /** All that can be opened, by edges and groups. */
  loadDemand(): Promise<readonly KeptDemand[]>
  /** Replaces all, one after the other. Resolves when it would survive the process. */
  saveDemand(demand: readonly KeptDemand[]): Promise<void>
  close(): Promise<void>
}
