import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  cutQueryToken,
  readProofParameters,
  readProofSignature,
  readQueryToken,
  writeProofParameters,
  writeQueryToken,
} from './session-proof.ts'

const SEED = 20_261_121
const RUNS = 5_000
const url = (min: number, max: number) =>
  fc.string({
    unit: fc.constantFrom(...'ABCxyz019-_'),
    minLength: min,
    maxLength: max,
  })
const ticket = fc.uint8Array({ minLength: 137, maxLength: 337 }).map((bytes) => Buffer.from(bytes))
const signature = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
const parameters = fc
  .record({ created: fc.integer({ min: 1e9, max: 9_999_999_999 }), nonce: url(11, 22) })
  .chain((one) => url(11, 11).map((keyId) => ({ ...one, keyId, coversDigest: false })))

/** The same form as regular expressions. */
const INPUT =
  /^lim=(\("@method" "@authority" "@path" "@query" "sessionkey"( "content-digest")?\);created=(\d{10});nonce="([A-Za-z0-9_-]{11,22})";keyid="([A-Za-z0-9_-]{11})";alg="hmac-sha256";tag="limen")$/
const SIGNATURE = /^lim=:([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=):$/

describe(`the fields of a proof (seed ${SEED})`, () => {
  const GOOD = writeProofParameters({
    ...{ created: 1_795_000_000, nonce: 'A'.repeat(16), keyId: 'b'.repeat(11), coversDigest: true },
  })
  /** Pieces of good fields, put together rightly or not, and spoilt in a place. */
  const spoilt = (good: string) =>
    fc
      .tuple(fc.nat(good.length), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }))
      .map(([at, gone, more]) => good.slice(0, at) + more + good.slice(at + gone))

  it('are read as the regular expressions read them', () => {
    const inputs = parameters.chain((one) =>
      fc.boolean().chain((coversDigest) => {
        const { raw } = writeProofParameters({ ...one, coversDigest })
        return fc.oneof(fc.constant(`lim=${raw}`), spoilt(`lim=${raw}`))
      }),
    )
    fc.assert(
      fc.property(inputs, (field) => {
        const match = INPUT.exec(field)
        const expected = match && {
          ...{ created: Number(match[3]), nonce: match[4], keyId: match[5] },
          ...{ coversDigest: match[2] !== undefined, raw: match[1] },
        }
        assert.deepEqual(readProofParameters(field), expected ?? undefined)
      }),
      { seed: SEED, numRuns: RUNS },
    )
    assert.deepEqual(readProofParameters(`lim=${GOOD.raw}`), GOOD)
    const signatures = signature.chain((mac) => {
      const field = `lim=:${mac.toString('base64')}:`
      return fc.oneof(fc.constant(field), spoilt(field))
    })
    fc.assert(
      fc.property(signatures, (field) => {
        assert.equal(readProofSignature(field), SIGNATURE.exec(field)?.[1])
      }),
      { seed: SEED, numRuns: RUNS },
    )
  })
})

describe(`the token of a WebSocket (seed ${SEED})`, () => {
  it('is read as it was written, behind any query', () => {
    fc.assert(
      fc.property(ticket, parameters, signature, url(0, 20), (sealed, plain, mac, query) => {
        const written = writeProofParameters(plain)
        const sessionKey = `:${sealed.toString('base64')}:`
        const token = writeQueryToken(sessionKey, written, mac.toString('base64'))
        const target = query === '' ? '/ws' : `/ws?${query}`
        const cut = cutQueryToken(`${target}${query === '' ? '?' : '&'}${token}`)
        assert.equal(cut?.target, target)
        assert.deepEqual(readQueryToken(cut?.token ?? ''), {
          sessionKey,
          parameters: written,
          signature: `lim=:${mac.toString('base64')}:`,
        })
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })

  it('is never found in garbage, and garbage never throws', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.constantFrom('limen=', '?', '&', '.', '/', '1795000000', 'A'.repeat(43), 'B'.repeat(11)),
    )
    const garbage = fc.array(piece, { maxLength: 16 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(garbage, (text) => {
        const cut = cutQueryToken(text)
        if (cut !== undefined) {
          assert.ok(text.startsWith(cut.target) && text.endsWith(`limen=${cut.token}`))
          assert.ok(!cut.token.includes('&'))
        }
        const read = readQueryToken(text)
        if (read === undefined) return
        assert.match(read.sessionKey, /^:[A-Za-z0-9+/]+=*:$/)
        assert.ok(readProofParameters(`lim=${read.parameters.raw}`) !== undefined)
        assert.ok(readProofSignature(read.signature) !== undefined)
      }),
      { seed: SEED, numRuns: RUNS },
    )
  })

  it('is none when one character of its form is another', () => {
    const good = `${'A'.repeat(200)}.1795000000.${'n'.repeat(16)}.${'k'.repeat(11)}.${'s'.repeat(42)}A`
    assert.ok(readQueryToken(good) !== undefined)
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.constantFrom(...' "%+/=:;\n\0é'), (at, char) => {
        assert.equal(readQueryToken(`${good.slice(0, at)}${char}${good.slice(at + 1)}`), undefined)
      }),
      { seed: SEED, numRuns: 2000 },
    )
    assert.equal(readQueryToken(good.repeat(1000)), undefined)
  })
})
