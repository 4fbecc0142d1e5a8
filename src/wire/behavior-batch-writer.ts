/**
 * Writes what `behavior-batch.ts` reads. Runs in the page: deflating is the caller's.
 *
 * @module
 */
import {
  BEHAVIOR_RECORDS_MAX,
  type BehaviorBatch,
  type BehaviorEnvelope,
  type BehaviorRecord,
  DEVICE_CLASSES,
  ENVELOPE_BYTES,
  KEY_CLASSES,
  KEYBOARD_LAYOUTS,
  MISSING_MARKS,
  RECORD_KINDS,
  type Step,
  TOKEN_BYTES_MAX,
  TOKEN_BYTES_MIN,
} from './behavior-batch.ts'

/**
 * @throws RangeError when records are too many or not in the order of time, or a number is none of its place. The length is
 * the caller's to watch.
 */
export function writeBehaviorBody(batch: BehaviorBatch): Uint8Array<ArrayBuffer> {
  const { fromMs, lastedMs, context, place, records } = batch
  if (records.length > BEHAVIOR_RECORDS_MAX) {
    throw new RangeError(`Cannot write ${records.length} records`)
  }
  const writing: Writing = { octets: [], field: 0 }
  varint(writing, fromMs)
  varint(writing, lastedMs)
  writing.octets.push(
    DEVICE_CLASSES.indexOf(context.device) |
      (context.touch ? 4 : 0) |
      (context.portrait ? 8 : 0) |
      (KEYBOARD_LAYOUTS.indexOf(context.keyboard) << 4),
  )
  varint(writing, place)
  varint(writing, records.length)
  let atMs = fromMs
  for (const record of records) {
    if (!Number.isInteger(record.atMs))
      throw new RangeError(`Cannot write a time of ${record.atMs}`)
    varint(writing, (record.atMs - atMs) * 8 + RECORD_KINDS.indexOf(record.kind))
    atMs = record.atMs
    writeRecord(writing, record)
  }
  return Uint8Array.from(writing.octets)
}

/** @throws RangeError when the token is shorter or longer than may be */
export function writeBehaviorEnvelope(envelope: BehaviorEnvelope): Uint8Array<ArrayBuffer> {
  const { deflated, botOnly, page, sequence, token, body } = envelope
  if (token.length < TOKEN_BYTES_MIN || token.length > TOKEN_BYTES_MAX) {
    throw new RangeError(`Cannot write a token of ${token.length} bytes`)
  }
  const bytes = new Uint8Array(ENVELOPE_BYTES + token.length + body.length)
  bytes.set([1, (deflated ? 1 : 0) + (botOnly ? 2 : 0)])
  const view = new DataView(bytes.buffer)
  view.setUint32(2, page)
  view.setUint32(6, sequence)
  bytes[10] = token.length
  bytes.set(token, ENVELOPE_BYTES)
  bytes.set(body, ENVELOPE_BYTES + token.length)
  return bytes
}

interface Writing {
  readonly octets: number[]
  /** Of the key before. */
  field: number
}

function varint({ octets }: Writing, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new RangeError(`Cannot write ${value} as a varint`)
  }
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128)
  octets.push(rest)
}

function step(writing: Writing, { dx, dy }: Step): void {
  for (const value of [dx, dy]) varint(writing, value < 0 ? -2 * value - 1 : 2 * value)
}

function steps(writing: Writing, all: readonly Step[]): void {
  varint(writing, all.length)
  for (const one of all) step(writing, one)
}

function writeRecord(writing: Writing, record: BehaviorRecord): void {
  const { octets } = writing
  switch (record.kind) {
    case 'key': {
      const isOther = record.field !== writing.field
      octets.push(KEY_CLASSES.indexOf(record.class) + (isOther ? 16 : 0))
      if (isOther) varint(writing, record.field)
      writing.field = record.field
      varint(writing, record.holdMs === undefined ? 0 : record.holdMs + 1)
      return
    }
    case 'path':
      step(writing, record)
      steps(writing, record.steps)
      return
    case 'contact':
      octets.push((record.pen ? 1 : 0) + (record.continued ? 2 : 0))
      octets.push(record.fingers, record.size, record.pressure)
      step(writing, record)
      steps(writing, record.steps)
      varint(writing, record.restMs)
      return
    case 'press':
    case 'release':
      octets.push(record.button)
      step(writing, record)
      return
    case 'scroll':
      step(writing, record)
      return
    case 'mark':
      octets.push(MISSING_MARKS.indexOf(record.mark))
      varint(writing, record.field)
      varint(writing, record.amount)
  }
}
