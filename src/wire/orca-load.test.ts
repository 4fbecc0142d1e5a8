import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  ORCA_CHARS_MAX,
  ORCA_METRICS_MAX,
  type OrcaLoad,
  readOrcaLoad,
  UTILIZATION_MAX,
} from './orca-load.ts'

/** `LIMEN_FUZZ_RUNS=1000000` for the long run. */
const { LIMEN_FUZZ_RUNS } = process.env
const RUNS = Number(LIMEN_FUZZ_RUNS ?? 20_000)
const SEED = 50_231_977

/** What all vectors below say. */
const SAID: OrcaLoad = {
  ...{ cpu: 0.7, application: 0.8, memory: 0.9, requestsPerSecond: 1000, errorsPerSecond: 2 },
  utilization: [{ name: 'disk', value: 0.5 }],
  named: [
    { name: 'foo', value: 123 },
    { name: 'bar', value: 0.2 },
  ],
}
const PAIRS =
  'cpu_utilization=0.7, application_utilization=0.8, mem_utilization=0.9, rps_fractional=1000, eps=2, ' +
  'utilization.disk=0.5, named_metrics.foo=123, named_metrics.bar=0.2'
const JSON_TEXT =
  '{"cpu_utilization": 0.7, "application_utilization": 0.8, "mem_utilization": 0.9, "rps_fractional": 1000, ' +
  '"eps": 2, "utilization": {"disk": 0.5}, "named_metrics": {"foo": 123, "bar": 0.2}}'
/** By hand from the protobuf encoding: a tag, then a double or a length and an entry. */
const MESSAGE = [
  '09 666666666666e63f', // 1: 0.7
  '11 cdccccccccccec3f', // 2: 0.9
  '18 e807', // 3, the old rps: a varint, passed over
  '2a 0f 0a04 6469736b 11 000000000000e03f', // 5: disk, 0.5
  '31 0000000000408f40', // 6: 1000
  '39 0000000000000040', // 7: 2
  '42 0e 0a03 666f6f 11 0000000000c05e40', // 8: foo, 123
  '42 0e 0a03 626172 11 9a9999999999c93f', // 8: bar, 0.2
  '49 9a9999999999e93f', // 9: 0.8
]
const bytesOf = (...hex: readonly string[]) => Buffer.from(hex.join('').replaceAll(' ', ''), 'hex')
const binary = (...hex: readonly string[]) => bytesOf(...hex).toString('base64')

