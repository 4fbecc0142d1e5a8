import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { BatchTokens } from './batch-tokens.ts'

describe('BatchTokens', () => {
  let now = 1_795_000_000_000
  const tokens = new BatchTokens({ now: () => now }, systemRandom())
  const bytes = (token: string) => Buffer.from(token, 'base64url')

  it('are good once, for their session', () => {
    const token = bytes(tokens.issue('one'))
    assert.equal(tokens.spend(token, 'two'), 'unknown')
    assert.equal(tokens.spend(token, 'one'), undefined)
    assert.equal(tokens.spend(token, 'one'), 'spent')
  })

  it('are not good when any bit is another, or some are missing', () => {
    const token = bytes(tokens.issue('one'))
    for (let bit = 0; bit < token.length * 8; bit++) {
      const changed = Buffer.from(token)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.equal(tokens.spend(changed, 'one'), 'unknown')
    }
    assert.equal(tokens.spend(token.subarray(1), 'one'), 'unknown')
    assert.equal(tokens.spend(Buffer.alloc(0), 'one'), 'unknown')
    assert.equal(tokens.spend(token, 'one'), undefined)
  })

  it('are good for a quarter of an hour, and in the process that made them', () => {
    const token = bytes(tokens.issue('one'))
    assert.equal(new BatchTokens({ now: () => now }, systemRandom()).spend(token, 'one'), 'unknown')
    now += 901_000
    assert.equal(tokens.spend(token, 'one'), 'unknown')
  })
})
