import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { request } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { testCertificate } from '../../../../test/tls-pair.ts'
import { type SignalListenerOptions, signalServer } from './listener.ts'
import type { TokenAnswer, Transmitter } from './signal-desk.ts'

const TOKEN = 'the-token-of-a-test'
const transmitter: Transmitter = {
  ...{ issuer: 'https://idp.test', audience: 'a', keys: () => () => Promise.reject(new Error()) },
}
let server: Server
let taken: string[] = []
let counted: string[] = []
let answer: TokenAnswer = { kind: 'taken', id: 'one' }

async function listen(change: Partial<SignalListenerOptions> = {}): Promise<number> {
  ;[taken, counted, answer] = [[], [], { kind: 'taken', id: 'one' }]
  server = signalServer({
    desk: {
      take: (_by, text) => {
        taken.push(text)
        return Promise.resolve(answer)
      },
      count: (result) => void counted.push(result),
    },
    pushers: [{ transmitter, digest: createHash('sha256').update(TOKEN).digest() }],
    ...{ published: { metadata: { issuer: 'x' }, keys: { keys: [] } }, certificate: undefined },
    ...change,
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
const ask = async (port: number, method: string, path: string, more: RequestInit = {}) => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, ...more })
  const body = await response.text()
  return body === '' ? `${response.status}` : `${response.status} ${body}`
}
const EVENTS = '/v1/signals/events'
const pushed = (body: string, token = TOKEN) => ({
  body,
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/secevent+jwt' },
})

describe('signalServer()', () => {
  afterEach(() => {
    server.close().closeAllConnections()
  })

  it('answers a push as RFC 8935 has it', async () => {
    const port = await listen()
    assert.equal(await ask(port, 'POST', EVENTS, pushed('a.b.c')), '202')
    answer = { kind: 'refused', error: 'invalid_key', why: 'not theirs' }
    assert.equal(
      await ask(port, 'POST', EVENTS, pushed('a.b.c')),
      '400 {"err":"invalid_key","description":"not theirs"}',
    )
    answer = { kind: 'unavailable' }
    assert.equal(await ask(port, 'POST', EVENTS, pushed('a.b.c')), '503')
    assert.deepEqual(taken, ['a.b.c', 'a.b.c', 'a.b.c'])
  })

  it('takes nothing without the bearer token, of another type, or too long', async () => {
    const port = await listen()
    for (const token of ['', 'x', `${TOKEN}x`, TOKEN.slice(1)]) {
      assert.match(
        await ask(port, 'POST', EVENTS, pushed('a.b.c', token)),
        /^401 .*authentication_/,
      )
    }
    const { headers } = pushed('')
    const other = { body: 'a.b.c', headers: { ...headers, 'content-type': 'application/json' } }
    assert.match(await ask(port, 'POST', EVENTS, other), /^400 .*invalid_request/)
    assert.match(await ask(port, 'POST', EVENTS, pushed('x'.repeat(16_385))), /^400/)
    assert.deepEqual(taken, [])
    assert.equal(counted.filter((one) => one === 'authentication_failed').length, 4)
  })

  it('has keys and metadata, and nothing else', async () => {
    const port = await listen()
    assert.equal(await ask(port, 'GET', '/v1/signals/keys'), '200 {"keys":[]}')
    assert.equal(await ask(port, 'GET', '/.well-known/ssf-configuration'), '200 {"issuer":"x"}')
    assert.equal(await ask(port, 'GET', EVENTS), '405')
    assert.equal(await ask(port, 'DELETE', '/v1/signals/keys'), '405')
    assert.equal(await ask(port, 'GET', '/v1/status'), '404')
    server.close().closeAllConnections()
    assert.equal(
      await ask(await listen({ published: undefined }), 'GET', '/v1/signals/keys'),
      '404',
    )
  })

  it('outlives a body that breaks off', async () => {
    const port = await listen()
    const socket = connect(port, '127.0.0.1')
    const fields = `Authorization: Bearer ${TOKEN}\r\nContent-Type: application/secevent+jwt\r\n`
    socket.write(`POST ${EVENTS} HTTP/1.1\r\nHost: x\r\n${fields}Content-Length: 50\r\n\r\na.b`)
    await new Promise((resolve) => server.once('request', resolve))
    socket.destroy()
    assert.equal(await ask(port, 'POST', EVENTS, pushed('a.b.c')), '202')
    assert.deepEqual(taken, ['a.b.c'])
  })

  it('serves by TLS where there is a certificate', async () => {
    const { certPem, keyPem } = await testCertificate('localhost')
    const port = await listen({ certificate: { certPem, keyPem, notAfter: 0, names: [] } })
    const where = { host: '127.0.0.1', port, path: '/v1/signals/keys', ca: certPem }
    const sent = request({ ...where, servername: 'localhost' }).end()
    const [response] = (await once(sent, 'response')) as [{ statusCode: number }]
    assert.equal(response.statusCode, 200)
    sent.destroy()
  })
})
