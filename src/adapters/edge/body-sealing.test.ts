import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isSealed, openedCodings, sealedLines, sealedTrailer } from './body-sealing.ts'

const SEED = 20_261_121
const CODED = { isCoded: true, isEmpty: false }

describe('isSealed()', () => {
  it('wants aes128gcm as the last coding', () => {
    for (const value of ['aes128gcm', 'gzip, aes128gcm', 'gzip,AES128GCM , ']) {
      assert.ok(isSealed(value), value)
    }
    for (const value of ['', ',', 'gzip', 'aes128gcm, gzip', 'xaes128gcm', 'aes128gcm;q=1']) {
      assert.ok(!isSealed(value), value)
    }
  })
})

it('octet 0xA0 is a part of a value, not space (RFC 9110 section 5.5)', () => {
  assert.ok(!isSealed('aes128gcm\xa0'))
  assert.equal(openedCodings('br\xa0, aes128gcm'), 'Content-Encoding: br\xa0\r\n')
  assert.deepEqual(sealedLines(['ETag: "a"\xa0 ', 'Content-Encoding: br\xa0 '], CODED), [
    ...['ETag: W/"a"\xa0', 'Content-Encoding: br\xa0, aes128gcm', 'Cache-Control: no-store'],
  ])
})

describe('openedCodings()', () => {
  it('leaves the codings in front', () => {
    assert.equal(openedCodings('aes128gcm'), '')
    assert.equal(openedCodings('br , gzip,aes128gcm'), 'Content-Encoding: br, gzip\r\n')
  })

  it('takes back what sealedLines() adds', () => {
    const coding = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
    fc.assert(
      fc.property(fc.array(coding, { maxLength: 4 }), (codings) => {
        const came = codings.map((each) => `Content-Encoding: ${each}`)
        const [line = ''] = sealedLines(came, CODED).filter((each) => each.startsWith('Content-E'))
        const value = line.slice(line.indexOf(':') + 1)
        assert.ok(isSealed(value))
        const kept = codings.length === 0 ? '' : `Content-Encoding: ${codings.join(', ')}\r\n`
        assert.equal(openedCodings(value), kept)
      }),
      { seed: SEED },
    )
  })
})

describe('sealedLines()', () => {
  it('drops what was true of the plain body only', () => {
    const came = [
      ...[
        'Content-Length: 5',
        'content-digest: x',
        'Repr-Digest: x',
        'Digest: x',
        'ACCEPT-RANGES: bytes',
      ],
      ...['Content-MD5: x', 'Cache-Control: max-age=1', 'Transfer-Encoding: chunked', 'X-Kept: 1'],
    ]
    const lines = sealedLines(came, CODED)
    assert.deepEqual(lines, ['X-Kept: 1', 'Content-Encoding: aes128gcm', 'Cache-Control: no-store'])
  })

  it('weakens a strong ETag and leaves a weak one', () => {
    const [strong, weak] = sealedLines(['ETag: "a"', 'etag: W/"b"'], CODED)
    assert.deepEqual([strong, weak], ['ETag: W/"a"', 'etag: W/"b"'])
  })

  it('lets an empty answer say that it is', () => {
    const lines = sealedLines(['Content-Length: 0'], { isCoded: false, isEmpty: true })
    assert.deepEqual(lines, ['Content-Length: 0', 'Cache-Control: no-store'])
  })

  it(`never throws, and says one coding (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 80 })), (came) => {
        const lines = sealedLines(came, CODED)
        const codings = lines.filter((line) => /^content-encoding:/i.test(line))
        assert.equal(codings.length, 1)
        assert.ok(isSealed(codings[0]?.slice(17) ?? ''))
      }),
      { seed: SEED, numRuns: 2_000 },
    )
  })
})

it('sealedTrailer() drops digests', () => {
  assert.equal(sealedTrailer('X-Sum: 1\r\nContent-Digest: x\r\ndigest: y\r\n'), 'X-Sum: 1\r\n')
})
