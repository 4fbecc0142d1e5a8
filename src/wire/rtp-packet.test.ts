import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RtpPacket as TheirPacket } from 'werift'
import { fromHex } from '../ground/hex.ts'
import { readRtcp } from './rtcp-packet.ts'
import { isRtcp, readRtpExtensions, readRtpPacket, rtpHeaderBytes } from './rtp-packet.ts'

const SEED = 35_500_711
const { LIMEN_FUZZ_RUNS } = process.env
const RUNS = Number(LIMEN_FUZZ_RUNS ?? 20_000)
const hex = (text: string) => fromHex(text.replaceAll(' ', ''))
const FIXED = '1234 00000bb8 deadbeef'

function read(text: string) {
  const outcome = readRtpPacket(hex(text))
  return outcome.kind === 'read' ? outcome.packet : outcome.field
}

describe('readRtpPacket()', () => {
  it('reads a packet with everything', () => {
    const packet = read(`b2 e0 ${FIXED} 00000001 00000002 bede 0001 10aa 00 00 c0ffee 0003`)
    assert.deepEqual(packet, {
      ...{ marker: true, payloadType: 96, sequence: 0x1234, timestamp: 3000, ssrc: 0xdeadbeef },
      ...{ csrcs: [1, 2], extension: { profile: 0xbede, data: hex('10aa0000') } },
      ...{ payload: hex('c0ff'), paddingBytes: 3 },
    })
  })

  it('says which field is wrong', () => {
    const cases: readonly (readonly [packet: string, field: string])[] = [
      ['', 'version'],
      [`00 60 ${FIXED}`, 'version'],
      [`80 60 1234 00000bb8 deadbe`, 'header'],
      [`81 60 ${FIXED}`, 'header'],
      [`90 60 ${FIXED} bede`, 'header'],
      [`90 60 ${FIXED} bede 0001 00`, 'header'],
      [`80 c8 ${FIXED}`, 'payloadType'],
      [`a0 60 ${FIXED} 00`, 'padding'],
      [`a0 60 ${FIXED} 02`, 'padding'],
      [`80 60 ${FIXED} ${'00'.repeat(65_507)}`, 'size'],
    ]
    for (const [packet, field] of cases) assert.equal(read(packet), field, packet.slice(0, 60))
  })

  it('reads what werift writes', () => {
    const packet = fc.record({
      marker: fc.boolean(),
      payloadType: fc.integer({ min: 0, max: 63 }),
      sequenceNumber: fc.nat(65_535),
      timestamp: fc.nat(0xffff_ffff),
      ssrc: fc.nat(0xffff_ffff),
      csrc: fc.array(fc.nat(0xffff_ffff), { maxLength: 15 }),
      payload: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    })
    fc.assert(
      fc.property(packet, ({ payload, csrc, ...head }) => {
        const header = { ...head, version: 2, csrcLength: csrc.length, csrc }
        const theirs = TheirPacket.deSerialize(writeFixed(header, payload))
        const bytes = theirs.serialize()
        const outcome = readRtpPacket(bytes)
        assert.ok(outcome.kind === 'read')
        const { packet: ours } = outcome
        assert.equal(ours.marker, theirs.header.marker)
        assert.equal(ours.payloadType, theirs.header.payloadType)
        assert.equal(ours.sequence, theirs.header.sequenceNumber)
        assert.equal(ours.timestamp, theirs.header.timestamp)
        assert.equal(ours.ssrc, theirs.header.ssrc)
        assert.deepEqual(ours.csrcs, csrc)
        assert.deepEqual(Buffer.from(ours.payload), Buffer.from(payload))
      }),
      { seed: SEED, numRuns: 500 },
    )
  })

  it('never throws, and what it reads adds up', () => {
    const seed = hex(`b2 e0 ${FIXED} 00000001 00000002 bede 0001 10aa 00 00 c0ffee 0003`)
    const seen = { read: 0, malformed: 0 }
    const spoilt = fc
      .tuple(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), fc.nat())
      .map(([changes, cut]) => {
        const bytes = seed.slice(0, cut % 4 === 0 ? cut % seed.length : seed.length)
        for (const [where, octet] of changes)
          if (bytes.length > 0) bytes[where % bytes.length] = octet
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(spoilt, fc.uint8Array({ maxLength: 80 })), (bytes) => {
        const outcome = readRtpPacket(bytes)
        seen[outcome.kind]++
        if (outcome.kind === 'malformed') return
        const { payload, paddingBytes, extension } = outcome.packet
        const size = rtpHeaderBytes(bytes, bytes.length)
        assert.equal(size + payload.length + paddingBytes, bytes.length)
        assert.equal(isRtcp(bytes), false)
        if (extension !== undefined) readRtpExtensions(extension)
      }),
      { seed: SEED, numRuns: RUNS },
    )
    assert.ok(seen.read > RUNS / 20 && seen.malformed > RUNS / 20, JSON.stringify(seen))
  })
})

