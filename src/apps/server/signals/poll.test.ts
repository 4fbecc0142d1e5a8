import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readPollAnswer } from './poll.ts'

const SEED = 20261121
const answered = (body: string, status = 200) => ({
  ...{ kind: 'answered' as const, status, type: 'application/json', body: Buffer.from(body) },
})

describe('readPollAnswer()', () => {
  it('reads tokens by their ids (RFC 8936, section 2.3)', () => {
    assert.deepEqual(readPollAnswer(answered('{"sets":{"4d35":"a.b.c"},"moreAvailable":true}')), {
      sets: { '4d35': 'a.b.c' },
    })
    assert.deepEqual(readPollAnswer(answered('{}')), { sets: {} })
  })

  it('says why it is none', () => {
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [i, 'a.b.c']))
    const no = 'its answer is not as it must be'
    assert.equal(readPollAnswer({ kind: 'silent', why: 'ECONNREFUSED' }), 'ECONNREFUSED')
    assert.equal(readPollAnswer(answered('{}', 401)), 'answered 401')
    assert.equal(readPollAnswer(answered('{')), 'its answer is no JSON')
    assert.equal(readPollAnswer(answered('{"sets":[]}')), no)
    assert.equal(readPollAnswer(answered('{"sets":{"a":1}}')), no)
    assert.equal(readPollAnswer(answered('{"sets":{"":"a.b.c"}}')), no)
    assert.equal(readPollAnswer(answered(JSON.stringify({ sets: many }))), no)
  })

  it(`never throws (seed ${SEED})`, () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((sets) => JSON.stringify({ sets })),
    )
    fc.assert(
      fc.property(text, (one) => {
        const read = readPollAnswer(answered(one))
        if (typeof read === 'string') return
        assert.ok(Object.values(read.sets).every((token) => typeof token === 'string'))
      }),
      { seed: SEED, numRuns: 1000 },
    )
  })
})
