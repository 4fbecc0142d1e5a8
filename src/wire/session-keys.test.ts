import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KEM, readKeyConfig, sealKeyConfig, writeKeyConfig } from './key-config.ts'
import {
  CLIENT_TLV,
  KEY_MESSAGE_BYTES_MAX,
  MESSAGE_TYPE,
  readClientInit,
  readKeyMessage,
  readKeyTlvs,
  SUITE,
  writeKeyHeader,
  writeKeyTlvs,
} from './key-message.ts'
import {
  proofBase,
  readProofParameters,
  readProofSignature,
  writeProofParameters,
} from './session-proof.ts'
import {
  readSealedTicket,
  readTicketContents,
  TICKET_BYTES_MAX,
  type TicketContents,
  ticketAad,
  writeTicketContents,
} from './session-ticket.ts'

const SEED = 20261121
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const u16 = fc.integer({ min: 0, max: 0xffff })

/** Anything, and whole things with a few bytes changed, cut or added. */
const damaged = (whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc
      .tuple(
        whole,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
        fc.nat(),
        fc.uint8Array({ maxLength: 9 }),
      )
      .map(([base, changes, cut, added]) => {
        const copy = new Uint8Array([
          ...base.subarray(0, cut % 3 === 0 ? cut % (base.length + 1) : base.length),
          ...added,
        ])
        for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value
        return copy
      }),
  )

describe('readKeyMessage()', () => {
  const suites = fc.constantFrom(...Object.values(SUITE))
  const types = fc.constantFrom(...Object.values(MESSAGE_TYPE))
  const message = fc
    .tuple(types, u16, suites, fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ maxLength: 70 }))
    .map(([type, keyId, suite, field, sealed]) => ({
      type,
      keyId,
      suite,
      field,
      sealed,
      whole: new Uint8Array([...writeKeyHeader(type, keyId, suite, field), ...sealed]),
    }))

  it('reads what writeKeyHeader() wrote', () => {
    fc.assert(
      fc.property(message, ({ type, keyId, suite, field, sealed, whole }) => {
        const read = readKeyMessage(whole)
        assert.ok(read.kind === 'read')
        assert.deepEqual(
          { ...read.message, header: undefined },
          { type, keyId, suite, field, sealed, header: undefined },
        )
        assert.deepEqual(read.message.header, writeKeyHeader(type, keyId, suite, field))
      }),
      { seed: SEED },
    )
  })

  it('names what is wrong', () => {
    const good = writeKeyHeader(MESSAGE_TYPE.init, 1, SUITE.x25519, new Uint8Array(32))
    const wrong = (at: number, value: number) => {
      const copy = good.slice()
      copy[at] = value
      return readKeyMessage(copy)
    }
    assert.deepEqual(wrong(0, 0), { kind: 'malformed', field: 'magic' })
    assert.deepEqual(wrong(4, 9), { kind: 'malformed', field: 'type' })
    assert.deepEqual(wrong(5, 1), { kind: 'malformed', field: 'reserved' })
    assert.deepEqual(wrong(9, 7), { kind: 'malformed', field: 'suite' })
    assert.deepEqual(wrong(10, 255), { kind: 'malformed', field: 'field' })
    assert.deepEqual(readKeyMessage(good.subarray(0, 11)), { kind: 'malformed', field: 'header' })
    const large = new Uint8Array(KEY_MESSAGE_BYTES_MAX + 1)
    assert.deepEqual(readKeyMessage(large), { kind: 'malformed', field: 'size' })
  })

  it('takes anything without an exception', () => {
    fc.assert(
      fc.property(damaged(message.map(({ whole }) => whole)), (any) => {
        const read = readKeyMessage(any)
        if (read.kind === 'read') {
          assert.equal(read.message.header.length + read.message.sealed.length, any.length)
        }
      }),
      { seed: SEED, numRuns: 5000 },
    )
  })
})

describe('readKeyTlvs()', () => {
  const tlvs = fc
    .array(fc.tuple(u16, fc.uint8Array({ maxLength: 40 })), { maxLength: 8 })
    .map((list) => new Map(list))

  it('reads what writeKeyTlvs() wrote', () => {
    fc.assert(
      fc.property(tlvs, (map) => {
        const read = readKeyTlvs(writeKeyTlvs(map), new Set(map.keys()))
        assert.deepEqual(new Map([...(read ?? [])].sort()), new Map([...map].sort()))
      }),
      { seed: SEED },
    )
  })

  it('skips what is unknown, unless it is critical', () => {
    const bytes = writeKeyTlvs(new Map([[0x0777, Uint8Array.of(1)]]))
    assert.equal(readKeyTlvs(bytes, new Set())?.size, 1)
    const critical = writeKeyTlvs(new Map([[0x8777, Uint8Array.of(1)]]))
    assert.equal(readKeyTlvs(critical, new Set()), undefined)
  })

  it('refuses disorder, repetition and what is cut off', () => {
    assert.equal(readKeyTlvs(Uint8Array.of(0, 2, 0, 0, 0, 1, 0, 0), new Set()), undefined)
    assert.equal(readKeyTlvs(Uint8Array.of(0, 1, 0, 0, 0, 1, 0, 0), new Set()), undefined)
    assert.equal(readKeyTlvs(Uint8Array.of(0, 1, 0, 2, 9), new Set()), undefined)
    assert.equal(readKeyTlvs(Uint8Array.of(0, 1, 0), new Set()), undefined)
  })
})

