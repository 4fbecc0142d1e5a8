import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openLog } from '../../../adapters/node/json-log.ts'
import type { Telling } from './outbox.ts'
import { Push } from './push.ts'

const WITHIN_MS = 20_000
const DAY_MS = 86_400_000

let server: Server
let url = ''
let bodies: string[] = []
let statuses: number[] = []
let printed = ''
let waiting: Telling[] = []
let push: Push | undefined

function start(now = 0): Push {
  const write = (line: string): void => {
    printed += line
  }
  push = new Push({
    ...{ url, token: 'the-token-of-a-test', clock: { now: () => now } },
    outbox: { first: () => waiting[0], done: () => void waiting.shift() },
    log: openLog({ level: 'info', format: 'json', write }),
  })
  return push
}
const telling = (id: string): Telling => ({ id, to: url, text: `token ${id}`, at: 0 })
async function untilEmpty(): Promise<void> {
  for (const endMs = Date.now() + WITHIN_MS; waiting.length > 0; await delay(10)) {
    if (Date.now() > endMs) assert.fail('Not told in time')
  }
}

describe('Push', () => {
  beforeEach(async () => {
    ;[bodies, statuses, printed, waiting] = [[], [], '', []]
    server = createServer((request, response) => {
      let text = `${request.headers.authorization} ${request.headers['content-type']} `
      request.on('data', (piece) => {
        text += piece
      })
      request.on('end', () => {
        bodies.push(text)
        const status = statuses.shift() ?? 202
        response.writeHead(status).end(status === 400 ? '{"err":"invalid_key"}' : '')
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`
  })
  afterEach(async () => {
    await push?.close()
    server.close().closeAllConnections()
  })

  it('tells what waits in order, and what comes later', async () => {
    waiting.push(telling('a'), telling('b'))
    const pushed = start()
    await untilEmpty()
    waiting.push(telling('c'))
    pushed.wake()
    await untilEmpty()
    const begin = 'Bearer the-token-of-a-test application/secevent+jwt token'
    assert.deepEqual(bodies, [`${begin} a`, `${begin} b`, `${begin} c`])
    assert.deepEqual(pushed.counts(), { sent: 3, refused: 0, lost: 0 })
  })

  it('tells again who has no time, and not what is refused', async () => {
    statuses = [503, 429, 202, 400, 202]
    waiting.push(telling('a'), telling('b'), telling('c'))
    const pushed = start()
    await untilEmpty()
    assert.deepEqual(
      bodies.map((body) => body.at(-1)),
      ['a', 'a', 'a', 'b', 'c'],
    )
    assert.deepEqual(pushed.counts(), { sent: 2, refused: 1, lost: 0 })
    assert.match(printed, /invalid_key/)
    for (const secret of ['the-token-of-a-test', 'secret-path', 'token a']) {
      assert.ok(!printed.includes(secret), secret)
    }
  })

  it('gives up on what is a day old', async () => {
    waiting.push(telling('a'))
    const pushed = start(DAY_MS + 1)
    await untilEmpty()
    assert.deepEqual(pushed.counts(), { sent: 0, refused: 0, lost: 1 })
    assert.deepEqual(bodies, [])
  })
})
