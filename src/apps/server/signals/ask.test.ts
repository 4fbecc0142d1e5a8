import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { ask } from './ask.ts'

let server: Server | undefined

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
const get = (url: string, signal = new AbortController().signal) =>
  ask(url, { method: 'GET', headers: {}, bytesMax: 100, signal })

describe('ask()', () => {
  afterEach(() => {
    server?.close().closeAllConnections()
  })

  it('says what was answered', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(418, { 'content-type': 'text/plain' }).end('x'.repeat(100))
    })
    const answered = await get(url)
    if (answered.kind !== 'answered') assert.fail(answered.why)
    assert.deepEqual([answered.status, answered.type], [418, 'text/plain'])
    assert.equal(answered.body.length, 100)
  })

  it('reads no more than it was told to', async () => {
    const url = await serve((_request, response) => {
      const flood = (): void => {
        while (response.write('x'.repeat(1000))) if (response.destroyed) return
      }
      response.on('drain', flood)
      flood()
    })
    assert.deepEqual(await get(url), { kind: 'silent', why: 'its answer is too large' })
  })

  it('follows no redirect', async () => {
    const urls: string[] = []
    const url = await serve((request, response) => {
      urls.push(request.url ?? '')
      response.writeHead(302, { location: '/elsewhere' }).end()
    })
    const answered = await get(url)
    assert.equal(answered.kind === 'answered' && answered.status, 302)
    assert.deepEqual(urls, ['/'])
  })

  it('says by a code why there is no answer', async () => {
    const url = await serve(() => {})
    const closing = new AbortController()
    const asked = get(url, closing.signal)
    closing.abort()
    assert.equal((await asked).kind, 'silent')
    server?.close().closeAllConnections()
    assert.deepEqual(await get(url), { kind: 'silent', why: 'ECONNREFUSED' })
  })
})
