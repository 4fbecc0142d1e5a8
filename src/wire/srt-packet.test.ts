import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readSrtHandshake } from './srt-handshake.ts'
import { readSrtKeyMaterial } from './srt-key-material.ts'
import { readSrtPacket, type SrtPacket, writeSrtShutdown } from './srt-packet.ts'

const SEED = 11_589_100
const { LIMEN_FUZZ_RUNS } = process.env
const RUNS = Number(LIMEN_FUZZ_RUNS ?? 20_000)
/** Of ffmpeg 5.1 with libsrt 1.5.1 at both ends, over loopback. */
const CAPTURED: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../../test/fixtures/srt-packets.json', import.meta.url), 'utf8'),
)
const octets = (name: string) => Uint8Array.from(Buffer.from(CAPTURED[name] ?? '', 'hex'))
const [CALLER, LISTENER] = [0x605dd2, 0x2b3ae7f7]

function packetOf(bytes: Uint8Array): SrtPacket {
  const read = readSrtPacket(bytes)
  return read.kind === 'read' ? read.packet : assert.fail(read.field)
}

function bodyOf(name: string): Uint8Array {
  const packet = packetOf(octets(name))
  return packet.kind === 'control' ? packet.body : assert.fail(name)
}

function fieldOf(bytes: Uint8Array): string {
  const read = readSrtPacket(bytes)
  return read.kind === 'read' ? 'read' : read.field
}

function changed(name: string, at: number, octet: number): Uint8Array {
  const bytes = octets(name)
  bytes[at] = octet
  return bytes
}

describe('readSrtPacket()', () => {
  it('reads data under either key', () => {
    const even = packetOf(octets('evenData'))
    assert.deepEqual(even, {
      ...{ kind: 'data', sequence: even.kind === 'data' ? even.sequence : -1, position: 3 },
      ...{ inOrder: true, keyBits: 1, isRetransmitted: false, target: LISTENER, bytes: 188 },
      ...{ message: even.kind === 'data' ? even.message : -1, timestamp: even.timestamp },
    })
    const odd = packetOf(octets('oddData'))
    if (even.kind !== 'data' || odd.kind !== 'data') assert.fail('no data')
    assert.equal(odd.keyBits, 2)
    assert.ok(odd.timestamp > even.timestamp)
    // In live mode a message is a packet: both numbers grow alike.
    assert.equal(odd.message - even.message, odd.sequence - even.sequence)
  })

  it('reads the bit of what is sent again', () => {
    const packet = packetOf(changed('evenData', 4, (octets('evenData')[4] ?? 0) | 4))
    assert.equal(packet.kind === 'data' && packet.isRetransmitted, true)
  })

  it('reads control packets by their types', () => {
    const seen = ['induction', 'keyRequest', 'keyAnswer', 'ack', 'ackAck', 'shutdown'].map(
      (name) => {
        const packet = packetOf(octets(name))
        return packet.kind === 'control' ? [packet.type, packet.subtype, packet.target] : []
      },
    )
    assert.deepEqual(seen, [
      ['handshake', 0, 0],
      ['user', 3, LISTENER],
      ['user', 4, CALLER],
      ['ack', 0, CALLER],
      ['ackAck', 0, LISTENER],
      ['shutdown', 0, LISTENER],
    ])
  })

  it('says what is wrong', () => {
    assert.equal(fieldOf(new Uint8Array(15)), 'size')
    assert.equal(fieldOf(new Uint8Array(1473)), 'size')
    assert.equal(fieldOf(octets('evenData').slice(0, 16)), 'payload')
    assert.equal(fieldOf(changed('evenData', 4, 0xf8)), 'keyBits')
    assert.equal(fieldOf(changed('ack', 1, 9)), 'type')
    assert.equal(fieldOf(changed('ack', 3, 1)), 'subtype')
    assert.equal(fieldOf(changed('keyRequest', 3, 9)), 'subtype')
    assert.equal(fieldOf(octets('ack').slice(0, 43)), 'body')
    assert.equal(fieldOf(octets('induction').slice(0, 60)), 'body')
  })
})

