/**
 * Configuration and access list of a Mosquitto 2 that serves LMK/1 and nothing else: TLS 1.2 or newer, clients by their certificates, each
 * under the name in its certificate, and each party with its own topics alone.
 *
 * @module
 */
import { type MediaSubject, type PartyKind, writeMediaTopic } from '../../wire/media-topic.ts'

export interface MosquittoOptions {
  readonly host: string
  readonly port: number
  /** Of the system: a Mosquitto that root starts goes on as this one. */
  readonly user: string
  /** Absolute paths, PEM but the last two. */
  readonly caFile: string
  readonly certificateFile: string
  readonly keyFile: string
  readonly aclFile: string
  readonly pidFile: string
}

/** One client's messages on their way: LMK/1 has one. */
const INFLIGHT_MAX = 64
/** The longest message is a report of a stream (`behavior/device/stream-report.ts`); and the topic. */
const PACKET_BYTES_MAX = 4096

export function mosquittoConf(options: MosquittoOptions): string {
  const { host, port, user, caFile, certificateFile, keyFile, aclFile, pidFile } = options
  return `${[
    '# Written by limen device-keys.',
    'per_listener_settings false',
    `user ${user}`,
    `listener ${port} ${host}`,
    `cafile ${caFile}`,
    `certfile ${certificateFile}`,
    `keyfile ${keyFile}`,
    'require_certificate true',
    'use_identity_as_username true',
    // A second connection under a name ends the first, and none can take another's.
    'use_username_as_clientid true',
    'allow_anonymous false',
    `acl_file ${aclFile}`,
    `pid_file ${pidFile}`,
    'persistence false',
    `max_inflight_messages ${INFLIGHT_MAX}`,
    `max_queued_messages ${INFLIGHT_MAX}`,
    `max_packet_size ${PACKET_BYTES_MAX}`,
  ].join('\n')}\n`
}

/** Who may say and hear what; all else is refused. @param service name in the key service's certificate */
export function mosquittoAcl(
  service: string,
  parties: readonly { readonly party: string; readonly kind: PartyKind }[],
): string {
  const lines = [
    '# Written by limen device-keys.',
    `user ${service}`,
    'topic write limen/v1/service/state',
    'topic write limen/v1/d/+/key',
    'topic write limen/v1/t/+/key',
    'topic write limen/v1/t/+/label',
    ...['hello', 'ack', 'lost', 'anomaly', 'state', 'watch'].flatMap((subject) => [
      `topic read limen/v1/+/+/${subject}`,
    ]),
  ]
  for (const { party, kind } of parties) {
    const topicOf = (subject: MediaSubject) => writeMediaTopic({ kind, party, subject })
    lines.push('', `user ${party}`, `topic read ${topicOf('key')}`)
    const said: readonly MediaSubject[] =
      kind === 'transport'
        ? ['hello', 'ack', 'state', 'lost', 'anomaly', 'watch']
        : ['hello', 'ack', 'state']
    if (kind === 'transport') lines.push(`topic read ${topicOf('label')}`)
    for (const subject of said) lines.push(`topic write ${topicOf(subject)}`)
  }
  return `${lines.join('\n')}\n`
}
