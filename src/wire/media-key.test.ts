import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { writeKeyTlvs } from './key-message.ts'
import { type MediaKeyAnswer, readMediaKeyAnswer, writeMediaKeyAnswer } from './media-key-answer.ts'
import {
  MEDIA_KEY_TYPE,
  type MediaKeyOrder,
  readMediaKeyMessage,
  readMediaKeyOrder,
  writeMediaKeyHead,
  writeMediaKeyOrder,
} from './media-key-message.ts'

const SEED = 11_589_100
const { LIMEN_FUZZ_RUNS } = process.env
const RUNS = Number(LIMEN_FUZZ_RUNS ?? 20_000)
const INSTALL: MediaKeyOrder = {
  ...{ kind: 'install', epoch: 0xdeadbeef, notAfter: 1_795_000_000_000, device: 'camera-7' },
  ...{ key: new Uint8Array(16).fill(1), salt: new Uint8Array(12).fill(2) },
}
const message = (tail = 96) =>
  Uint8Array.of(
    ...writeMediaKeyHead(1, 7n, 1_795_000_000_000, new Uint8Array(32).fill(9)),
    ...new Uint8Array(tail).fill(5),
  )

describe('readMediaKeyMessage()', () => {
  it('reads what was written', () => {
    const read = readMediaKeyMessage(message())
    if (read.kind === 'refused') assert.fail(read.code)
    const { type, sequence, time, head, enc, sealed, signed, signature } = read.message
    assert.deepEqual([type, sequence, time], [1, 7n, 1_795_000_000_000])
    assert.deepEqual(enc, new Uint8Array(32).fill(9))
    const lengths = [head, sealed, signed, signature].map(({ length }) => length)
    assert.deepEqual(lengths, [56, 32, 88, 64])
  })

  it('refuses what is none, and other versions', () => {
    const changed = (at: number, octet: number) => {
      const bytes = message()
      bytes[at] = octet
      const read = readMediaKeyMessage(bytes)
      return read.kind === 'refused' ? read.code : 'read'
    }
    assert.equal(changed(4, 4), 'read')
    assert.equal(changed(0, 0), 'malformed')
    assert.equal(changed(4, 0), 'malformed')
    assert.equal(changed(4, 5), 'malformed')
    assert.equal(changed(5, 2), 'version')
    assert.equal(changed(7, 1), 'malformed')
    assert.equal(readMediaKeyMessage(message(79)).kind, 'refused')
    assert.equal(readMediaKeyMessage(message(512)).kind, 'refused')
  })

  it('never throws', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 })
    fc.assert(
      fc.property(edits, fc.integer({ min: 0, max: 600 }), (changes, length) => {
        const bytes = message().slice(0, length)
        for (const [where, octet] of changes)
          if (bytes.length > 0) bytes[where % bytes.length] = octet
        const read = readMediaKeyMessage(bytes)
        if (read.kind === 'refused') return
        const { head, sealed, signature } = read.message
        assert.equal(head.length + sealed.length + signature.length, bytes.length)
      }),
      { seed: SEED, numRuns: RUNS },
    )
  })
})

