/**
 * Looks after the custody that runs inside this Limen: its desk (`apps/custody/custody-desk.ts`) with what comes of it, alarms and a view.
 *
 * @module
 */
import type { AuditLog } from '../../../adapters/node/audit-log.ts'
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import type { EmbeddedCluster } from '../../custody/embedded-cluster.ts'
import type { Config } from '../config/schema.ts'
import { alarmWebhook } from '../scaling-webhook.ts'
import { type CustodyView, keyNames, viewCustody } from './custody-view.ts'
import { ShareAlarm } from './share-alarm.ts'

export interface LookedAfterCustody {
  view(): CustodyView
  /** Drills all keys; resolves when what came of it is in the view. Never rejects. */
  drillNow(): Promise<void>
  close(): Promise<void>
}

export interface LookAfterOptions {
  readonly config: Pick<Config, 'custody'>
  readonly cluster: EmbeddedCluster
  readonly audit: Pick<AuditLog, 'append'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Pick<Log, 'debug' | 'info' | 'warn' | 'error'>
}

/** Begins at once. To be closed before the cluster. */
export function lookAfterCustody(options: LookAfterOptions): LookedAfterCustody {
  const { config, cluster, audit, clock, random, log } = options
  const { drill, placement } = config.custody
  const names = keyNames(cluster.keys)
  const webhook = alarmWebhook(config, clock, random, (taken, attempts, why) => {
    if (taken) log.debug({ attempts }, 'Who is told of bad shares was told')
    else log.error({ attempts, why }, 'Who is told of bad shares was not told')
  })
  const alarm = new ShareAlarm({ clock, log, audit, webhook, nameOf: (id) => names.get(id) })
  const desk = cluster.openDesk({
    ...{ drill, placement },
    onFinding: (finding) => alarm.note(finding),
    tell: (level, text) => log[level]({}, text),
  })
  desk.begin()
  const { links } = cluster.client
  return {
    view: () =>
      viewCustody({ desk, links, names, drill, mode: placement.mode, events: alarm.events }),
    drillNow: () => desk.drillNow(),
    async close() {
      await desk.close()
      webhook?.close()
    },
  }
}
