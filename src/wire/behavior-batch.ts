/**
 * What a page tells of how its visitor types, points, scrolls and touches: what the engine needs and no more. No key, no
 * text, no position on the screen. HTTP around it, and why: docs/wire/behavior-batch.md.
 *
 * The envelope, in network byte order:
 *
 *  0  1  version 1
 *  1  1  flags: 1 the body is deflated (raw, RFC 1951), 2 bot-only; others 0
 *  2  4  page: a random number of this page load
 *  6  4  sequence: 0, 1, 2 ... of this page load
 * 10  1  length of the token, 16 to 64
 * 11     token, then the body to the end
 *
 * The body, of varints (LEB128 in its shortest form, below 2^32); zz is a varint of a signed number, zigzag:
 *
 * fromMs | lastedMs | u8 context | place | number of records | records
 *
 * A record begins with a varint: 8 * (milliseconds since the record before; the first: since fromMs) + kind
 *  0 key      u8 class + 16 when the field is another than before, then its number | hold + 1, or 0 when unknown
 *  1 path     zz dx | zz dy | n | n * (zz dx, zz dy), each 100 ms after the one before
 *  2 contact  u8 1 pen + 2 continued | u8 fingers | u8 size | u8 pressure | zz dx | zz dy | n | n * (zz dx, zz dy), each
 *             50 ms after the one before | milliseconds from the last of these to the end
 *  3 press    u8 button | zz dx | zz dy
 *  4 release  u8 button | zz dx | zz dy
 *  5 scroll   zz dx | zz dy
 *  6 mark     u8 mark | field | amount
 *
 * Not here: writing (`behavior-batch-writer.ts`); inflating, which needs a host; what timings mean (`behavior/biometrics`).
 *
 * @module
 */
import { u32 } from './big-endian.ts'

export const BEHAVIOR_PATH = '/.well-known/limen/behavior'
/** The collector that pages load. */
export const BEHAVIOR_SCRIPT_PATH = '/.well-known/limen/behavior.js'
export const BEHAVIOR_TYPE = 'application/limen-behavior'
/** Field of the answer to a batch: the token of the next one, base64url. */
export const BEHAVIOR_TOKEN_FIELD = 'limen-next'

/** Of an envelope, and of a body inflated. A minute of typing without a pause is about 1.5 kB. */
export const BEHAVIOR_BYTES_MAX = 16_384
/** A record is at least three bytes, so that no more than these fit by far. */
export const BEHAVIOR_RECORDS_MAX = 4096
/** Of a path, as the engine reads it off (`pointer-actions.ts`). */
export const PATH_STEP_MS = 100
/** Half of it: swipes last 100 to 300 ms. */
export const CONTACT_STEP_MS = 50
/** Of one path or contact; a longer one goes on in another record. */
export const STEPS_MAX = 255
/** Fields further down a page are counted as this one. 0 is no field. */
export const FIELD_MAX = 255
export const TOKEN_BYTES_MIN = 16
export const TOKEN_BYTES_MAX = 64
export const ENVELOPE_BYTES = 11

/** `hidden`: the class is not told, in fields of passwords. The place in the list is the number on the wire. */
export const KEY_CLASSES = [
  'letter',
  'digit',
  'space',
  'punctuation',
  'edit',
  'navigation',
  'modifier',
  'other',
  'hidden',
] as const
export type KeyClass = (typeof KEY_CLASSES)[number]

/**
 * Why timings are missing or not a person's: text came by `autofill`, `paste` (a drop too), `ime` or `virtual-keyboard`;
 * `assistive`: clicks without a pointer or a key, as screen readers make them; `keyboard-only`: moves about by keys;
 * `hidden`: the page was, `amount` is ms; `clock-jump`: `amount` is ms, either way; `synthetic`: `amount` events were made by
 * scripts; `dropped`: `amount` records did not fit.
 */