describe('readClientInit()', () => {
  const good = new Map<number, Uint8Array>([
    [CLIENT_TLV.capabilities, Uint8Array.of(0, 0, 0, 3)],
    [CLIENT_TLV.share, new Uint8Array(32).fill(1)],
    [CLIENT_TLV.deviceKey, new Uint8Array(65).fill(2)],
    [CLIENT_TLV.time, Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 5)],
    [CLIENT_TLV.deviceSignature, new Uint8Array(64).fill(3)],
  ])
  const fieldOf = (
    change: readonly [number, Uint8Array | undefined],
    suite = SUITE.x25519 as 1,
  ) => {
    const map = new Map(good)
    const [type, value] = change
    if (value === undefined) map.delete(type)
    else map.set(type, value)
    const read = readClientInit(writeKeyTlvs(map), suite)
    return read.kind === 'read' ? 'read' : read.field
  }

  it('reads a whole one, and what of it is signed', () => {
    const read = readClientInit(writeKeyTlvs(good), SUITE.x25519)
    assert.ok(read.kind === 'read')
    assert.equal(read.init.time, 2 ** 40 + 5)
    assert.equal(read.init.capabilities, 3)
    const unsigned = new Map(good)
    unsigned.delete(CLIENT_TLV.deviceSignature)
    assert.deepEqual(read.init.signed, writeKeyTlvs(unsigned))
  })

  it('names the field that is wrong', () => {
    assert.equal(fieldOf([CLIENT_TLV.share, new Uint8Array(31)]), 'share')
    assert.equal(fieldOf([CLIENT_TLV.mlKemKey, new Uint8Array(1184)]), 'mlKemKey')
    assert.equal(fieldOf([CLIENT_TLV.deviceKey, undefined]), 'deviceKey')
    assert.equal(fieldOf([CLIENT_TLV.deviceSignature, undefined]), 'deviceSignature')
    assert.equal(fieldOf([CLIENT_TLV.auth, new Uint8Array(1025)]), 'auth')
    assert.equal(fieldOf([CLIENT_TLV.time, new Uint8Array(4)]), 'time')
    assert.equal(fieldOf([CLIENT_TLV.previous, new Uint8Array(51)]), 'previous')
    assert.equal(fieldOf([CLIENT_TLV.channelBinding, new Uint8Array(16)]), 'channelBinding')
    assert.equal(fieldOf([CLIENT_TLV.capabilities, new Uint8Array(3)]), 'capabilities')
    assert.equal(fieldOf([0x8abc, new Uint8Array(1)]), 'tlv')
    assert.equal(fieldOf([0x0abc, new Uint8Array(1)]), 'read')
  })

  it('takes anything without an exception', () => {
    fc.assert(
      fc.property(
        damaged(fc.constant(writeKeyTlvs(good))),
        fc.constantFrom(...Object.values(SUITE)),
        (any, suite) => {
          readClientInit(any, suite)
        },
      ),
      { seed: SEED, numRuns: 5000 },
    )
  })
})

describe('session tickets', () => {
  const contents: fc.Arbitrary<TicketContents> = fc.record({
    flags: fc.nat(255),
    suite: u16,
    epoch: u32,
    generation: u32,
    notBefore: u32,
    rotateAfter: u32,
    expires: u32,
    sessionId: bytes(16),
    requestKey: bytes(32),
    bodyKey: bytes(32),
    policy: u16,
    subject: fc.option(bytes(16), { nil: undefined }),
    backend: fc.option(u32, { nil: undefined }),
    softBinding: fc.option(bytes(16), { nil: undefined }),
    deviceKey: bytes(32),
    tier: fc.nat(3),
  })

  it('are read as they were written', () => {
    fc.assert(
      fc.property(contents, (ticket) => {
        assert.deepEqual(readTicketContents(writeTicketContents(ticket)), { ...ticket })
      }),
      { seed: SEED },
    )
  })

  it('have their parts where the table says', () => {
    fc.assert(
      fc.property(contents, u32, bytes(12), bytes(16), (ticket, stekId, nonce, tag) => {
        const ciphertext = writeTicketContents(ticket)
        const aad = ticketAad(stekId)
        const sealed = readSealedTicket(new Uint8Array([...aad, ...nonce, ...ciphertext, ...tag]))
        assert.deepEqual(sealed, { stekId, nonce, ciphertext, tag, aad })
        assert.ok(aad.length + nonce.length + ciphertext.length + tag.length <= TICKET_BYTES_MAX)
      }),
      { seed: SEED },
    )
  })

  it('are refused when damaged, never with an exception', () => {
    fc.assert(
      fc.property(damaged(contents.map(writeTicketContents)), (any) => {
        readTicketContents(any)
        readSealedTicket(any)
      }),
      { seed: SEED, numRuns: 5000 },
    )
  })
})

