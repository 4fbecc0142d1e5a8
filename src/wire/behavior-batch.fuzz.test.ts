import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  BEHAVIOR_BYTES_MAX,
  type BehaviorBatch,
  DEVICE_CLASSES,
  KEY_CLASSES,
  KEYBOARD_LAYOUTS,
  MISSING_MARKS,
  readBehaviorBody,
  readBehaviorEnvelope,
} from './behavior-batch.ts'
import { writeBehaviorBody, writeBehaviorEnvelope } from './behavior-batch-writer.ts'

const SEED = 20_261_121
const RUNS = 5_000
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))

const uint8 = fc.nat(255)
const step = fc
  .tuple(fc.integer({ min: -65_535, max: 65_535 }), fc.integer({ min: -3, max: 3 }))
  .map(([dx, dy]) => ({ dx, dy }))
const steps = fc.array(step, { maxLength: 6 })
const sinceMs = fc.oneof(fc.nat(20), fc.nat(1e6))
const record = fc.oneof(
  fc.record({
    kind: fc.constant('key' as const),
    sinceMs,
    holdMs: fc.option(fc.nat(3e9), { nil: undefined }),
    class: fc.constantFrom(...KEY_CLASSES),
    field: fc.oneof(fc.nat(1), uint8),
  }),
  fc
    .tuple(step, fc.record({ kind: fc.constant('path' as const), sinceMs, steps }))
    .map(([at, one]) => ({ ...one, ...at })),
  fc
    .tuple(
      step,
      fc.record({
        kind: fc.constant('contact' as const),
        ...{ sinceMs, steps, pen: fc.boolean(), continued: fc.boolean(), size: uint8 },
        ...{ fingers: fc.integer({ min: 1, max: 10 }), pressure: uint8, restMs: fc.nat(49) },
      }),
    )
    .map(([at, one]) => ({ ...one, ...at })),
  fc
    .tuple(step, fc.constantFrom('press' as const, 'release' as const), fc.nat(7), sinceMs)
    .map(([at, kind, button, since]) => ({ kind, button, sinceMs: since, ...at })),
  fc
    .tuple(step, sinceMs)
    .map(([at, since]) => ({ kind: 'scroll' as const, sinceMs: since, ...at })),
  fc.record({
    kind: fc.constant('mark' as const),
    ...{ sinceMs, mark: fc.constantFrom(...MISSING_MARKS), field: uint8, amount: fc.nat(4e9) },
  }),
)
const batch: fc.Arbitrary<BehaviorBatch> = fc
  .record({
    ...{ fromMs: fc.nat(1e9), restMs: fc.nat(1e5), place: fc.nat(0xffff) },
    context: fc
      .tuple(fc.constantFrom(...DEVICE_CLASSES), fc.constantFrom(...KEYBOARD_LAYOUTS))
      .chain(([device, keyboard]) =>
        fc
          .tuple(fc.boolean(), fc.boolean())
          .map(([touch, portrait]) => ({ device, touch, portrait, keyboard })),
      ),
    records: fc.array(record, { maxLength: 40 }),
  })
  .map(({ fromMs, restMs, place, context, records }) => {
    let atMs = fromMs
    const timed = records.map(({ sinceMs: since, ...rest }) => {
      atMs += since
      return { ...rest, atMs }
    })
    return { fromMs, lastedMs: atMs - fromMs + restMs, context, place, records: timed }
  })

describe(`the body of a batch (seed ${SEED})`, () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(batch, (one) => {
        assert.deepEqual(readBehaviorBody(writeBehaviorBody(one)), { kind: 'read', batch: one })
      }),
      { seed: SEED, numRuns: RUNS },
    )
  })

  it('is written as it was read: no two forms of one batch, none cut short', () => {
    const spoilt = fc
      .tuple(batch, fc.nat(), fc.nat(3), fc.uint8Array({ maxLength: 3 }))
      .map(([one, where, gone, more]) => {
        const good = writeBehaviorBody(one)
        const at = where % (good.length + 1)
        return Uint8Array.of(...good.slice(0, at), ...more, ...good.slice(at + gone))
      })
    const seen = { read: 0, malformed: 0 }
    fc.assert(
      fc.property(fc.oneof(spoilt, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        const read = readBehaviorBody(bytes)
        seen[read.kind]++
        if (read.kind === 'read') assert.deepEqual(writeBehaviorBody(read.batch), bytes)
      }),
      { seed: SEED, numRuns: RUNS },
    )
    assert.ok(seen.read > 50 && seen.malformed > 500, JSON.stringify(seen))
    fc.assert(
      fc.property(batch, fc.nat(), (one, where) => {
        const bytes = writeBehaviorBody(one)
        assert.equal(readBehaviorBody(bytes.slice(0, where % bytes.length)).kind, 'malformed')
      }),
      { seed: SEED, numRuns: RUNS },
    )
  })
})

