/**
 * Topics of MQTT that LMK/1 goes over (`docs/wire/device-keys.md`), and what a transport says besides its answers: that a device has lost
 * its way, or is not what it was.
 *
 * @module
 */
import { isMediaParty } from './media-key-message.ts'

export type PartyKind = 'device' | 'transport'
export type MediaSubject = 'key' | 'label' | MediaSaying
/** What parties say; the other two they hear. */
export type MediaSaying = 'hello' | 'ack' | 'state' | 'lost' | 'anomaly' | 'watch'

export interface MediaTopic {
  readonly kind: PartyKind
  readonly party: string
  readonly subject: MediaSubject
}

const ROOT = 'limen/v1'
const LETTERS = { device: 'd', transport: 't' } as const
const TOPIC = /^limen\/v1\/([dt])\/([\w.-]{1,64})\/(key|label|hello|ack|state|lost|anomaly|watch)$/

/** @throws RangeError for a name that is none: it could be a wildcard */
export function writeMediaTopic({ kind, party, subject }: MediaTopic): string {
  if (!isMediaParty(party)) throw new RangeError('Cannot write a topic of that party')
  return `${ROOT}/${LETTERS[kind]}/${party}/${subject}`
}

/** Undefined for anything that {@link writeMediaTopic} does not write. */
export function readMediaTopic(topic: string): MediaTopic | undefined {
  const [, letter, party, subject] = TOPIC.exec(topic) ?? []
  if (party === undefined) return undefined
  const kind = letter === 'd' ? 'device' : 'transport'
  return { kind, party, subject: subject as MediaSubject }
}

/** Of all parties. */
export function mediaTopicFilter(subject: MediaSubject): string {
  return `${ROOT}/+/+/${subject}`
}
