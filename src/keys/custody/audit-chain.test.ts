import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  AUDIT_LINE_MAX,
  type AuditEntry,
  CHAIN_START,
  readAuditLine,
  writeAuditLine,
} from './audit-chain.ts'
import {
  type AuditCheckpoint,
  checkpointBytes,
  readCheckpoint,
  writeCheckpoint,
} from './audit-checkpoint.ts'

const SEED = 6
const text = fc.string({ maxLength: 60, unit: 'binary' })
const whole = fc.maxSafeNat()
const entries: fc.Arbitrary<AuditEntry> = fc
  .record({
    ...{ n: whole.map((n) => Math.max(1, n)), at: whole, caller: text, key: text },
    ...{ operation: text, result: text },
  })
  .chain((entry) =>
    fc
      .option(
        fc.dictionary(fc.string({ maxLength: 10 }), fc.oneof(text, fc.boolean(), fc.integer()), {
          maxKeys: 5,
        }),
        { nil: undefined },
      )
      .map((detail) => (detail === undefined ? entry : { ...entry, detail })),
  )
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const checkpoints: fc.Arbitrary<AuditCheckpoint> = fc.record({
  ...{ node: bytes(16), hash: bytes(32), publicKey: bytes(32), signature: bytes(64) },
  ...{ at: whole, count: whole.map((n) => Math.max(1, n)) },
})
/** A few characters of a line changed, cut or added. */
const damaged = (line: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      line,
      fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'0a"{}:, \\\u00fc\u0000')), { maxLength: 3 }),
      fc.nat(3),
    )
    .map(([good, changes, cut]) => {
      const chars = [...good]
      for (const [at, char] of changes) chars[at % chars.length] = char
      return chars.slice(0, chars.length - cut).join('')
    })

describe('writeAuditLine()', () => {
  it('is as documented, by OpenSSL', () => {
    const entry: AuditEntry = {
      ...{ n: 1, at: 1790000000000, caller: 'edge/e1', key: 'kü"', operation: 'sign' },
      ...{ result: 'done', detail: { b: 2, a: true } },
    }
    const json =
      '{"at":1790000000000,"caller":"edge/e1","detail":{"a":true,"b":2},"key":"k\\u00fc\\"","n":1,"operation":"sign","result":"done"}'
    const start = createHash('sha256').update('limen/lcu/1 audit\0').digest()
    const hash = createHash('sha256').update(start).update(json).digest()
    const { line } = writeAuditLine(entry, CHAIN_START)
    assert.equal(line, `${json.slice(0, -1)},"hash":"${hash.toString('hex')}"}`)
    assert.equal(JSON.parse(line).key, 'kü"')
  })

  it('is read again as it was, in printable ASCII', () => {
    fc.assert(
      fc.property(entries, bytes(32), (entry, previous) => {
        const { line, hash } = writeAuditLine(entry, previous)
        assert.match(line, /^[ -~]+$/)
        const read = readAuditLine(line)
        assert.deepEqual(JSON.parse(JSON.stringify(read?.entry)), JSON.parse(JSON.stringify(entry)))
        assert.deepEqual([read?.hash, read?.hashAfter(previous)], [hash, hash])
      }),
      { seed: SEED },
    )
  })

  it('refuses what nobody could read', () => {
    const entry = { n: 1, at: 0, caller: '', key: '', operation: '', result: '' }
    const bad: readonly AuditEntry[] = [
      { ...entry, key: 'x'.repeat(AUDIT_LINE_MAX) },
      { ...entry, n: 0 },
      { ...entry, at: 0.5 },
      { ...entry, detail: { x: 0.5 } },
    ]
    for (const one of bad) assert.throws(() => writeAuditLine(one, CHAIN_START), RangeError)
  })
})

describe('readAuditLine()', () => {
  it('takes nothing but what is written, never throws, and a changed line has another hash', () => {
    const lines = fc
      .tuple(entries, bytes(32))
      .map(([entry, previous]) => writeAuditLine(entry, previous))
    fc.assert(
      fc.property(
        lines.chain((made) => damaged(fc.constant(made.line)).map((line) => ({ made, line }))),
        ({ made, line }) => {
          const read = readAuditLine(line)
          if (read === undefined || line === made.line) return
          assert.equal(writeAuditLine(read.entry, CHAIN_START).line.length, line.length)
        },
      ),
      { seed: SEED, numRuns: 2000 },
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (line) => {
        assert.equal(readAuditLine(line), undefined)
      }),
      { seed: SEED },
    )
    const { line } = writeAuditLine(
      { n: 1, at: 0, caller: 'a', key: '', operation: '', result: '' },
      CHAIN_START,
    )
    const others = [
      ` ${line}`,
      `${line}\n`,
      line.replace('"at":0', '"at":-0'),
      line.replace('"at":0', '"at":0.0'),
      line.replace('"at":0,', '"at":0,"at":0,'),
      line.replace('"at":0,', '"at":0, '),
      line.replace('"at":0,"caller":"a"', '"caller":"a","at":0'),
      line.replace('"a"', '"\\u0061"'),
      line.replace('"a"', '1'),
      line.replace('"n":1', '"n":0'),
      line.replace('"at":0,', '"at":0,"bt":0,'),
      line.toUpperCase(),
    ]
    for (const other of others) assert.equal(readAuditLine(other), undefined, other)
  })
})

describe('checkpoints', () => {
  it('are signed over label, node, numbers and hash', () => {
    const parts = { node: new Uint8Array(16).fill(1), count: 2 ** 40 + 3, at: 5 }
    const signed = Buffer.from(checkpointBytes({ ...parts, hash: new Uint8Array(32).fill(2) }))
    const label = Buffer.from('limen/lcu/1 audit checkpoint\0')
    const numbers = Buffer.from('00000100000000030000000000000005', 'hex')
    const node = Buffer.alloc(16, 1)
    assert.deepEqual(signed, Buffer.concat([label, node, numbers, Buffer.alloc(32, 2)]))
  })

  it('are read as they were written, and nothing else is', () => {
    fc.assert(
      fc.property(checkpoints, (one) => {
        assert.deepEqual(readCheckpoint(writeCheckpoint(one)), { ...one })
      }),
      { seed: SEED },
    )
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json(), damaged(checkpoints.map(writeCheckpoint))),
        (line) => {
          const read = readCheckpoint(line)
          if (read !== undefined) assert.equal(writeCheckpoint(read), line)
        },
      ),
      { seed: SEED, numRuns: 2000 },
    )
  })
})
