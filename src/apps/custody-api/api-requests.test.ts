import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { type KeyCatalogue, openKeyCatalogue } from '../../adapters/node/key-catalogue.ts'
import { sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { compileAccess } from '../../keys/custody/access-policy.ts'
import { newKey } from '../../keys/custody/catalogued-key.ts'
import { keyRecordToSign } from '../../keys/custody/key-record.ts'
import { openCustodyClient } from '../custody/custody-client.ts'
import { type ApiRequestsOptions, apiRequests } from './api-requests.ts'
import type { HttpAnswer, HttpHandler } from './http-connection.ts'
import { KeyDesk } from './key-desk.ts'
import { KeyWork } from './key-work.ts'

const SEED = 11764954
const TOKEN = 'token'
const random = systemRandom()
const clock = systemClock

// No nodes: what needs none works, and what needs some says that it cannot.
let folder = ''
let catalogue: KeyCatalogue
let handler: HttpHandler
let audit: Parameters<ApiRequestsOptions['audit']['append']>[0][] = []
let bugs: unknown[] = []
const told: string[] = []
let isFull = false
let away = 0
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-api-'))
  const { publicKey: identity, privateKey } = generateKeyPairSync('ed25519')
  catalogue = await openKeyCatalogue({ folder, identity })
  const groups = await sodiumGroups()
  const publicKey = groups.ristretto255.multiplyBase(new Uint8Array(32).fill(1))
  const first = { version: 1, createdAt: 0, mark: '0'.repeat(16), publicKey }
  const card = newKey('card', 'ristretto255-hpke', false, first, 1)
  await catalogue.put(card, new Uint8Array(sign(null, keyRecordToSign(card), privateKey)))
  const client = openCustodyClient({
    ...{ cluster: 'test', identity, nodes: [], groups, random, clock, operationMs: 1 },
    ...{ certificate: '', key: '', authority: '' },
  })
  handler = apiRequests({
    world: {
      ...{ random, clock, tell: (text: string) => void told.push(text) },
      keys: new KeyDesk({ catalogue, random, clock, maker: undefined, tell: assert.fail }),
      work: new KeyWork({ client, groups, random }),
    },
    decide: compileAccess([
      { caller: { role: 'app' }, key: 'secret', operations: ['read'] },
      { caller: { role: 'app' }, key: '[!s]*', operations: ['*'] },
      { caller: { role: 'app' }, key: '*', operations: ['*'] },
    ]),
    audit: {
      append(entry) {
        if (isFull) throw new Error('no room')
        audit.push(entry)
      },
    },
    system: () => ({ cluster: 'test', version: '1', nodes: 5, threshold: 3, away, now: 5000 }),
    callerOf: (token) => (token === TOKEN ? { role: 'app', id: 'a' } : undefined),
    isWaitedFor: () => true,
    onBug: (error) => bugs.push(error),
  })
})
after(() => {
  catalogue.close()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  audit = []
  bugs = []
  isFull = false
  away = 0
})

async function ask(
  method: string,
  target: string,
  body: string | Uint8Array = '',
  fields: Readonly<Record<string, string | undefined>> = { 'x-vault-token': TOKEN },
): Promise<HttpAnswer> {
  const head = {
    ...{ method, target },
    field: (name: string) => (name in fields ? fields[name] : ''),
  }
  const admitted = handler.admit(head)
  return 'status' in admitted
    ? admitted
    : await handler.handle(head, Uint8Array.from(Buffer.from(body)))
}

