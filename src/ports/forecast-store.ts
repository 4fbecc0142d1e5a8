/**
 * Where forecasts of load go on from after a restart: one record for each pool of servers, plain data. Storage is not trusted:
 * adapters seal what they write (`record-seal.ts`).
 *
 * @module
 */
import type { LoadSample } from '../forecast/capacity.ts'
import type { ForecasterState } from '../forecast/forecaster.ts'

export interface KeptForecast {
  /** Its name in the configuration. */
  readonly pool: string
  readonly forecaster: ForecasterState
  /** What was measured of each of its servers, the oldest first. */
  readonly servers: readonly { readonly id: string; readonly samples: readonly LoadSample[] }[]
}

/** As long as names of pools are; others are not kept. */
export const POOL_NAME_MAX = 63

export interface ForecastStore {
  /** All that can be opened, in the order of their names. */
  load(): Promise<readonly KeptForecast[]>
  /** Adds or replaces. Resolves when it would survive the process. */
  save(kept: KeptForecast): Promise<void>
  remove(pools: readonly string[]): Promise<void>
  close(): Promise<void>
}
