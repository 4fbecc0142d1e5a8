/**
 * Tells of shares that drills have found bad, and again when they are good: the log, the audit log, a webhook, and a list to be shown. A node that is
 * away has no bad share: the log alone says so.
 *
 * @module
 */
import type { AuditLog } from '../../../adapters/node/audit-log.ts'
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Webhook } from '../../../adapters/node/webhook.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { DrillFinding } from '../../custody/drill-schedule.ts'

export interface ShareAlarmOptions {
  readonly clock: Clock
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>
  readonly audit: Pick<AuditLog, 'append'>
  readonly webhook: Pick<Webhook, 'send'> | undefined
  /** `USE/NAME@VERSION` of a key, as far as it is known. */
  nameOf(keyId: string): string | undefined
}

export interface ShareEvent extends Omit<DrillFinding, 'fault'> {
  readonly at: number
  readonly name: string | null
  /** null: the share is good again. */
  readonly fault: string | null
}

/** The newest; more is in the audit log. */
const EVENTS_MAX = 100
/** In a message: what one that was not taken would have told, too. */
const EVENTS_SENT = 20
const WHO = 'custody'

export class ShareAlarm {
  readonly #options: ShareAlarmOptions
  /** By key and node. */
  readonly #bad = new Map<string, ShareEvent>()
  #events: readonly ShareEvent[] = []

  constructor(options: ShareAlarmOptions) {
    this.#options = options
  }

  /** The newest first. */
  get events(): readonly ShareEvent[] {
    return this.#events
  }

  note({ keyId, node, fault }: DrillFinding): void {
    const { clock, log, audit, webhook, nameOf } = this.#options
    const name = nameOf(keyId) ?? null
    const event: ShareEvent = { at: clock.now(), keyId, name, node, fault: fault ?? null }
    const said = { node, keyName: name ?? keyId }
    const id = `${keyId} ${node}`
    if (fault === 'away') {
      log.warn(said, 'A share was not drilled: its node is away')
      return
    }
    // One that was only away has been no alarm.
    if (fault === undefined && !this.#bad.delete(id)) {
      log.info(said, 'A node that was away has a good share')
      return
    }
    if (fault === undefined) log.info(said, 'A share in custody is good again')
    else {
      this.#bad.set(id, event)
      log.error({ ...said, fault }, 'A share in custody is bad')
    }
    this.#events = [event, ...this.#events].slice(0, EVENTS_MAX)
    const action = fault === undefined ? 'custody.share.good' : 'custody.share.bad'
    const detail = { fault: event.fault }
    try {
      audit.append({ who: WHO, action, subject: `${said.keyName} at ${node}`, detail })
    } catch (error) {
      log.error({ err: error }, 'What became of a share is not in the audit log')
    }
    webhook?.send({
      ...{ type: 'limen.custody.share', timestamp: new Date(event.at).toISOString() },
      data: { bad: [...this.#bad.values()], events: this.#events.slice(0, EVENTS_SENT) },
    })
  }
}
