/**
 * The channel of media keys over MQTT: `KeyChannel` and `PartyChannel` on one connection each. Who answers is the name in the topic: the
 * broker lets nobody say anything under another's (`mosquitto-files.ts`).
 *
 * @module
 */
import type { KeyChannel, PartyChannel } from '../../ports/key-channel.ts'
import { readMediaKeyAnswer } from '../../wire/media-key-answer.ts'
import {
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
  close(): Promise<void>
}

export function serviceKeyChannel(options: ServiceKeyChannelOptions): LinkedKeyChannel {
  const { kindOf, lost, anomalous, present, changed, ...broker } = options
  let listener: (from: string, answer: Uint8Array) => void = () => {}
  const link = new MqttLink({
    ...{ ...broker, changed, stateTopic: SERVICE_STATE },
    subscribe: (['hello', 'ack', 'lost', 'anomaly', 'state'] as const).map(mediaTopicFilter),
    heard(topic, payload, isRetained) {
      const read = readMediaTopic(topic)
      if (read === undefined || payload.length > MESSAGE_BYTES_MAX) return
      const { kind, party, subject } = read
      if (kindOf(party) !== kind) return
      const text = () => Buffer.from(payload).toString('latin1')
      if (subject === 'state') present(party, text() === LINK_STATES.there)
      // An answer is for who waits: what was kept for later is an old one.
      else if (isRetained) return
      else if (subject === 'hello' || subject === 'ack') listener(party, payload)
      else if (kind === 'transport') (subject === 'lost' ? lost : anomalous)(text())
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
    listen(heard) {
      listener = heard
    },
    close: () => link.close(),
  }
}

export interface PartyKeyChannelOptions extends BrokerOptions {
  readonly kind: PartyKind
  readonly party: string
  changed(isThere: boolean): void
}

export interface LinkedPartyChannel extends PartyChannel {
  /** Of a transport: that device sends under epochs that are not known. */
  lost(device: string): void
  /** Of a transport: that device's stream is not what it was. */
  anomalous(device: string): void
  close(): Promise<void>
}

export function partyKeyChannel(options: PartyKeyChannelOptions): LinkedPartyChannel {
  const { kind, party, changed, ...broker } = options
  const topicOf = (subject: MediaSubject) => writeMediaTopic({ kind, party, subject })
  const keyTopic = topicOf('key')
  let listener: (message: Uint8Array) => void = () => {}
  const link = new MqttLink({
    ...{ ...broker, changed, stateTopic: topicOf('state'), subscribe: [keyTopic] },
    heard(topic, payload, isRetained) {
      if (!isRetained && topic === keyTopic && payload.length <= MESSAGE_BYTES_MAX)
        listener(payload)
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
    close: () => link.close(),
  }
}
