/**
 * Where forecasts of load go on from after a restart: one record for each pool of servers, the events that
 * were announced, and what was learned of watched series; plain data. Storage is not trusted:
 * adapters seal what they write (`record-seal.ts`).
 *
 * @module
 */
import type { AnomalyState } from '../forecast/anomaly/detect-anomaly.ts'
import type { LoadSample } from '../forecast/capacity.ts'
import type { ForecasterState } from '../forecast/forecaster.ts'

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
  close(): Promise<void>
}
