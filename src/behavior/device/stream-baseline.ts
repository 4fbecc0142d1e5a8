/**
 * What a video source is like: what it always sends (parameter sets, payload types, kinds of NAL units), and how its windows vary. Learned
 * once, when it first connects, and not changed by what comes later: whoever changes slowly would take it along. Stored as JSON; the reader
 * is strict.
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import {
  type IsolationForest,
  isIsolationForest,
  isolationScore,
  trainIsolationForest,
} from '../../math/isolation-forest.ts'
import { type FeatureLaw, isFeatureLaw, learnLaw, partsOf, zScores } from './feature-law.ts'
import { hasKeys, jsonIn } from './json-keys.ts'
import { KEY_IDS_MAX, type NumberTraits } from './picture-numbers.ts'
import {
  type Feature,
  IDENTITY_FEATURES,
  PATH_FEATURES,
  PICTURE_FEATURES,
} from './stream-features.ts'
import { HASH_CHARS, UUID_CHARS, type VideoCodec } from './stream-packet.ts'

/** The windows that are looked at. Two seconds are the goal of detection; ten show what is rare in two. */
export const WINDOWS_MS: readonly number[] = [2_000, 10_000]

/** What a source sent while it was learned, whole. */
export interface StreamTraits {
  readonly payloadTypes: readonly number[]
  /** Hashes. */
  readonly parameters: readonly string[]
  /** Types of NAL units. */
  readonly units: readonly number[]
  /** Between key frames; 0: no regular interval. Ticks. */
  readonly keyTicks: number
  /** Of its clock against the one here; parts per million. */
  readonly skewPpm: number
  readonly numbers: NumberTraits
  /** What its encoder says that it is, where that does not change. */
  readonly said: readonly SaidTrait[]
}

export interface SaidTrait {
  /** A UUID, and a hash of what it came with. */
  readonly words: string
  /** When it began, and at no key frame after. */
  readonly isOnce: boolean
}

export type FeatureGroup = 'identity' | 'picture' | 'path'

export interface WindowLaw extends Readonly<Record<FeatureGroup, FeatureLaw>> {
  readonly lengthMs: number
}

export interface StreamBaseline {
  readonly codec: VideoCodec
  readonly learnedAt: number
  readonly traits: StreamTraits
  readonly windows: readonly WindowLaw[]
  /** Of identity and picture, in the shortest windows; and the highest score that such a window had which it did not know. */
  readonly forest: IsolationForest
  readonly forestMax: number
}

/** Features of a window. */
export type WindowFeatures = Readonly<Record<FeatureGroup, readonly number[]>>

/** Half of what the paper has: windows overlap, and there are few. */
const FOREST = { trees: 50, sampleSize: 128 }
/** A z-score beyond says no more. */
const Z_MAX = 8
const VERSION = 2
/** Two windows of 17 features, 50 trees of up to 255 nodes. */
export const BASELINE_CHARS_MAX = 2 ** 20
const LIST_MAX = 64

/** @param windows of each of {@link WINDOWS_MS}, in the order of time @param learnedAt milliseconds since 1970 */
export function learnBaseline(
  codec: VideoCodec,
  learnedAt: number,
  traits: StreamTraits,
  windows: readonly (readonly WindowFeatures[])[],
  random: Random,
): StreamBaseline {
  const laws = WINDOWS_MS.map((lengthMs, i) => {
    const law = (group: FeatureGroup, features: readonly Feature[]): FeatureLaw =>
      learnLaw(
        features,
        (windows[i] ?? []).map((window) => window[group]),
      )
    return {
      lengthMs,
      identity: law('identity', IDENTITY_FEATURES),
      picture: law('picture', PICTURE_FEATURES),
      path: law('path', PATH_FEATURES),
    }
  })
  const [law] = laws
  if (law === undefined) throw new RangeError('windows: none')
  const points = (windows[0] ?? []).map((window) => forestPoint(law, window))
  const unseen = partsOf(points).flatMap(({ inside, outside }) => {
    const forest = trainIsolationForest(outside, FOREST, random)
    return inside.map((point) => isolationScore(forest, point))
  })
  const forest = trainIsolationForest(points, FOREST, random)
  return { codec, learnedAt, traits, windows: laws, forest, forestMax: Math.max(...unseen) }
}

export function forestPoint(law: WindowLaw, window: WindowFeatures): number[] {
  const zs = [...zScores(law.identity, window.identity), ...zScores(law.picture, window.picture)]
  return zs.map((z) => Math.min(Z_MAX, Math.max(-Z_MAX, z)))
}

