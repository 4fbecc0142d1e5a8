/**
 * The channel of media keys over MQTT: `KeyChannel` and `PartyChannel` on one connection each. Who answers is the name in the topic: the
 * broker lets nobody say anything under another's (`mosquitto-files.ts`).
 *
 * @module
 */
import {
  REPORT_CHARS_MAX,
  readStreamReport,
  type StreamReport,
  writeStreamReport,
} from '../../behavior/device/stream-report.ts'
import type { KeyChannel, PartyChannel } from '../../ports/key-channel.ts'
import { readMediaKeyAnswer } from '../../wire/media-key-answer.ts'
import {
  type MediaSaying,
  type MediaSubject,
  mediaTopicFilter,
  type PartyKind,
  readMediaTopic,
  writeMediaTopic,
} from '../../wire/media-topic.ts'
import { LINK_STATES, MqttLink, type MqttLinkOptions } from './mqtt-link.ts'

/** Where the broker is, and who asks. */
export type BrokerOptions = Pick<MqttLinkOptions, 'url' | 'clientId' | 'tls' | 'version'>

export interface ServiceKeyChannelOptions extends BrokerOptions {
  kindOf(party: string): PartyKind | undefined
  /** A transport says that a device sends under epochs it does not know. */
  lost(device: string): void
  /** A transport says that a device's stream is not what it was. */
  anomalous(device: string): void
  /** A transport reports on a device's stream. */
  reported(report: StreamReport): void
  /** Whether a party is at the broker. */
  present(party: string, isPresent: boolean): void
  changed(isThere: boolean): void
}

/** What the service says of itself. */
const SERVICE_STATE = 'limen/v1/service/state'
/** The longest of LMK/1's messages and answers. */
const MESSAGE_BYTES_MAX = 512

export interface LinkedKeyChannel extends KeyChannel {
  readonly isThere: boolean
  /** To a transport. */
  label(to: string, message: Uint8Array): void
  close(): Promise<void>
}

export function serviceKeyChannel(options: ServiceKeyChannelOptions): LinkedKeyChannel {
  const { kindOf, lost, anomalous, reported, present, changed, ...broker } = options
  let listener: (from: string, answer: Uint8Array) => void = () => {}
  const link = new MqttLink({
    ...{ ...broker, changed, stateTopic: SERVICE_STATE },
    subscribe: SAID.map(mediaTopicFilter),
    heard(topic, payload, isRetained) {
      const read = readMediaTopic(topic)
      if (read === undefined || payload.length > bytesMaxOf(read.subject)) return
      const { kind, party, subject } = read
      if (kindOf(party) !== kind) return
      const text = () => Buffer.from(payload).toString('latin1')
      if (subject === 'state') present(party, text() === LINK_STATES.there)
      // An answer is for who waits: what was kept for later is an old one.
      else if (isRetained) return
      else if (subject === 'hello' || subject === 'ack') listener(party, payload)
      else if (kind !== 'transport') return
      else if (subject === 'watch') {
        const report = readStreamReport(text())
        if (report !== undefined) reported(report)
      } else (subject === 'lost' ? lost : anomalous)(text())
    },
  })
  return {
    get isThere() {
      return link.isThere
    },
    send(to, message) {
      const kind = kindOf(to)
      if (kind === undefined) return
      link.say(writeMediaTopic({ kind, party: to, subject: 'key' }), message)
    },
    label(to, message) {
      link.say(writeMediaTopic({ kind: 'transport', party: to, subject: 'label' }), message)
    },
    listen(heard) {
      listener = heard
    },
    close: () => link.close(),
  }
}

const SAID: readonly MediaSaying[] = ['hello', 'ack', 'lost', 'anomaly', 'state', 'watch']

function bytesMaxOf(subject: MediaSubject): number {
  return subject === 'watch' ? REPORT_CHARS_MAX : MESSAGE_BYTES_MAX
}

export interface PartyKeyChannelOptions extends BrokerOptions {
  readonly kind: PartyKind
  readonly party: string
  /** Of a transport: the key service says what became of a rotation. */
  labelled(message: Uint8Array): void
  changed(isThere: boolean): void
}

export interface LinkedPartyChannel extends PartyChannel {
  /** Of a transport: that device sends under epochs that are not known. */
  lost(device: string): void
  /** Of a transport: that device's stream is not what it was. */
  anomalous(device: string): void
  /** Of a transport: how a device's stream is. */
  report(report: StreamReport): void
  close(): Promise<void>
}

export function partyKeyChannel(options: PartyKeyChannelOptions): LinkedPartyChannel {
  const { kind, party, labelled, changed, ...broker } = options
  const topicOf = (subject: MediaSubject) => writeMediaTopic({ kind, party, subject })
  const [keyTopic, labelTopic] = [topicOf('key'), topicOf('label')]
  const subscribe = kind === 'transport' ? [keyTopic, labelTopic] : [keyTopic]
  let listener: (message: Uint8Array) => void = () => {}
  const link = new MqttLink({
    ...{ ...broker, changed, stateTopic: topicOf('state'), subscribe },
    heard(topic, payload, isRetained) {
      if (isRetained || payload.length > MESSAGE_BYTES_MAX) return
      if (topic === keyTopic) listener(payload)
      else if (topic === labelTopic) labelled(payload)
    },
  })
  return {
    send(answer) {
      const isHello = readMediaKeyAnswer(answer)?.kind === 'hello'
      link.say(topicOf(isHello ? 'hello' : 'ack'), answer)
    },
    listen(heard) {
      listener = heard
    },
    lost: (device) => link.say(topicOf('lost'), Buffer.from(device)),
    anomalous: (device) => link.say(topicOf('anomaly'), Buffer.from(device)),
    report: (report) => link.say(topicOf('watch'), Buffer.from(writeStreamReport(report))),
    close: () => link.close(),
  }
}