describe('apiRequests()', () => {
  it('shows whether enough nodes are there, to anybody', async () => {
    for (const [gone, status, sealed] of [
      [2, 200, false],
      [3, 503, true],
    ] as const) {
      away = gone
      const health = await ask('GET', '/v1/sys/health?standbyok=true', '', {})
      assert.equal(health.status, status)
      assert.equal(JSON.parse(health.body ?? '').sealed, sealed)
      const seal = await ask('GET', '/v1/sys/seal-status', '', {})
      assert.deepEqual([seal.status, JSON.parse(seal.body ?? '').sealed], [200, sealed])
    }
    assert.equal((await ask('POST', '/v1/sys/health')).status, 405)
  })

  it('takes a token by either field, and not by both', async () => {
    const target = '/v1/transit/keys/card'
    const bearer = { authorization: `Bearer ${TOKEN}` }
    assert.equal((await ask('GET', target, '', bearer)).status, 200)
    const others: readonly Readonly<Record<string, string | undefined>>[] = [
      {},
      { ...bearer, 'x-vault-token': TOKEN },
      { authorization: `Basic ${TOKEN}` },
      { authorization: `Basic ${TOKEN}`, 'x-vault-token': TOKEN },
      // Twice.
      { 'x-vault-token': undefined },
    ]
    for (const fields of others) {
      assert.equal((await ask('GET', target, '', fields)).status, 403)
    }
  })

  it('does not ignore what would change the meaning of an answer', async () => {
    for (const name of ['x-vault-namespace', 'x-vault-wrap-ttl', 'x-vault-mfa']) {
      const fields = { 'x-vault-token': TOKEN, [name]: '1' }
      assert.equal((await ask('GET', '/v1/transit/keys/card', '', fields)).status, 400)
    }
  })

  it('writes down what was done and what was not', async () => {
    const body = JSON.stringify({ plaintext: 'AAAA' })
    const { status, body: answer } = await ask('POST', '/v1/transit/encrypt/card', body)
    assert.equal(status, 200)
    const { ciphertext } = JSON.parse(answer ?? '').data
    // There is no node to open it.
    const opened = await ask('POST', '/v1/transit/decrypt/card', JSON.stringify({ ciphertext }))
    assert.deepEqual(opened, {
      ...{ status: 503, body: '{"errors":["no custody node that answers has this key"]}' },
    })
    assert.deepEqual(told.splice(0), [
      'Key transit/card/0000000000000000 version 1 is with no node',
    ])
    await ask('POST', '/v1/transit/encrypt/none', body)
    await ask('GET', '/v1/transit/keys/none')
    await ask('POST', '/v1/transit/keys/new', '{}')
    assert.deepEqual(
      audit.map(({ caller, key, operation, result }) => `${caller} ${key} ${operation} ${result}`),
      [
        ...['app/a card encrypt done', 'app/a card decrypt unavailable'],
        ...['app/a none encrypt input', 'app/a none read missing', 'app/a new create refused'],
      ],
    )
    assert.deepEqual(bugs, [])
  })

  it('refuses a body that does not fit its path, whatever it is of, and writes it down', async () => {
    const strange = ['{"toString":1,"valueOf":1}', '["card"]', 'null', 'true', '"other"', '1', '[]']
    for (const name of strange) {
      const body = `{"name":${name},"plaintext":"AAAA"}`
      assert.equal((await ask('POST', '/v1/transit/encrypt/card', body)).status, 400, name)
    }
    assert.equal(
      (await ask('POST', '/v1/transit/random/8', '{"bytes":{"toString":1}}')).status,
      400,
    )
    assert.equal((await ask('POST', '/v1/transit/random/8', '{"bytes":8}')).status, 200)
    assert.equal((await ask('POST', '/v1/transit/encrypt/card', '{')).status, 400)
    assert.equal((await ask('POST', '/v1/transit/encrypt/c%20d', '{}')).status, 400)
    assert.deepEqual(
      audit.map(({ key, operation, result }) => `${key} ${operation} ${result}`),
      [
        ...strange.map(() => 'card encrypt input'),
        ...['* random input', '* random done', 'card encrypt input', '* encrypt input'],
      ],
    )
    assert.deepEqual(bugs, [])
  })

  it('tells nothing of what it could not write down', async () => {
    isFull = true
    const body = JSON.stringify({ bytes: 16 })
    const answer = await ask('POST', '/v1/transit/random', body)
    assert.deepEqual(answer, { status: 500, body: '{"errors":["internal error"]}' })
    assert.equal(bugs.length, 1)
  })

  it('answers whatever it is asked, and that is no bug', async () => {
    const paths = [
      ...['keys', 'keys/card', 'keys/card/config', 'keys/card/rotate', 'keys/card/trim'],
      ...['encrypt/card', 'decrypt/card', 'rewrap/card', 'sign/card', 'verify/card', 'hmac/card'],
      ...['datakey/plaintext/card', 'datakey/wrapped/card', 'random', 'hash', 'encrypt/none'],
    ]
    const names = [
      ...['name', 'plaintext', 'ciphertext', 'context', 'associated_data', 'key_version', 'bits'],
      ...['input', 'signature', 'hmac', 'batch_input', 'type', 'derived', 'reference', 'bytes'],
      ...['min_decryption_version', 'min_available_version', 'algorithm', 'format', '__proto__'],
      ...['prehashed', 'marshaling_algorithm', 'partial_failure_response_code', 'nonce'],
      ...['toString', 'valueOf', 'constructor', 'toJSON'],
    ]
    const value = fc.oneof(
      fc.constantFrom('AAAA', 'card', 'limen:v1:AAAA', 'vault:v1:AAAA', 'limen:v2:AAAA', '256'),
      fc.constantFrom<unknown>(0, 1, 2, -1, 256, 1e99, true, null, 'sha2-256', 'jws', 'hex'),
      fc.jsonValue({ maxDepth: 2 }),
    )
    const object = fc
      .array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 5 })
      .map((pairs) => Object.fromEntries(pairs))
    const body = fc.oneof(
      object.map((one) => JSON.stringify(one)),
      fc
        .tuple(object, fc.array(object, { maxLength: 4 }))
        .map(([one, batch_input]) => JSON.stringify({ ...one, batch_input })),
      fc.json(),
      fc.uint8Array({ maxLength: 40 }),
    )
    const methods = fc.constantFrom('GET', 'POST', 'PUT', 'LIST', 'DELETE', 'PATCH')
    const seen = new Set<number>()
    await fc.assert(
      fc.asyncProperty(methods, fc.constantFrom(...paths), body, async (method, path, octets) => {
        const answer = await ask(method, `/v1/transit/${path}`, octets)
        seen.add(answer.status)
        const said = answer.body === undefined ? {} : JSON.parse(answer.body)
        assert.ok('errors' in said !== 'data' in said)
      }),
      { seed: SEED, numRuns: 600 },
    )
    assert.deepEqual(bugs, [])
    for (const status of [200, 400, 403, 405]) assert.ok(seen.has(status), `${status}`)
    assert.ok(!seen.has(500))
  })
})
