import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LimenError } from '../../ground/limen-error.ts'
import { tokenError } from './cryptoki.ts'

describe('tokenError()', () => {
  const cases: readonly (readonly [said: string, code: string, retry: boolean])[] = [
    ['CKR_PIN_INCORRECT', 'token-pin', false],
    ['CKR_PIN_LEN_RANGE', 'token-pin', false],
    ['CKR_PIN_EXPIRED', 'token-pin', false],
    ['CKR_PIN_LOCKED', 'token-locked', false],
    ['CKR_DEVICE_REMOVED', 'token-gone', true],
    ['CKR_TOKEN_NOT_PRESENT', 'token-gone', true],
    ['CKR_SESSION_HANDLE_INVALID', 'token-gone', true],
    ['CKR_GENERAL_ERROR', 'token-failed', true],
    ['CKR_MECHANISM_INVALID', 'token-failed', true],
  ]
  for (const [said, code, retry] of cases) {
    it(`says ${code} of ${said}, with the code and without what caused it`, () => {
      const error = tokenError(new Error(said), '"kek"')
      assert.deepEqual([error.code, error.side, error.retry], [code, 'operator', retry])
      assert.ok(error.message.includes(said) && error.message.includes('"kek"'))
      assert.equal(error.cause, undefined)
    })
  }

  it('leaves what is said already as it is', () => {
    const error = new LimenError('token-key', 'x', { side: 'operator', retry: false })
    assert.equal(tokenError(error, '"kek"'), error)
  })
})
