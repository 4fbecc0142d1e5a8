import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { type FeedLine, readFeedLine, writeFeedLine } from './feed-lines.ts'

const SEED = 20261121
const name = fc.stringMatching(/^[\w-]{22}$/)
const seconds = fc.integer({ min: 0, max: 2 ** 31 })
const seq = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const generation = seconds
const line: fc.Arbitrary<FeedLine> = fc.oneof(
  fc.record({ kind: fc.constant('begin' as const), anew: fc.boolean() }),
  fc.record({ kind: fc.constant('keys' as const) }),
  fc.record({
    ...{ kind: fc.constant('checkpoint' as const), seq, from: seq },
    chain: fc.stringMatching(/^[\w-]{43}$/),
    signature: fc.stringMatching(/^[\w-]{86}$/),
  }),
  fc.record({
    ...{ kind: fc.constant('revoke' as const), seq },
    ...{ session: name, generation, until: seconds },
  }),
  fc.record({
    ...{ kind: fc.constant('supersede' as const), seq },
    ...{ session: name, generation, after: seconds, until: seconds },
  }),
)

it(`readFeedLine() reads what was written (seed ${SEED})`, () => {
  fc.assert(
    fc.property(line, (one) => assert.deepEqual(readFeedLine(writeFeedLine(one)), { ...one })),
    { seed: SEED },
  )
})

it(`readFeedLine() takes nothing else, and never throws (seed ${SEED})`, () => {
  const changed = fc.tuple(line, fc.string(), fc.jsonValue()).map(([one, key, value]) => ({
    ...one,
    [`x${key}`]: value,
  }))
  const any = fc.oneof(
    fc.string(),
    fc.json(),
    changed.map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(any, (text) => assert.equal(readFeedLine(text), undefined)),
    { seed: SEED, numRuns: 1000 },
  )
  const long = JSON.stringify({ kind: 'checkpoint', seq: 1 }) + ' '.repeat(5000)
  assert.equal(readFeedLine(long), undefined)
})