describe('readBehaviorBody()', () => {
  const HEAD = '00 8001 00 00'
  const cases: readonly (readonly [body: string, field: string])[] = [
    ['', 'fromMs'],
    ['ffffffff10', 'fromMs'],
    ['8000', 'fromMs'],
    ['00 01 03 00 00', 'context'],
    ['00 01 50 00 00', 'context'],
    ['00 01 00 808004 00', 'place'],
    [`${HEAD} 8120`, 'records'],
    [`${HEAD} 01 07`, 'kind'],
    [`${HEAD} 01 00 09 00`, 'class'],
    [`${HEAD} 01 00 20 00`, 'class'],
    [`${HEAD} 01 00 10 8002 00`, 'field'],
    [`${HEAD} 01 00 10 00 00`, 'field'],
    [`${HEAD} 01 8808 00 00`, 'time'],
    [`${HEAD} 01 01 feff07 00 01 ffff07 00`, 'distance'],
    [`${HEAD} 01 01 00 00 8002`, 'steps'],
    [`${HEAD} 01 02 04 01`, 'contact'],
    [`${HEAD} 01 02 00 00 00 00 00 00 00 00`, 'fingers'],
    [`${HEAD} 01 03 08`, 'button'],
    [`${HEAD} 01 06 0a 00 00`, 'mark'],
    [`${HEAD} 01 06 09 00 00 00`, 'end'],
  ]
  for (const [body, field] of cases) {
    it(`refuses ${body === '' ? 'nothing' : body}: ${field}`, () => {
      assert.deepEqual(readBehaviorBody(hex(body)), { kind: 'malformed', field })
    })
  }

  it('refuses what is too long', () => {
    const read = readBehaviorBody(new Uint8Array(BEHAVIOR_BYTES_MAX + 1))
    assert.deepEqual(read, { kind: 'malformed', field: 'length' })
  })
})

describe('writeBehaviorBody()', () => {
  const empty: BehaviorBatch = {
    ...{ fromMs: 0, lastedMs: 9, place: 0, records: [] },
    context: { device: 'desktop', touch: false, portrait: false, keyboard: 'unknown' },
  }
  it('throws when records are not in order, or times are none', () => {
    const at = (atMs: number) => ({ kind: 'scroll' as const, atMs, dx: 0, dy: 0 })
    for (const records of [[at(2), at(1)], [at(Number.NaN)], [at(0.5)]]) {
      assert.throws(() => writeBehaviorBody({ ...empty, records }), RangeError)
    }
    const many = Array.from({ length: 4097 }, () => at(0))
    assert.throws(() => writeBehaviorBody({ ...empty, records: many }), /4097 records/)
  })
})

describe('readBehaviorEnvelope()', () => {
  const token = new Uint8Array(16).fill(7)
  const good = { deflated: true, botOnly: false, page: 0xdeadbeef, sequence: 258, token }
  const written = writeBehaviorEnvelope({ ...good, body: Uint8Array.of(1, 2) })

  it('reads what was written', () => {
    const envelope = { ...good, body: Uint8Array.of(1, 2) }
    assert.deepEqual(readBehaviorEnvelope(written), { kind: 'read', envelope })
  })

  it('refuses what is cut short, too long, or of another form', () => {
    for (let length = 0; length <= written.length - 2; length++) {
      assert.equal(readBehaviorEnvelope(written.slice(0, length)).kind, 'malformed')
    }
    const changed = (at: number, value: number) => {
      const bytes = written.slice()
      bytes[at] = value
      return readBehaviorEnvelope(bytes)
    }
    assert.deepEqual(changed(0, 2), { kind: 'malformed', field: 'version' })
    assert.deepEqual(changed(1, 4), { kind: 'malformed', field: 'flags' })
    assert.deepEqual(changed(10, 15), { kind: 'malformed', field: 'token' })
    assert.deepEqual(changed(10, 65), { kind: 'malformed', field: 'token' })
    const long = readBehaviorEnvelope(new Uint8Array(BEHAVIOR_BYTES_MAX + 1))
    assert.deepEqual(long, { kind: 'malformed', field: 'length' })
    assert.throws(
      () => writeBehaviorEnvelope({ ...good, token: new Uint8Array(15), body: token }),
      /15 bytes/,
    )
  })

  it('never throws, and is written as it was read', () => {
    const some = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc
        .uint8Array({ maxLength: 40 })
        .map((rest) => Uint8Array.of(...written.slice(0, 11), ...rest)),
    )
    fc.assert(
      fc.property(some, (bytes) => {
        const read = readBehaviorEnvelope(bytes)
        if (read.kind === 'read') assert.deepEqual(writeBehaviorEnvelope(read.envelope), bytes)
      }),
      { seed: SEED, numRuns: RUNS },
    )
  })
})

describe('docs/wire/behavior-batch.md', () => {
  it('has a vector that is read as it says, and written so', () => {
    const page = readFileSync(
      join(import.meta.dirname, '../../docs/wire/behavior-batch.md'),
      'utf8',
    )
    const [bytes, json] = [
      ...(page.split('## Vector')[1] ?? '').matchAll(/```\w*\n([\s\S]*?)```/g),
    ].map(([, inner = '']) => inner)
    const read = readBehaviorEnvelope(hex(bytes ?? ''))
    if (read.kind !== 'read') assert.fail(read.field)
    const { token, body, ...rest } = read.envelope
    assert.deepEqual(writeBehaviorEnvelope(read.envelope), hex(bytes ?? ''))
    const inner = readBehaviorBody(body)
    if (inner.kind !== 'read') assert.fail(inner.field)
    const said = { ...rest, token: Buffer.from(token).toString('base64url'), batch: inner.batch }
    assert.deepEqual(JSON.parse(JSON.stringify(said)), JSON.parse(json ?? ''))
    assert.deepEqual(writeBehaviorBody(inner.batch), body)
  })
})
