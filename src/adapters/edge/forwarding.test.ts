import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sampleDecision } from '../../ports/decision-log.contract.ts'
import { forwardingFields } from './forwarding.ts'

const CLIENT = { remoteAddress: '192.0.2.7', secure: true, localPort: 443, decision: undefined }

describe('forwardingFields()', () => {
  it('says who asked, how, and for what', () => {
    assert.deepEqual(forwardingFields(CLIENT, 'a.test', '1.1').split('\r\n'), [
      'Via: 1.1 limen',
      'X-Forwarded-For: 192.0.2.7',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 443',
      'X-Forwarded-Host: a.test',
      'Forwarded: for=192.0.2.7;proto=https;host="a.test"',
      '',
    ])
  })
  it('quotes what RFC 7239 wants quoted', () => {
    const fields = forwardingFields(
      { ...CLIENT, remoteAddress: '2001:db8::7', secure: false },
      '[::1]:80',
      '2',
    )
    assert.match(fields, /^Forwarded: for="\[2001:db8::7\]";proto=http;host="\[::1\]:80"\r$/m)
  })
  it('leaves the host out when there is none', () =>
    assert.doesNotMatch(forwardingFields(CLIENT, '', '1.0'), /host/i))
  it('adds what Limen decided, in visible ASCII', () => {
    const fields = forwardingFields({ ...CLIENT, decision: sampleDecision(1) }, 'a.test', '2')
    assert.match(
      fields,
      /^Limen-Decision: \S+\r\nLimen-Tier: [123]\r\nLimen-Score: \d+(?:\.\d+)?\r$/m,
    )
    assert.match(fields, /^(?:[A-Za-z0-9-]+: [\x20-\x7e]+\r\n)+$/)
  })
})
