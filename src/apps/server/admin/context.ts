/**
 * What the admin API stands on: the running server, in the few words it needs.
 *
 * @module
 */
import type { AuditLog } from '../../../adapters/node/audit-log.ts'
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import type { DataPlane } from '../../../ports/data-plane.ts'
import type { AnomalyWatch } from '../anomaly-watch.ts'
import type { Behavior } from '../behavior/open-behavior.ts'
import type { LookedAfterCustody } from '../custody/look-after-custody.ts'
import type { DecisionFeed } from '../decision-feed.ts'
import type { KeyServer } from '../key-server/key-server.ts'
import type { LiveConfig } from '../live-config.ts'
import type { LoadForecast } from '../load-forecast.ts'
import type { DeviceKeys } from '../open-devices.ts'
import type { ForecastEvents } from '../open-forecast.ts'
import type { ProfileFeed } from '../profile-feed.ts'
import type { PoolsScaled } from '../scale-pools.ts'
import type { Signals } from '../signals/open-signals.ts'
import type { TrafficHistory } from '../traffic-history.ts'
import type { StatusView } from './views.ts'

export interface AdminContext {
  readonly plane: DataPlane
  readonly live: LiveConfig
  readonly feed: DecisionFeed
  readonly profiles: ProfileFeed
  readonly traffic: TrafficHistory
  /** undefined while session keys are off. */
  readonly keyServer: KeyServer | undefined
  /** undefined while forecasts are off. */
  readonly forecast: LoadForecast | undefined
  /** undefined while forecasts are off. */
  readonly events: ForecastEvents | undefined
  readonly anomalies: AnomalyWatch
  /** undefined while nobody's behavior is watched. */
  readonly behavior: Behavior | undefined
  /** undefined where nobody tells and nobody is told. */
  readonly signals: Pick<Signals, 'view'> | undefined
  readonly scaling: Pick<PoolsScaled, 'views'>
  /** undefined where no key service is asked. */
  readonly devices: DeviceKeys | undefined
  /** undefined where its nodes are not here. */
  readonly custody: LookedAfterCustody | undefined
  readonly audit: AuditLog
  readonly log: Log
  readonly clock: Clock
  readonly random: Random
  status(): StatusView
  /** Whether new clients should be sent here. */
  isReady(): boolean
}
