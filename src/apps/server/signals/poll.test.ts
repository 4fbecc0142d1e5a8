import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { openLog } from '../../../adapters/node/json-log.ts'
import { readPollAnswer, startPoll } from './poll.ts'
import type { TokenAnswer, Transmitter } from './signal-desk.ts'

const SEED = 20261121
const answered = (body: string, status = 200) => ({
  ...{ kind: 'answered' as const, status, type: 'application/json', body: Buffer.from(body) },
})

describe('readPollAnswer()', () => {
  it('reads tokens by their ids (RFC 8936, section 2.3)', () => {
    assert.deepEqual(readPollAnswer(answered('{"sets":{"4d35":"a.b.c"},"moreAvailable":true}')), {
      sets: { '4d35': 'a.b.c' },
    })
    assert.deepEqual(readPollAnswer(answered('{}')), { sets: {} })
  })

  it('says why it is none', () => {
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [i, 'a.b.c']))
    const no = 'its answer is not as it must be'
    assert.equal(readPollAnswer({ kind: 'silent', why: 'ECONNREFUSED' }), 'ECONNREFUSED')
    assert.equal(readPollAnswer(answered('{}', 401)), 'answered 401')
    assert.equal(readPollAnswer(answered('{')), 'its answer is no JSON')
    assert.equal(readPollAnswer(answered('{"sets":[]}')), no)
    assert.equal(readPollAnswer(answered('{"sets":{"a":1}}')), no)
    assert.equal(readPollAnswer(answered('{"sets":{"":"a.b.c"}}')), no)
    assert.equal(readPollAnswer(answered(JSON.stringify({ sets: many }))), no)
  })

  it(`never throws (seed ${SEED})`, () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.jsonValue().map((sets) => JSON.stringify({ sets })),
    )
    fc.assert(
      fc.property(text, (one) => {
        const read = readPollAnswer(answered(one))
        if (typeof read === 'string') return
        assert.ok(Object.values(read.sets).every((token) => typeof token === 'string'))
      }),
      { seed: SEED, numRuns: 1000 },
    )
  })
})

const WITHIN_MS = 20_000
const transmitter: Transmitter = {
  ...{ issuer: 'https://idp.test', audience: 'a', keys: () => () => Promise.reject(new Error()) },
}

describe('startPoll()', () => {
  it('asks until it is answered, acknowledges what was taken, and keeps what could not be', async () => {
    const asked: unknown[] = []
    const answers: (string | undefined)[] = [undefined, '{"sets":{"a":"1","b":"2","c":"3"}}']
    const server = createServer((request, response) => {
      let text = ''
      request.on('data', (piece) => {
        text += piece
      })
      request.on('end', () => {
        asked.push({ ...JSON.parse(text), by: request.headers.authorization })
        const body = answers.length === 0 ? '{}' : answers.shift()
        response.writeHead(body === undefined ? 500 : 200).end(body)
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const outcomes: Readonly<Record<string, TokenAnswer>> = {
      1: { kind: 'taken', id: 'a' },
      2: { kind: 'refused', error: 'invalid_key', why: 'not theirs' },
      3: { kind: 'unavailable' },
    }
    const poll = startPoll({
      ...{ transmitter, token: 'the-token-of-a-test', everyMs: 20 },
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      desk: { take: async (_by, text) => outcomes[text] ?? assert.fail(text) },
      log: openLog({ level: 'error', format: 'json', write: () => {} }),
    })
    try {
      for (const endMs = Date.now() + WITHIN_MS; asked.length < 4; await delay(10)) {
        if (Date.now() > endMs) assert.fail(`Not in time: ${JSON.stringify(asked)}`)
      }
      assert.equal(poll.isAnswered, true)
    } finally {
      await poll.close()
      server.close().closeAllConnections()
    }
    const by = 'Bearer the-token-of-a-test'
    const begin = { maxEvents: 50, returnImmediately: true, by }
    const setErrs = { b: { err: 'invalid_key', description: 'not theirs' } }
    assert.deepEqual(asked.slice(0, 4), [begin, begin, { ...begin, ack: ['a'], setErrs }, begin])
  })
})
