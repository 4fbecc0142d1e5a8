import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fromHex } from '../ground/hex.ts'
import { H264_NAL, type NalUnitsRead, readH264Payload } from './h264-payload.ts'
import { H265_NAL, readH265Payload } from './h265-payload.ts'

const SEED = 61_847_798
const { LIMEN_FUZZ_RUNS } = process.env
const RUNS = Number(LIMEN_FUZZ_RUNS ?? 20_000)
const hex = (text: string) => fromHex(text.replaceAll(' ', ''))
const units = (read: NalUnitsRead) =>
  read.kind === 'malformed'
    ? read.field
    : read.units.map(({ type, bytes, isFirst, isLast }) => [type, bytes.length, isFirst, isLast])

describe('readH264Payload()', () => {
  it('reads one NAL unit, several, and pieces', () => {
    const { sps, pps, idr } = H264_NAL
    assert.deepEqual(units(readH264Payload(hex('65 8884'))), [[idr, 3, true, true]])
    assert.deepEqual(units(readH264Payload(hex('78 0003 67640a 0002 68ee'))), [
      [sps, 3, true, true],
      [pps, 2, true, true],
    ])
    assert.deepEqual(units(readH264Payload(hex('7c 85 8884'))), [[idr, 2, true, false]])
    assert.deepEqual(units(readH264Payload(hex('7c 05 8884'))), [[idr, 2, false, false]])
    assert.deepEqual(units(readH264Payload(hex('7c 45 88'))), [[idr, 1, false, true]])
  })

  it('says what is wrong', () => {
    const cases: readonly (readonly [payload: string, field: string])[] = [
      ['', 'header'],
      ['e5', 'header'],
      ['60', 'type'],
      ['7d 0000', 'type'],
      ['78', 'aggregate'],
      ['78 0004 67640a', 'aggregate'],
      ['78 0000', 'aggregate'],
      ['78 0002 7c85', 'aggregate'],
      ['7c c5 88', 'fragment'],
      ['7c 85', 'fragment'],
      ['7c a5 88', 'fragment'],
      ['7c 9c 88', 'fragment'],
    ]
    for (const [payload, field] of cases) assert.equal(units(readH264Payload(hex(payload))), field)
  })
})

describe('readH265Payload()', () => {
  it('reads one NAL unit, several, and pieces', () => {
    const { vps, sps, pps } = H265_NAL
    assert.deepEqual(units(readH265Payload(hex('2601 af'))), [[19, 3, true, true]])
    assert.deepEqual(units(readH265Payload(hex('6001 0003 40010c 0002 4201 0002 4401'))), [
      [vps, 3, true, true],
      [sps, 2, true, true],
      [pps, 2, true, true],
    ])
    assert.deepEqual(units(readH265Payload(hex('6201 93 af06'))), [[19, 2, true, false]])
    assert.deepEqual(units(readH265Payload(hex('6201 53 af06'))), [[19, 2, false, true]])
  })

  it('says what is wrong', () => {
    const cases: readonly (readonly [payload: string, field: string])[] = [
      ['26', 'header'],
      ['a601', 'header'],
      ['2600', 'header'],
      ['6401', 'type'],
      ['6001', 'aggregate'],
      ['6001 0002 4001', 'aggregate'],
      ['6001 0002 4001 0003 4401', 'aggregate'],
      ['6001 0002 4001 0002 6201', 'aggregate'],
      ['6201 d3 af', 'fragment'],
      ['6201 93', 'fragment'],
      ['6201 b1 af', 'fragment'],
    ]
    for (const [payload, field] of cases) assert.equal(units(readH265Payload(hex(payload))), field)
  })
})

describe('both', () => {
  it('never throw, and give no octet twice', () => {
    const seeds = [
      '78 0003 67640a 0002 68ee',
      '7c 85 8884',
      '6001 0003 40010c 0002 4201',
      '6201 93 af06',
    ]
    const seen = { read: 0, malformed: 0 }
    const spoilt = fc
      .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }))
      .map(([text, changes]) => {
        const bytes = hex(text)
        for (const [where, octet] of changes) bytes[where % bytes.length] = octet
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(spoilt, fc.uint8Array({ maxLength: 40 })), (payload) => {
        for (const read of [readH264Payload(payload), readH265Payload(payload)]) {
          seen[read.kind]++
          if (read.kind === 'malformed') continue
          const sum = read.units.reduce((octets, { bytes }) => octets + bytes.length, 0)
          assert.ok(read.units.length > 0 && sum <= payload.length)
        }
      }),
      { seed: SEED, numRuns: RUNS },
    )
    assert.ok(seen.read > RUNS / 5 && seen.malformed > RUNS / 5, JSON.stringify(seen))
  })
})