describe('readOrcaLoad()', () => {
  it('reads pairs, with and without the name of the format, and with colons as Envoy wrote them first', () => {
    assert.deepEqual(readOrcaLoad(`TEXT ${PAIRS}`, false), SAID)
    assert.deepEqual(readOrcaLoad(PAIRS, false), SAID)
    assert.deepEqual(
      readOrcaLoad(`TEXT ${PAIRS.replaceAll('=', ':').replaceAll(' ', '')}`, false),
      SAID,
    )
  })

  it('reads JSON', () => {
    assert.deepEqual(readOrcaLoad(`JSON ${JSON_TEXT}`, false), SAID)
  })

  it('reads the protobuf, in a field of its own or behind BIN, padded or not', () => {
    const text = binary(...MESSAGE)
    assert.deepEqual(readOrcaLoad(text, true), SAID)
    assert.deepEqual(readOrcaLoad(`BIN ${text}`, false), SAID)
    const padded = binary('09 666666666666e63f 10 01')
    assert.ok(padded.length % 4 === 0)
    const short = binary(MESSAGE[0] ?? '', MESSAGE[4] ?? '', '18 01')
    assert.deepEqual(readOrcaLoad(short, true), readOrcaLoad(short.replace(/=+$/, ''), true))
  })

  it('passes over what it does not know, in each format', () => {
    const known = { cpu: 0.5, utilization: [], named: [] }
    assert.deepEqual(readOrcaLoad('TEXT cpu_utilization=0.5,later=7', false), known)
    assert.deepEqual(readOrcaLoad('JSON {"cpu_utilization":0.5,"later":{"a":[1]}}', false), known)
    const later = ['22 03 616263', '65 00000000', 'f801 01']
    assert.deepEqual(readOrcaLoad(binary('09 000000000000e03f', ...later), true), known)
  })

  it('clamps shares: memory to 1, CPU and the application, which may exceed limits of their own, to 10', () => {
    const text =
      'TEXT cpu_utilization=1e9,application_utilization=1.5,mem_utilization=7,utilization.x=2,eps=1e9'
    const read = readOrcaLoad(text, false)
    assert.deepEqual(
      [
        read?.cpu,
        read?.application,
        read?.memory,
        read?.utilization[0]?.value,
        read?.errorsPerSecond,
      ],
      [UTILIZATION_MAX, 1.5, 1, 1, 1e9],
    )
  })

  it('a number that is none, or less than nothing, and there is no report at all', () => {
    for (const value of ['NaN', 'inf', '-1', '-0.1', '1e999', '0x1', '', '"0.7"', '1 2', '１']) {
      assert.equal(readOrcaLoad(`TEXT eps=1,cpu_utilization=${value}`, false), undefined, value)
    }
    for (const value of ['null', '"0.7"', '-1', '1e999', '[1]', 'NaN']) {
      assert.equal(
        readOrcaLoad(`JSON {"eps":1,"cpu_utilization":${value}}`, false),
        undefined,
        value,
      )
    }
    const doubles = {
      nan: '000000000000f87f',
      infinity: '000000000000f07f',
      minus: '000000000000f0bf',
    }
    for (const [name, double] of Object.entries(doubles)) {
      assert.equal(readOrcaLoad(binary(`09 ${double}`), true), undefined, name)
      assert.equal(readOrcaLoad(binary(`42 0c 0a01 61 11 ${double}`), true), undefined, name)
    }
  })

  it('refuses doubles, odd names, other shapes and what says nothing', () => {
    const texts = [
      '',
      'TEXT ',
      'TEXT cpu_utilization',
      'TEXT =1',
      'TEXT eps=1,,eps=2',
      'TEXT eps=1,eps=2',
      'TEXT named_metrics.=1',
      'TEXT named_metrics.a=1,named_metrics.a=1',
      'TEXT named_metrics.a b=1',
      'TEXT later=1',
      'XML <a/>',
      'JSON ',
      'JSON [1]',
      'JSON null',
      'JSON {"named_metrics":[1]}',
      'JSON {"named_metrics":{"":1}}',
      'JSON {"cpu_utilization":0.5',
      'BIN !',
      'BIN CQ',
    ]
    for (const text of texts) assert.equal(readOrcaLoad(text, false), undefined, text)
  })

  it('refuses octets that are no message', () => {
    const messages = [
      '09 66666666', // cut off
      '0b', // a group
      '07 00', // field 0
      '08 01', // a double that is a varint
      '42 ff01 00', // longer than there is
      '42 05 0a03 6162', // an entry cut off
      '42 0b 0a00 11 0000000000000000', // without a name
      '42 0c 0a01 ff 11 0000000000000000', // a name beyond ASCII
      '18 ffffffffffffffffffff01', // a varint without end
    ]
    for (const message of messages) {
      assert.equal(readOrcaLoad(binary('09 000000000000e03f', message), true), undefined, message)
    }
    // Base64 with bits behind its last octet, in the other alphabet, with padding in the middle.
    for (const text of ['CR', 'CQAAAAAAAAAA4D8_', 'CQ==AAAA']) {
      assert.equal(readOrcaLoad(text, true), undefined, text)
    }
  })

  it('has limits: of characters, of metrics, of names', () => {
    const metrics = (count: number) =>
      `TEXT ${Array.from({ length: count }, (_, i) => `named_metrics.m${i}=1`).join(',')}`
    assert.equal(readOrcaLoad(metrics(ORCA_METRICS_MAX), false)?.named.length, ORCA_METRICS_MAX)
    assert.equal(readOrcaLoad(metrics(ORCA_METRICS_MAX + 1), false), undefined)
    const entries = Array.from(
      { length: ORCA_METRICS_MAX + 1 },
      (_, i) => `42 0d 0a02 61${(i < 26 ? 65 + i : 71 + i).toString(16)} 11 0000000000000000`,
    )
    assert.equal(readOrcaLoad(binary(...entries.slice(1)), true)?.named.length, ORCA_METRICS_MAX)
    assert.equal(readOrcaLoad(binary(...entries), true), undefined)
    const spaced = `TEXT eps=1${' '.repeat(ORCA_CHARS_MAX)}`
    assert.equal(readOrcaLoad(spaced, false), undefined)
    assert.equal(readOrcaLoad(`TEXT named_metrics.${'n'.repeat(65)}=1`, false), undefined)
    const own = 'JSON {"named_metrics":{"__proto__":1,"constructor":2}}'
    assert.deepEqual(
      readOrcaLoad(own, false)?.named.map(({ name }) => name),
      ['__proto__', 'constructor'],
    )
  })
})