/** A header without extension, by hand: werift's own writer leaves CSRCs to who fills them in. */
function writeFixed(
  header: {
    readonly marker: boolean
    readonly payloadType: number
    readonly sequenceNumber: number
    readonly timestamp: number
    readonly ssrc: number
    readonly csrc: readonly number[]
  },
  payload: Uint8Array,
): Buffer {
  const { csrc } = header
  const bytes = Buffer.alloc(12 + 4 * csrc.length)
  bytes[0] = 0x80 | csrc.length
  bytes[1] = (header.marker ? 128 : 0) | header.payloadType
  bytes.writeUInt16BE(header.sequenceNumber, 2)
  bytes.writeUInt32BE(header.timestamp, 4)
  bytes.writeUInt32BE(header.ssrc, 8)
  for (const [i, one] of csrc.entries()) bytes.writeUInt32BE(one, 12 + 4 * i)
  return Buffer.concat([bytes, payload])
}

describe('readRtpExtensions()', () => {
  it('reads the short and the long form of RFC 8285', () => {
    const short = readRtpExtensions({ profile: 0xbede, data: hex('10aa 00 32 010203 f0 99') })
    assert.deepEqual(
      [...(short ?? [])],
      [
        [1, hex('aa')],
        [3, hex('010203')],
      ],
    )
    const long = readRtpExtensions({ profile: 0x1003, data: hex('11 00 00 22 02 0102') })
    assert.deepEqual(
      [...(long ?? [])],
      [
        [0x11, hex('')],
        [0x22, hex('0102')],
      ],
    )
  })

  it('reads no other profile, and no element that is cut short', () => {
    assert.equal(readRtpExtensions({ profile: 0x1234, data: hex('10aa') }), undefined)
    assert.equal(readRtpExtensions({ profile: 0xbede, data: hex('13aa') }), undefined)
    assert.equal(readRtpExtensions({ profile: 0xbede, data: hex('03aaaaaaaa') }), undefined)
    assert.equal(readRtpExtensions({ profile: 0x1000, data: hex('05') }), undefined)
    assert.equal(readRtpExtensions({ profile: 0x1000, data: hex('0502aa') }), undefined)
  })
})

describe('readRtcp()', () => {
  const REPORT = `80 c8 0006 00000007 ${'0102030405060708'} 00000bb8 0000002a 0000e930`
  const BYE = '81 cb 0001 00000007'
  it('reads a report and who leaves', () => {
    assert.deepEqual(readRtcp(hex(`${REPORT} ${BYE}`)), {
      kind: 'read',
      compound: {
        ssrc: 7,
        reports: [
          {
            ...{ ssrc: 7, ntpTime: 0x0102030405060708n, rtpTimestamp: 3000 },
            ...{ packets: 42, octets: 0xe930 },
          },
        ],
        leaving: [7],
      },
    })
  })

  it('says which field is wrong', () => {
    const cases: readonly (readonly [packet: string, field: string])[] = [
      ['80c8', 'size'],
      [`81 ca 0001 00000007`, 'type'],
      ['80 c9 0000 00000007', 'type'],
      [REPORT.replace('80', '40'), 'version'],
      [REPORT.replace('0006', '0007'), 'length'],
      [REPORT.replace('0006', '0001').slice(0, 19), 'report'],
      [`${REPORT} 82 cb 0001 00000007`, 'bye'],
      [`${REPORT} a1 cb 0001 00000007`, 'padding'],
      [`${REPORT.replace('80', 'a0')} ${BYE}`, 'padding'],
      [`${REPORT} 8100`, 'length'],
    ]
    for (const [packet, field] of cases) {
      assert.deepEqual(readRtcp(hex(packet)), { kind: 'malformed', field }, packet)
    }
    const padded = readRtcp(hex(`${REPORT} a1 cb 0002 00000007 00000004`))
    assert.equal(padded.kind, 'read')
  })

  it('never throws', () => {
    const seed = hex(`${REPORT} ${BYE}`)
    const seen = { read: 0, malformed: 0 }
    const changes = fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 2 })
    fc.assert(
      fc.property(changes, fc.nat(seed.length), (edits, length) => {
        const bytes = seed.slice(0, length % 3 === 0 ? length : seed.length)
        for (const [at, octet] of edits) if (at < bytes.length) bytes[at] = octet
        seen[readRtcp(bytes).kind]++
      }),
      { seed: SEED, numRuns: RUNS },
    )
    assert.ok(seen.read > RUNS / 20 && seen.malformed > RUNS / 20, JSON.stringify(seen))
  })
})