export const MISSING_MARKS = [
  'autofill',
  'paste',
  'ime',
  'virtual-keyboard',
  'assistive',
  'keyboard-only',
  'hidden',
  'clock-jump',
  'synthetic',
  'dropped',
] as const
export type MissingMark = (typeof MISSING_MARKS)[number]

export const DEVICE_CLASSES = ['desktop', 'tablet', 'phone'] as const
export type DeviceClass = (typeof DEVICE_CLASSES)[number]

/** By where a few letters are, which the browser says without a key pressed; most do not say: `unknown`. */
export const KEYBOARD_LAYOUTS = ['unknown', 'qwerty', 'qwertz', 'azerty', 'other'] as const
export type KeyboardLayout = (typeof KEYBOARD_LAYOUTS)[number]

/** What models are kept apart by. */
export interface BehaviorContext {
  readonly device: DeviceClass
  /** There is a touch screen. */
  readonly touch: boolean
  readonly portrait: boolean
  readonly keyboard: KeyboardLayout
}

export interface Step {
  /** CSS pixels since the step before. */
  readonly dx: number
  readonly dy: number
}

/** All times are integer milliseconds of the page's monotonic clock. */
export type BehaviorRecord =
  | KeyRecord
  | PathRecord
  | ContactRecord
  | ButtonRecord
  | ScrollRecord
  | MarkRecord

/** A key pressed and released; no repeats. */
export interface KeyRecord {
  readonly kind: 'key'
  /** Of the press. */
  readonly atMs: number
  /** undefined: the release was not seen, or was an outlier. */
  readonly holdMs: number | undefined
  readonly class: KeyClass
  /** Which field of the page, counted from 1 in document order; 0: none. */
  readonly field: number
}

/** A mouse that moves, read off at equal steps. It may go on in the next record, one step after the last. */
export interface PathRecord {
  readonly kind: 'path'
  /** Of the first point. */
  readonly atMs: number
  /** To the first point, from where the mouse was last told to be (by path, press or release). */
  readonly dx: number
  readonly dy: number
  readonly steps: readonly Step[]
}

/** A finger or a pen on the surface. */
export interface ContactRecord {
  readonly kind: 'contact'
  readonly atMs: number
  readonly pen: boolean
  /** It goes on with what a record before, with as many fingers, has begun. */
  readonly continued: boolean
  /** On the surface when it began, this one included: 1 to 10. */
  readonly fingers: number
  /** CSS pixels across, mean, at most 255; 0: not told. */
  readonly size: number
  /** 0 to 255 for 0 to 1, mean; 0: not told. */
  readonly pressure: number
  /** From where the contact before began. */
  readonly dx: number
  readonly dy: number
  readonly steps: readonly Step[]
  /** From the last step to the end. */
  readonly restMs: number
}

/** Of a mouse. */
export interface ButtonRecord {
  readonly kind: 'press' | 'release'
  readonly atMs: number
  /** As in MouseEvent.button: 0 is the main one. 0 to 7. */
  readonly button: number
  /** From where the mouse was last told to be. */
  readonly dx: number
  readonly dy: number
}

/** What went by within 100 ms. */
export interface ScrollRecord {
  readonly kind: 'scroll'
  readonly atMs: number
  readonly dx: number
  readonly dy: number
}

export interface MarkRecord {
  readonly kind: 'mark'
  readonly atMs: number
  readonly mark: MissingMark
  /** As in KeyRecord. */
  readonly field: number
  /** As said with the mark; else 0. */
  readonly amount: number
}

export const RECORD_KINDS = [
  'key',
  'path',
  'contact',
  'press',
  'release',
  'scroll',
  'mark',
] as const satisfies readonly BehaviorRecord['kind'][]