describe('readSrtHandshake()', () => {
  it('reads induction and conclusion, both ways', () => {
    const [first, second] = ['induction', 'inductionAnswer'].map((name) =>
      readSrtHandshake(bodyOf(name)),
    )
    assert.deepEqual([first?.version, first?.phase, first?.socket], [4, 'induction', CALLER])
    assert.deepEqual([second?.version, second?.phase, second?.cookie], [5, 'induction', 0x21a7dc03])
    const third = readSrtHandshake(bodyOf('conclusion'))
    assert.deepEqual(third?.hello, {
      ...{ isRequest: true, version: 0x010501, flags: 0xbf },
      ...{ receiverDelayMs: 120, senderDelayMs: 0 },
    })
    const { sequence, packetBytesMax, windowPackets, keyBytes, extensions } = third
    assert.deepEqual([sequence, packetBytesMax, windowPackets], [0x17851397, 1500, 8192])
    assert.deepEqual([keyBytes, extensions], [16, [1, 3]])
    const fourth = readSrtHandshake(bodyOf('conclusionAnswer'))
    assert.deepEqual([fourth?.phase, fourth?.socket], ['conclusion', LISTENER])
    assert.equal(fourth?.hello?.isRequest, false)
    assert.deepEqual(fourth?.keyMaterial, third.keyMaterial)
  })

  it('refuses other versions, phases, lengths and extensions twice', () => {
    const is = (at: number, octet: number, name = 'conclusion') => {
      const body = Uint8Array.from(bodyOf(name))
      body[at] = octet
      return readSrtHandshake(body) !== undefined
    }
    assert.equal(is(3, 5), true)
    assert.equal(is(3, 6), false)
    assert.equal(is(5, 1), false)
    assert.equal(is(20, 0), false)
    assert.equal(is(49, 9), false)
    assert.equal(is(51, 2), false)
    assert.equal(is(65, 1), false)
    assert.equal(is(67, 99), false)
    assert.equal(readSrtHandshake(Uint8Array.of(...bodyOf('induction'), 0, 0, 0, 0)), undefined)
  })

  it('reads why there is no connection', () => {
    const body = Uint8Array.from(bodyOf('inductionAnswer'))
    body.set([0, 0, 0x03, 0xea], 20)
    assert.equal(readSrtHandshake(body)?.phase, 'refusal')
  })
})

describe('readSrtKeyMaterial()', () => {
  it('reads one key of a handshake, and two when keys change', () => {
    const material = readSrtHandshake(bodyOf('conclusion'))?.keyMaterial ?? assert.fail()
    const one = readSrtKeyMaterial(material)
    assert.deepEqual([one?.keys, one?.keyBytes, one?.wrapped.length], [1, 16, 24])
    const two = readSrtKeyMaterial(bodyOf('keyRequest'))
    assert.deepEqual([two?.keys, two?.keyBytes, two?.wrapped.length], [3, 16, 40])
    assert.deepEqual(two?.salt, one?.salt)
  })

  it('refuses what is none', () => {
    const is = (at: number, octet: number) => {
      const body = Uint8Array.from(bodyOf('keyRequest'))
      body[at] = octet
      return readSrtKeyMaterial(body) !== undefined
    }
    assert.equal(is(0, 0x12), true)
    for (const [at, octet] of [
      ...[[0, 0x22] as const, [1, 0] as const, [3, 0] as const, [3, 1] as const, [7, 1] as const],
      ...[[8, 1] as const, [9, 1] as const, [10, 1] as const, [14, 2] as const, [15, 5] as const],
    ]) {
      assert.equal(is(at, octet), false, `${at}`)
    }
    assert.equal(readSrtKeyMaterial(Uint8Array.of(0, 0, 0, 3)), undefined)
  })
})

describe('fuzz', () => {
  it('readers never throw, and what they read is within its limits', () => {
    const names = Object.keys(CAPTURED).filter((name) => name !== 'passphrase')
    const edits = fc.array(fc.tuple(fc.nat(1500), fc.nat(255)), { maxLength: 4 })
    fc.assert(
      fc.property(fc.constantFrom(...names), edits, fc.nat(1500), (name, changes, cut) => {
        const bytes = octets(name).slice(0, Math.max(cut, 0))
        for (const [at, octet] of changes) if (at < bytes.length) bytes[at] = octet
        const read = readSrtPacket(bytes)
        if (read.kind === 'malformed') return
        const { packet } = read
        if (packet.kind === 'data') {
          assert.ok(packet.sequence < 2 ** 31 && packet.message < 2 ** 26 && packet.bytes > 0)
          return
        }
        const handshake = readSrtHandshake(packet.body)
        if (handshake !== undefined) assert.ok(handshake.extensions.length <= 8)
        const material = readSrtKeyMaterial(handshake?.keyMaterial ?? packet.body)
        if (material !== undefined) assert.equal(material.salt.length, 16)
      }),
      { seed: SEED, numRuns: RUNS },
    )
  })
})

describe('writeSrtShutdown()', () => {
  it('writes what libsrt does, but for the time', () => {
    const captured = octets('shutdown')
    captured.fill(0, 8, 12)
    assert.deepEqual(writeSrtShutdown(LISTENER), captured)
  })
})