describe('readMediaKeyOrder()', () => {
  it('reads what was written', () => {
    for (const kind of ['activate', 'retire', 'panic'] as const) {
      const order = { kind, epoch: 3 }
      assert.deepEqual(readMediaKeyOrder(MEDIA_KEY_TYPE[kind], writeMediaKeyOrder(order)), order)
    }
    assert.deepEqual(readMediaKeyOrder(1, writeMediaKeyOrder(INSTALL)), INSTALL)
  })

  it('refuses what is missing, too long or beside it', () => {
    const bytes = writeMediaKeyOrder(INSTALL)
    for (let length = 0; length < bytes.length; length++) {
      const read = readMediaKeyOrder(1, bytes.slice(0, length))
      assert.equal(read, undefined, `${length}`)
    }
    assert.equal(readMediaKeyOrder(2, bytes), undefined)
    const tlvs = (device: string, until: readonly number[]) =>
      writeKeyTlvs(
        new Map([
          [0x8001, new Uint8Array(4)],
          [0x8002, new Uint8Array(16)],
          [0x8003, new Uint8Array(12)],
          [0x8004, Uint8Array.from(until)],
          [0x8005, Uint8Array.from(device, (char) => char.charCodeAt(0))],
        ]),
      )
    const day = [0, 0, 0, 0, 0, 0, 0, 1]
    assert.notEqual(readMediaKeyOrder(1, tlvs('a', day)), undefined)
    for (const name of ['', 'a/b', '#', '+', 'a b', 'x'.repeat(65)]) {
      assert.equal(readMediaKeyOrder(1, tlvs(name, day)), undefined, name)
    }
    assert.equal(
      readMediaKeyOrder(
        1,
        tlvs(
          'a',
          day.map(() => 255),
        ),
      ),
      undefined,
    )
    assert.throws(
      () => writeMediaKeyOrder({ ...INSTALL, device: 'a/b' } as MediaKeyOrder),
      RangeError,
    )
    assert.throws(
      () => writeMediaKeyOrder({ ...INSTALL, key: new Uint8Array(32) } as MediaKeyOrder),
      RangeError,
    )
  })

  it('never throws, and is written as it was read', () => {
    const good = writeMediaKeyOrder(INSTALL)
    const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 2 })
    const seen = { read: 0, refused: 0 }
    fc.assert(
      fc.property(edits, fc.constantFrom(1, 2, 3, 4), (changes, type) => {
        const bytes = type === 1 ? good.slice() : good.slice(0, 8)
        for (const [at, octet] of changes) if (at < bytes.length) bytes[at] = octet
        const order = readMediaKeyOrder(type as 1, bytes)
        seen[order === undefined ? 'refused' : 'read']++
        if (order !== undefined) assert.deepEqual(writeMediaKeyOrder(order), bytes)
      }),
      { seed: SEED, numRuns: RUNS },
    )
    assert.ok(seen.read > 1000 && seen.refused > 1000, JSON.stringify(seen))
  })
})

describe('readMediaKeyAnswer()', () => {
  const answers: readonly MediaKeyAnswer[] = [
    {
      ...{ kind: 'ack', sequence: 2n ** 64n - 1n, epoch: 2 ** 32 - 1, state: 'seen' },
      mac: new Uint8Array(32).fill(0xab),
    },
    { kind: 'nack', sequence: 0n, code: 'stale' },
    { kind: 'hello', boot: 'AAAAAAAAAAAAAAAAAAAA_-' },
  ]
  it('reads what was written', () => {
    for (const answer of answers) {
      const bytes = writeMediaKeyAnswer(answer)
      assert.deepEqual(readMediaKeyAnswer(bytes), answer)
      assert.equal(typeof JSON.parse(Buffer.from(bytes).toString()), 'object')
    }
  })

  it('refuses any other form of the same', () => {
    const texts = [
      '',
      '{}',
      '{"v":1,"seq":"18446744073709551616","err":"stale","versions":[1]}',
      '{"v":1,"seq":"01","err":"stale","versions":[1]}',
      '{"v":1,"seq":"1","err":"other","versions":[1]}',
      '{"v":1, "seq":"1","err":"stale","versions":[1]}',
      `{"v":1,"seq":"1","epoch":4294967296,"st":"active","mac":"${'ab'.repeat(32)}"}`,
      `{"v":1,"seq":"1","epoch":1,"st":"active","mac":"${'AB'.repeat(32)}"}`,
      `{"v":1,"seq":"1","epoch":1,"st":"active","mac":"${'ab'.repeat(31)}"}`,
      `{"v":1,"boot":"${'A'.repeat(23)}","versions":[1]}`,
      `{"v":1,"boot":"${'A'.repeat(22)}","versions":[1]}\n`,
    ]
    for (const text of texts) assert.equal(readMediaKeyAnswer(Buffer.from(text)), undefined, text)
  })

  it('never throws, and what it reads is written so', () => {
    const spoilt = fc
      .tuple(
        fc.constantFrom(...answers),
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(...Buffer.from('0129afAZ"{},:[] \n'))), {
          maxLength: 2,
        }),
      )
      .map(([answer, changes]) => {
        const bytes = writeMediaKeyAnswer(answer)
        for (const [where, octet] of changes) bytes[where % bytes.length] = octet
        return bytes
      })
    const seen = { read: 0, refused: 0 }
    fc.assert(
      fc.property(fc.oneof(spoilt, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        const answer = readMediaKeyAnswer(bytes)
        seen[answer === undefined ? 'refused' : 'read']++
        if (answer !== undefined)
          assert.deepEqual(writeMediaKeyAnswer(answer), Uint8Array.from(bytes))
      }),
      { seed: SEED, numRuns: RUNS },
    )
    assert.ok(seen.read > 500 && seen.refused > 500, JSON.stringify(seen))
  })
})
