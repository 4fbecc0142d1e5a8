import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CaptureSubject, REDACTED, RequestCaptures } from './request-captures.ts'

const HEAD =
  'POST /pay?to=7 HTTP/1.1\r\nHost: bank.example\r\nAuthorization: Basic c2VjcmV0\r\nCookie: a=b; __Host-limen-behavior=xyz\r\n' +
  'Limen-Assertion: e30.e30.sig\r\nX-Note: one:two\r\n'
const subject = (head = HEAD): CaptureSubject => ({
  ...{ session: 'AAAA', client: { address: '1.2.3.4', port: 5 }, head, openedAt: 1, nth: 0 },
  ...{ server: { address: '5.6.7.8', port: 443 }, protocol: 'HTTP/1.1' },
})
const REDACT = ['authorization', 'cookie']
const captures = (requestBytes = 100, redact: readonly string[] = REDACT) =>
  new RequestCaptures({ requestBytes, redact }, () => 42)

describe('RequestCaptures', () => {
  it('has the head without credentials and the body', () => {
    const some = captures()
    const one = some.begin(subject())
    one?.take(Buffer.from('amount='))
    one?.take(Buffer.from('100'))
    one?.whole()
    assert.equal(some.take().requests.length, 0)
    one?.answered(200)
    one?.over()
    const { requests, dropped } = some.take()
    assert.equal(dropped, 0)
    assert.equal(requests.length, 1)
    const { body, fields, ...rest } = requests[0] ?? assert.fail()
    assert.equal(Buffer.from(body).toString(), 'amount=100')
    assert.deepEqual(Object.fromEntries(fields), {
      ...{ Host: 'bank.example', Authorization: REDACTED, Cookie: REDACTED },
      ...{ 'Limen-Assertion': REDACTED, 'X-Note': 'one:two' },
    })
    const { head: _, ...same } = subject()
    assert.deepEqual(rest, {
      ...{ ...same, at: 42, method: 'POST', target: '/pay?to=7', host: 'bank.example' },
      ...{ bodyBytes: 10, isWhole: true, status: 200 },
    })
  })

  it('never has what Limen itself is shown', () => {
    const some = captures(100, [])
    some.begin(subject())?.over()
    const [request] = some.take().requests
    const fields = Object.fromEntries(request?.fields ?? [])
    assert.equal(fields['Authorization'], 'Basic c2VjcmV0')
    assert.equal(fields['Cookie'], `a=b; ${REDACTED}`)
    assert.equal(fields['Limen-Assertion'], REDACTED)
  })

  it('never has any of its cookies, the ticket among them', () => {
    const some = captures(100, [])
    const cookie = '__Host-limen=ticket; b=1; __Host-limen-pass = x; __Host-limening=2'
    some.begin(subject(`GET / HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n`))?.over()
    const [request] = some.take().requests
    const kept = `${REDACTED}; b=1; ${REDACTED}; __Host-limening=2`
    assert.equal(Object.fromEntries(request?.fields ?? [])['Cookie'], kept)
  })

  it('keeps the begin of a body that is larger', () => {
    const some = captures(4)
    const one = some.begin(subject())
    for (const piece of ['abc', 'def', 'g']) one?.take(Buffer.from(piece))
    one?.over()
    const [request] = some.take().requests
    assert.equal(Buffer.from(request?.body ?? []).toString(), 'abcd')
    assert.deepEqual([request?.bodyBytes, request?.isWhole, request?.status], [7, false, 0])
  })

  it('is bounded in all, counts what has no room, and has room again', () => {
    const some = captures(2 ** 20)
    const mebibyte = Buffer.alloc(2 ** 20)
    for (let i = 0; i < 40; i++) {
      const one = some.begin(subject())
      one?.take(mebibyte)
      one?.over()
    }
    const { requests } = some.take()
    const bytes = requests.reduce((sum, { body }) => sum + body.length, 0)
    assert.equal(bytes, 15 * 2 ** 20)
    // What is left beside them has room for heads alone.
    for (let i = 0; i < 20_000; i++) some.begin(subject())?.over()
    const heads = some.take()
    assert.ok(heads.dropped > 0 && heads.requests.length + heads.dropped === 20_000)
    const again = some.begin(subject())
    again?.take(mebibyte)
    again?.over()
    assert.equal(some.take().requests[0]?.body.length, 2 ** 20)
  })
})