export interface BehaviorBatch {
  /** Since the page began to load. Records are not before it. */
  readonly fromMs: number
  /** From `fromMs` to when the batch was written. A batch may begin before the one before it ended: keys held. */
  readonly lastedMs: number
  readonly context: BehaviorContext
  /** 16 bits of a hash of the path of the page: fields of other pages are others. 0 in bot-only mode. */
  readonly place: number
  /** By `atMs`, oldest first. */
  readonly records: readonly BehaviorRecord[]
}

export interface BehaviorEnvelope {
  readonly deflated: boolean
  /** No field, no place, no keyboard is told, and no profile may be kept. */
  readonly botOnly: boolean
  readonly page: number
  readonly sequence: number
  readonly token: Uint8Array
  readonly body: Uint8Array
}

export type BehaviorEnvelopeRead =
  | { readonly kind: 'read'; readonly envelope: BehaviorEnvelope }
  | { readonly kind: 'malformed'; readonly field: string }
export type BehaviorBodyRead =
  | { readonly kind: 'read'; readonly batch: BehaviorBatch }
  | { readonly kind: 'malformed'; readonly field: string }

const malformed = (field: string) => ({ kind: 'malformed', field }) as const

/** Reads what was posted; never throws. Token and body are views of `bytes`. */
export function readBehaviorEnvelope(bytes: Uint8Array): BehaviorEnvelopeRead {
  if (bytes.length > BEHAVIOR_BYTES_MAX) return malformed('length')
  if (bytes[0] !== 1) return malformed('version')
  const flags = bytes[1] ?? 4
  if (flags > 3) return malformed('flags')
  const tokenBytes = bytes[10] ?? 0
  if (tokenBytes < TOKEN_BYTES_MIN || tokenBytes > TOKEN_BYTES_MAX) return malformed('token')
  const bodyAt = ENVELOPE_BYTES + tokenBytes
  if (bodyAt >= bytes.length) return malformed('body')
  return {
    kind: 'read',
    envelope: {
      deflated: (flags & 1) !== 0,
      botOnly: (flags & 2) !== 0,
      page: u32(bytes, 2),
      sequence: u32(bytes, 6),
      token: bytes.subarray(ENVELOPE_BYTES, bodyAt),
      body: bytes.subarray(bodyAt),
    },
  }
}

/** Reads an inflated body; never throws. All of it must be there, and nothing after it. */
export function readBehaviorBody(body: Uint8Array): BehaviorBodyRead {
  if (body.length > BEHAVIOR_BYTES_MAX) return malformed('length')
  const reading: Reading = { body, at: 0, malformed: undefined, field: 0 }
  const fromMs = varint(reading, 'fromMs')
  const lastedMs = varint(reading, 'lastedMs')
  const context = readContext(reading)
  const place = varint(reading, 'place', 0xffff)
  const count = varint(reading, 'records', BEHAVIOR_RECORDS_MAX)
  const records: BehaviorRecord[] = []
  for (let atMs = fromMs; records.length < count && reading.malformed === undefined; ) {
    const head = varint(reading, 'record')
    atMs += Math.floor(head / 8)
    if (atMs > fromMs + lastedMs) refuse(reading, 'time')
    const kind = RECORD_KINDS[head % 8]
    if (kind === undefined) refuse(reading, 'kind')
    else records.push(readRecord(reading, kind, atMs))
  }
  if (reading.malformed === undefined && reading.at < body.length) refuse(reading, 'end')
  if (reading.malformed !== undefined) return malformed(reading.malformed)
  return { kind: 'read', batch: { fromMs, lastedMs, context, place, records } }
}

interface Reading {
  readonly body: Uint8Array
  at: number
  /** What was wrong first. What is read after it is 0. */
  malformed: string | undefined
  /** Of the key before. */
  field: number
}

function refuse(reading: Reading, field: string): 0 {
  reading.malformed ??= field
  return 0
}

function octet(reading: Reading, field: string, max = 255): number {
  const value = reading.body[reading.at++]
  return value === undefined || value > max ? refuse(reading, field) : value
}

const UINT32_MAX = 0xffffffff

