/**
 * What a source that sends SRT is like: what it says in a handshake, and how its windows of two seconds vary. Learned once; stored as JSON,
 * and the reader is strict.
 *
 * @module
 */
import { type FeatureLaw, isFeatureLaw } from './feature-law.ts'
import { hasKeys, jsonIn } from './json-keys.ts'
import type { Feature } from './stream-features.ts'

export type SrtLaws = Readonly<Record<'picture' | 'path', FeatureLaw>>

export interface SrtBaseline {
  /** Of its handshakes, as `srt-watch.ts` writes them. */
  readonly settings: string
  readonly laws: SrtLaws
}

/** Logarithms of sizes, rates and times; shares. Floors: a tenth in size, a fifth in rate, as for RTP; 2 % of packets. */
export const SRT_PICTURE: readonly Feature[] = [
  { name: 'packet size', floor: 0.1 },
  { name: 'short packets', floor: 0.05 },
]
export const SRT_PATH: readonly Feature[] = [
  { name: 'packet rate', floor: 0.2 },
  { name: 'gaps', floor: 0.3 },
  { name: 'sent again', floor: 0.02 },
  { name: 'missing', floor: 0.02 },
  { name: 'delay variation', floor: 0.5 },
]

const VERSION = 1
/** A handshake is a datagram of 1500 octets at most; four are an extension, of seven characters. */
const SETTINGS_CHARS_MAX = 4096
const BASELINE_CHARS_MAX = 2 * SETTINGS_CHARS_MAX

export function writeSrtBaseline(baseline: SrtBaseline): string {
  return JSON.stringify({ version: VERSION, ...baseline })
}

/** undefined for what is not exactly such a baseline. Never throws. */
export function readSrtBaseline(text: string): SrtBaseline | undefined {
  const value = jsonIn(text, BASELINE_CHARS_MAX)
  if (!hasKeys(value, ['version', 'settings', 'laws']) || value['version'] !== VERSION) {
    return undefined
  }
  const { settings, laws } = value
  if (typeof settings !== 'string' || settings.length > SETTINGS_CHARS_MAX) return undefined
  return isLaws(laws) ? { settings, laws } : undefined
}

function isLaws(value: unknown): value is SrtLaws {
  if (!hasKeys(value, ['picture', 'path'])) return false
  const { picture, path } = value
  return isFeatureLaw(picture, SRT_PICTURE.length) && isFeatureLaw(path, SRT_PATH.length)
}
