import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isLoopback } from './address.ts'

it('isLoopback() knows addresses of this machine, and no name that looks like one', () => {
  for (const host of ['localhost', '::1', '127.0.0.1', '127.255.0.3', '::ffff:127.0.0.1']) {
    assert.equal(isLoopback(host), true, host)
  }
  for (const host of ['127.0.0.1.evil.test', '127.evil.test', '128.0.0.1', '::', '0.0.0.0', '']) {
    assert.equal(isLoopback(host), false, host)
  }
})
