import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { openWebhook, readWebhookSecret, signWebhook } from './webhook.ts'

/** The example of the Standard Webhooks specification's reference libraries. */
const EXAMPLE = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampS: 1614265330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
}

const keyOf = (text: string) => {
  const key = readWebhookSecret(text)
  if (key === undefined) throw new Error('no key')
  return key
}

describe('signWebhook()', () => {
  it('signs as the reference libraries do', () => {
    const { secret, id, timestampS, body, signature } = EXAMPLE
    assert.equal(signWebhook(keyOf(secret), id, timestampS, body), signature)
  })
})

describe('readWebhookSecret()', () => {
  it('takes 24 to 64 bytes, and white space around', () => {
    const of = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`
    assert.deepEqual(
      [23, 24, 64, 65].map((bytes) => readWebhookSecret(of(bytes)) !== undefined),
      [false, true, true, false],
    )
    assert.equal(keyOf(` ${of(32)}\n`).symmetricKeySize, 32)
  })

  it('takes nothing else, and never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.equal(readWebhookSecret(text), undefined)
        assert.equal(readWebhookSecret(`whsec_${text}!`), undefined)
      }),
      { seed: 3 },
    )
  })
})

describe('openWebhook()', () => {
  interface Posted {
    readonly headers: IncomingHttpHeaders
    readonly body: string
  }
  const receiver = async (test: TestContext, statuses: number[], location = '') => {
    const posted: Posted[] = []
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request.setEncoding('utf8')) body += chunk
      posted.push({ headers: request.headers, body })
      response.writeHead(statuses.shift() ?? 200, location === '' ? {} : { location }).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    test.after(() => {
      server.close()
      server.closeAllConnections()
    })
    return { posted, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
  }
  type End = readonly [taken: boolean, attempts: number, why: string]
  const open = (url: string, more: { pauseMs?: number; deadlineMs?: number } = {}) => {
    let made = 0
    const ends: End[] = []
    let ended = (_: End): void => {}
    const webhook = openWebhook({
      ...{ url, secret: keyOf(EXAMPLE.secret), now: () => Date.now(), pauseMs: 1, ...more },
      nextId: () => String(++made),
      onEnd: (...end) => {
        ends.push(end)
        ended(end)
      },
    })
    const end = () =>
      new Promise<End>((resolve) => {
        ended = resolve
      })
    return { webhook, ends, end }
  }

  it('sends again with the same id until it is taken', async (test) => {
    const { posted, url } = await receiver(test, [500, 429])
    const { webhook, end } = open(url)
    const done = end()
    webhook.send({ wanted: 3 })
    assert.deepEqual(await done, [true, 3, ''])
    assert.deepEqual(
      posted.map(({ headers, body }) => [headers['webhook-id'], headers['content-type'], body]),
      new Array(3).fill(['msg_1', 'application/json', '{"wanted":3}']),
    )
    for (const { headers, body } of posted) {
      const at = Number(headers['webhook-timestamp'])
      const expected = signWebhook(keyOf(EXAMPLE.secret), 'msg_1', at, body)
      assert.equal(headers['webhook-signature'], expected)
    }
  })

  it('follows no redirect', async (test) => {
    const { url: elsewhere, posted } = await receiver(test, [])
    const { url } = await receiver(test, [307], elsewhere)
    const { webhook, end } = open(url, { deadlineMs: 0 })
    const done = end()
    webhook.send({})
    assert.deepEqual(await done, [false, 1, 'answered 307'])
    assert.equal(posted.length, 0)
  })

  it('gives up at its deadline, and names no URL', async () => {
    const { webhook, end } = open('http://127.0.0.1:1/secret-path', { deadlineMs: 0 })
    const done = end()
    webhook.send({})
    assert.deepEqual(await done, [false, 1, 'TypeError'])
  })

  it('tells what is newer in place of what was not taken, at once', async (test) => {
    const { posted, url } = await receiver(test, [503])
    const { webhook, ends, end } = open(url, { pauseMs: 60_000 })
    webhook.send({ wanted: 1 })
    while (posted.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const done = end()
    webhook.send({ wanted: 2 })
    await done
    while (ends.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(ends, [
      [false, 1, 'answered 503; replaced by a newer one'],
      [true, 1, ''],
    ])
    assert.deepEqual(
      posted.map(({ headers, body }) => [headers['webhook-id'], body]),
      [
        ['msg_1', '{"wanted":1}'],
        ['msg_2', '{"wanted":2}'],
      ],
    )
  })

  it('is still once it is closed', async (test) => {
    const { posted, url } = await receiver(test, [503])
    const { webhook, ends } = open(url, { pauseMs: 20 })
    webhook.send({})
    while (posted.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    webhook.close()
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.deepEqual([posted.length, ends.length], [1, 0])
  })
})
