import assert from 'node:assert/strict'
import { it } from 'node:test'
import { printable } from './printable.ts'

it('printable() leaves printable ASCII and shows the rest', () => {
  assert.equal(printable('h2, http/1.1 ~'), 'h2, http/1.1 ~')
  assert.equal(printable('\u001b[31m\r\n\u0000\u00ff'), '\\x1b[31m\\x0d\\x0a\\x00\\xff')
})