describe('proofs', () => {
  const NONCE = 'AAAAAAAAAAAAAAAA'
  const PARAMETERS = {
    created: 1_795_000_000,
    nonce: NONCE,
    keyId: 'abcdefghijk',
    coversDigest: false,
  }

  it('are read as they were written', () => {
    for (const coversDigest of [false, true]) {
      const written = writeProofParameters({ ...PARAMETERS, coversDigest })
      assert.deepEqual(readProofParameters(`lim=${written.raw}`), written)
    }
  })

  it('are of one form only', () => {
    const { raw } = writeProofParameters(PARAMETERS)
    const good = `lim=${raw}`
    for (const bad of [
      ` ${good}`,
      `${good} `,
      good.replace('lim=', 'sig='),
      good.replace('"@method" ', ''),
      good.replace('"@path" "@query"', '"@query" "@path"'),
      good.replace('hmac-sha256', 'ed25519'),
      good.replace('created=1795000000', 'created=01795000000'),
      good.replace(NONCE, 'short'),
      good.replace(NONCE, `${NONCE}"\n`),
      `${good}, other=("@method")`,
    ]) {
      assert.equal(readProofParameters(bad), undefined, bad)
    }
    assert.throws(() => writeProofParameters({ ...PARAMETERS, nonce: 'a b' }), RangeError)
  })

  it('sign the lines of RFC 9421, in order', () => {
    const parameters = writeProofParameters({ ...PARAMETERS, coversDigest: true })
    const request = {
      method: 'POST',
      authority: 'shop.test',
      path: '/cart',
      query: '?item=1',
      sessionKey: ':AQ==:',
      contentDigest: 'sha-256=:AA==:',
    }
    assert.equal(
      proofBase(request, parameters),
      [
        '"@method": POST',
        '"@authority": shop.test',
        '"@path": /cart',
        '"@query": ?item=1',
        '"sessionkey": :AQ==:',
        '"content-digest": sha-256=:AA==:',
        `"@signature-params": ${parameters.raw}`,
      ].join('\n'),
    )
  })

  it('have signatures of 32 bytes in canonical base64', () => {
    fc.assert(
      fc.property(bytes(32), (mac) => {
        const base64 = Buffer.from(mac).toString('base64')
        assert.equal(readProofSignature(`lim=:${base64}:`), base64)
      }),
      { seed: SEED },
    )
    const base64 = Buffer.alloc(32).toString('base64')
    assert.equal(readProofSignature(`lim=:${base64.slice(0, -2)}B=:`), undefined)
    assert.equal(readProofSignature(`lim=:${base64}`), undefined)
  })
})

describe('readKeyConfig()', () => {
  const key = {
    keyId: 7,
    kem: KEM.x25519,
    notBefore: 1_795_000_000,
    expires: 1_796_000_000,
    suites: [SUITE.x25519, SUITE.p256],
    publicKey: new Uint8Array(32).fill(9),
  }
  const xWing = {
    ...key,
    keyId: 8,
    kem: KEM.xWing,
    suites: [SUITE.x25519MlKem768],
    publicKey: new Uint8Array(1216),
  }

  it('reads what was written, and what the signature is over', () => {
    const signed = writeKeyConfig([xWing, key])
    const signature = new Uint8Array(64).fill(5)
    assert.deepEqual(readKeyConfig(sealKeyConfig(signed, signature)), {
      keys: [xWing, key],
      signed,
      signature,
    })
    assert.throws(() => writeKeyConfig([]), RangeError)
  })

  it('leaves out a key of a KEM that is not known', () => {
    const signed = writeKeyConfig([xWing, key])
    // Behind the type and length of the TLV and the key's id.
    new DataView(signed.buffer, signed.byteOffset).setUint16(6, 0xfe01)
    const read = readKeyConfig(sealKeyConfig(signed, new Uint8Array(64)))
    assert.deepEqual(read?.keys, [key])
    const alone = writeKeyConfig([key])
    new DataView(alone.buffer, alone.byteOffset).setUint16(6, 0xfe01)
    assert.equal(readKeyConfig(sealKeyConfig(alone, new Uint8Array(64))), undefined)
  })

  it('takes anything without an exception', () => {
    const whole = sealKeyConfig(writeKeyConfig([key]), new Uint8Array(64))
    fc.assert(
      fc.property(damaged(fc.constant(whole)), (any) => {
        readKeyConfig(any)
      }),
      { seed: SEED, numRuns: 5000 },
    )
  })
})