function varint(reading: Reading, field: string, max = UINT32_MAX): number {
  let value = 0
  for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
    const byte = octet(reading, field)
    value += (byte % 128) * scale
    if (byte >= 128) continue
    const isShortest = byte !== 0 || scale === 1
    return isShortest && value <= max ? value : refuse(reading, field)
  }
  return refuse(reading, field)
}

/** Pixels: no screen is wider, and sums of all a batch holds stay small. */
const DISTANCE_MAX = 65_535

function signed(reading: Reading, field: string): number {
  const value = varint(reading, field, 2 * DISTANCE_MAX)
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

const DEVICE_BITS = 3
const TOUCH_BIT = 4
const PORTRAIT_BIT = 8
const KEYBOARD_SHIFT = 4

function readContext(reading: Reading): BehaviorContext {
  const bits = octet(reading, 'context')
  const device = DEVICE_CLASSES[bits & DEVICE_BITS]
  const keyboard = KEYBOARD_LAYOUTS[bits >> KEYBOARD_SHIFT]
  if (device === undefined || keyboard === undefined) refuse(reading, 'context')
  return {
    device: device ?? 'desktop',
    touch: (bits & TOUCH_BIT) !== 0,
    portrait: (bits & PORTRAIT_BIT) !== 0,
    keyboard: keyboard ?? 'unknown',
  }
}

function readRecord(reading: Reading, kind: BehaviorRecord['kind'], atMs: number): BehaviorRecord {
  switch (kind) {
    case 'key':
      return readKey(reading, atMs)
    case 'path':
      return { kind, atMs, ...readStep(reading), steps: readSteps(reading) }
    case 'contact':
      return readContact(reading, atMs)
    case 'press':
    case 'release':
      return { kind, atMs, button: octet(reading, 'button', 7), ...readStep(reading) }
    case 'scroll':
      return { kind, atMs, ...readStep(reading) }
    case 'mark':
      return {
        ...{ kind, atMs },
        mark: MISSING_MARKS[octet(reading, 'mark', MISSING_MARKS.length - 1)] ?? 'dropped',
        field: varint(reading, 'field', FIELD_MAX),
        amount: varint(reading, 'amount'),
      }
  }
}

const CLASS_BITS = 15
const FIELD_BIT = 16

function readKey(reading: Reading, atMs: number): KeyRecord {
  const bits = octet(reading, 'class', FIELD_BIT + CLASS_BITS)
  const keyClass = KEY_CLASSES[bits & CLASS_BITS]
  if (keyClass === undefined) refuse(reading, 'class')
  if ((bits & FIELD_BIT) !== 0) {
    const field = varint(reading, 'field', FIELD_MAX)
    if (field === reading.field) refuse(reading, 'field')
    reading.field = field
  }
  const hold = varint(reading, 'hold')
  return {
    ...{ kind: 'key', atMs, holdMs: hold === 0 ? undefined : hold - 1 },
    ...{ class: keyClass ?? 'other', field: reading.field },
  }
}

function readContact(reading: Reading, atMs: number): ContactRecord {
  const bits = octet(reading, 'contact', 3)
  const fingers = octet(reading, 'fingers', 10)
  if (fingers === 0) refuse(reading, 'fingers')
  return {
    ...{ kind: 'contact', atMs, pen: (bits & 1) !== 0, continued: (bits & 2) !== 0, fingers },
    size: octet(reading, 'size'),
    pressure: octet(reading, 'pressure'),
    ...readStep(reading),
    steps: readSteps(reading),
    restMs: varint(reading, 'rest'),
  }
}

function readStep(reading: Reading): Step {
  return { dx: signed(reading, 'distance'), dy: signed(reading, 'distance') }
}

function readSteps(reading: Reading): Step[] {
  const count = varint(reading, 'steps', STEPS_MAX)
  const steps: Step[] = []
  while (steps.length < count && reading.malformed === undefined) steps.push(readStep(reading))
  return steps
}