describe('readOrcaLoad(), fuzzed', () => {
  const holds = (value: string, isBinary: boolean): void => {
    const load = readOrcaLoad(value, isBinary)
    if (load === undefined) return
    const { utilization, named, ...scalars } = load
    assert.ok(utilization.length + named.length <= ORCA_METRICS_MAX)
    assert.ok(Object.keys(scalars).length + utilization.length + named.length > 0)
    const all = [
      ...Object.values(scalars),
      ...[...utilization, ...named].map(({ value: of }) => of),
    ]
    for (const one of all) assert.ok(Number.isFinite(one) && one >= 0, value)
    assert.ok((load.cpu ?? 0) <= UTILIZATION_MAX && (load.memory ?? 0) <= 1)
  }
  const telling = fc.constantFrom(...'=:,.{}[]"0159eE+-_aNI \t\u00ff')

  it('never throws, and gives measures within their limits, whatever text comes', () => {
    const seeds = fc.constantFrom(
      `TEXT ${PAIRS}`,
      `JSON ${JSON_TEXT}`,
      PAIRS,
      `BIN ${binary(...MESSAGE)}`,
    )
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(3), telling), { maxLength: 4 })
    fc.assert(
      fc.property(seeds, edits, (seed, changes) => {
        let text = seed
        for (const [where, cut, put] of changes) {
          const at = where % text.length
          text = `${text.slice(0, at)}${put}${text.slice(at + cut)}`
        }
        holds(text, false)
      }),
      { numRuns: RUNS, seed: SEED },
    )
  })

  it('nor whatever octets', () => {
    const message = bytesOf(...MESSAGE)
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 })
    fc.assert(
      fc.property(edits, fc.nat(message.length), (changes, length) => {
        const bytes = Buffer.from(message)
        for (const [where, octet] of changes) bytes[where % bytes.length] = octet
        holds(bytes.subarray(0, length).toString('base64'), true)
      }),
      { numRuns: RUNS, seed: SEED },
    )
  })

  it('reads back what was written as pairs and as JSON', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,20}$/)
    const value = fc.double({ min: 0, max: 1, noNaN: true }).map((one) => one + 0)
    const map = fc.dictionary(name, value, { maxKeys: 8, noNullPrototype: true })
    fc.assert(
      fc.property(value, map, (cpu, named) => {
        const pairs = Object.entries(named).map(([key, one]) => `named_metrics.${key}=${one}`)
        const inPairs = readOrcaLoad(
          `TEXT ${[`cpu_utilization=${cpu}`, ...pairs].join(',')}`,
          false,
        )
        const json = JSON.stringify({ cpu_utilization: cpu, named_metrics: named })
        assert.deepEqual(inPairs, readOrcaLoad(`JSON ${json}`, false))
        assert.equal(inPairs?.cpu, cpu)
      }),
      { numRuns: RUNS / 10, seed: SEED },
    )
  })
})