export function writeBaseline(baseline: StreamBaseline): string {
  return JSON.stringify({ version: VERSION, ...baseline })
}

/** undefined for what is not exactly a baseline. Never throws. */
export function readBaseline(text: string): StreamBaseline | undefined {
  const value = jsonIn(text, BASELINE_CHARS_MAX)
  if (!hasKeys(value, ['version', ...BASELINE_KEYS])) return undefined
  const { version, ...baseline } = value
  return version === VERSION && isBaseline(baseline) ? baseline : undefined
}

const BASELINE_KEYS = ['codec', 'learnedAt', 'traits', 'windows', 'forest', 'forestMax']
const TRAIT_KEYS = [
  ...['payloadTypes', 'parameters', 'units', 'keyTicks', 'skewPpm', 'numbers', 'said'],
]
const NUMBER_KEYS = [
  ...['numbering', 'orderTicks', 'frameTicks', 'isReordered', 'isReset', 'keyIds'],
]
const NUMBERING_KEYS = ['frameNumBits', 'orderBits', 'extraBits', 'hasOutputFlag']

function isBaseline(
  value: Record<string, unknown>,
): value is Record<string, unknown> & StreamBaseline {
  const { codec, learnedAt, traits, windows, forest, forestMax } = value
  return (
    (codec === 'h264' || codec === 'h265') &&
    isCount(learnedAt, Number.MAX_SAFE_INTEGER) &&
    isTraits(traits) &&
    Array.isArray(windows) &&
    windows.length === WINDOWS_MS.length &&
    windows.every((law, i) => isWindowLaw(law, WINDOWS_MS[i] ?? 0)) &&
    isIsolationForest(forest) &&
    forest.dimensions === IDENTITY_FEATURES.length + PICTURE_FEATURES.length &&
    Number.isFinite(forestMax)
  )
}

function isTraits(value: unknown): value is StreamTraits {
  if (!hasKeys(value, TRAIT_KEYS)) return false
  const { payloadTypes, parameters, units, keyTicks, skewPpm, numbers, said } = value
  return (
    isList(payloadTypes, (one) => isCount(one, 127)) &&
    isList(parameters, (one) => typeof one === 'string' && HASH.test(one)) &&
    isList(units, (one) => isCount(one, 63)) &&
    isCount(keyTicks, 2 ** 31) &&
    Number.isFinite(skewPpm) &&
    isNumbers(numbers) &&
    isList(said, isSaid)
  )
}

function isNumbers(value: unknown): value is NumberTraits {
  if (!hasKeys(value, NUMBER_KEYS)) return false
  const { numbering, orderTicks, frameTicks, isReordered, isReset, keyIds } = value
  return (
    (numbering === null || isNumbering(numbering)) &&
    Number.isFinite(orderTicks) &&
    Number.isFinite(frameTicks) &&
    Number(frameTicks) >= 0 &&
    typeof isReordered === 'boolean' &&
    typeof isReset === 'boolean' &&
    isList(keyIds, isPair) &&
    keyIds.length <= KEY_IDS_MAX
  )
}

function isNumbering(value: unknown): boolean {
  if (!hasKeys(value, NUMBERING_KEYS)) return false
  const { frameNumBits, orderBits, extraBits, hasOutputFlag } = value
  return (
    isCount(frameNumBits, 16) &&
    isCount(orderBits, 16) &&
    isCount(extraBits, 7) &&
    typeof hasOutputFlag === 'boolean'
  )
}

function isPair(value: unknown): boolean {
  return isList(value, (one) => isCount(one, 65_535)) && value.length === 2
}

function isSaid(value: unknown): boolean {
  if (!hasKeys(value, ['words', 'isOnce'])) return false
  const { words, isOnce } = value
  return typeof words === 'string' && SAID.test(words) && typeof isOnce === 'boolean'
}

const SAID = new RegExp(`^[0-9a-f]{${UUID_CHARS + HASH_CHARS}}$`)

const HASH = new RegExp(`^[0-9a-f]{${HASH_CHARS}}$`)

function isWindowLaw(value: unknown, length: number): value is WindowLaw {
  if (!hasKeys(value, ['lengthMs', 'identity', 'picture', 'path'])) return false
  const { lengthMs, identity, picture, path } = value
  return (
    lengthMs === length &&
    isFeatureLaw(identity, IDENTITY_FEATURES.length) &&
    isFeatureLaw(picture, PICTURE_FEATURES.length) &&
    isFeatureLaw(path, PATH_FEATURES.length)
  )
}

function isList(value: unknown, is: (one: unknown) => boolean): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= LIST_MAX && value.every(is)
}

function isCount(value: unknown, most: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= most
}
