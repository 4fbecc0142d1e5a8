import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { client as VaultClient } from 'node-vault'
import { type CustodyCluster, startCustodyCluster } from '../custody-cluster.ts'
import { dataOf, newTransitApi, refusalOf, type TransitApi } from '../transit-under-test.ts'

const TOKENS = { all: 'hvs.all-0123456789abcdef', reader: 'hvs.reader-0123456789abcdef' }
const ACCESS = `  - { caller: { role: app, id: reader }, key: "read-*", operations: [encrypt], rate: { perS: 0.001, burst: 3 } }
  - { caller: { role: app, id: reader }, key: "card", operations: [decrypt] }
  - { caller: { role: server, id: "s*" }, key: "**", operations: [read, encrypt] }
`
const b64 = (text: string): string => Buffer.from(text).toString('base64')
const PLAIN = b64('the quick brown fox')

let cluster: CustodyCluster
let api: TransitApi
let vault: VaultClient
before(async () => {
  cluster = await startCustodyCluster(5)
  api = await newTransitApi(cluster, { id: 'api1', tokens: TOKENS, access: ACCESS })
  await api.start()
  vault = api.vault()
  for (const type of ['ed25519', 'hmac', 'ecdsa-p256', 'rsa-2048']) {
    await vault.write(`transit/keys/a-${type}`, { type })
  }
  await vault.transitCreateKey({ name: 'card' })
})
after(async () => {
  await api?.kill('SIGKILL')
  await cluster?.close()
})

describe("requests as Vault's documentation shows them", () => {
  const text = 'dGhlIHF1aWNrIGJyb3duIGZveAo='
  const item = { context: 'c2FtcGxlY29udGV4dA==', plaintext: text }
  const ciphertext = /^limen:v\d+:[A-Za-z0-9+/]+={0,2}$/
  const examples: readonly (readonly [
    string,
    unknown,
    (data: Record<string, unknown>) => boolean,
  ])[] = [
    ['keys/my-key', { type: 'aes256-gcm96' }, ({ keys }) => isTimes(keys)],
    ['keys/my-key/config', { deletion_allowed: true }, (data) => data['deletion_allowed'] === true],
    ['keys/my-key/rotate', undefined, ({ keys }) => isTimes(keys)],
    ['encrypt/my-key', { plaintext: text }, (data) => ciphertext.test(`${data['ciphertext']}`)],
    [
      'encrypt/my-key',
      { batch_input: [item, item] },
      ({ batch_results }) => {
        const results = batch_results as { ciphertext: string; key_version: number }[]
        return (
          results.length === 2 &&
          results.every((one) => one.key_version === 2 && ciphertext.test(one.ciphertext))
        )
      },
    ],
    [
      'datakey/plaintext/my-key',
      {},
      ({ plaintext, ciphertext: sealed }) =>
        /^[A-Za-z0-9+/]{43}=$/.test(`${plaintext}`) && ciphertext.test(`${sealed}`),
    ],
    ['random/164', { format: 'hex' }, (data) => /^[0-9a-f]{328}$/.test(`${data['random_bytes']}`)],
    ['hash/sha2-512', { input: 'adba32==' }, (data) => /^[0-9a-f]{128}$/.test(`${data['sum']}`)],
    ['hmac/a-hmac/sha2-256', { input: 'adba32==' }, ({ hmac }) => ciphertext.test(`${hmac}`)],
    [
      'sign/a-ed25519/sha2-256',
      { input: 'adba32==' },
      (data) => ciphertext.test(`${data['signature']}`),
    ],
    [
      'sign/a-rsa-2048',
      { batch_input: [{ input: 'adba32==' }, { input: 'aGVsbG8gd29ybGQuCg==' }] },
      (data) =>
        (data['batch_results'] as { signature: string }[]).every((one) =>
          ciphertext.test(one.signature),
        ),
    ],
  ]
  for (const [path, body, isGood] of examples) {
    it(`POST /v1/transit/${path} ${JSON.stringify(body ?? '')}`, async () => {
      const data = dataOf(await api.ask('POST', `/v1/transit/${path}`, body))
      assert.ok(isGood(data), JSON.stringify(data))
    })
  }

  function isTimes(keys: unknown): boolean {
    return Object.values(keys as object).every((at) => Number.isInteger(at) && at > 1_700_000_000)
  }
})

describe('refusals', () => {
  const refusals: readonly (readonly [string, string, unknown, number, RegExp])[] = [
    ['GET', 'transit/keys/none', undefined, 404, /^$/],
    ['POST', 'transit/encrypt/none', { plaintext: PLAIN }, 400, /encryption key not found/],
    ['POST', 'transit/encrypt/card', {}, 400, /^plaintext: /],
    ['POST', 'transit/encrypt/card', { plaintext: PLAIN, nonce: 'AAAA' }, 400, /nonce/],
    ['POST', 'transit/encrypt/card', { plaintext: PLAIN, name: 'other' }, 400, /contradicts/],
    ['POST', 'transit/encrypt/card', { plaintext: PLAIN, key_version: 9 }, 400, /higher than/],
    ['POST', 'transit/encrypt/card', '[]', 400, /no JSON object/],
    ['POST', 'transit/encrypt/card', '{"a"', 400, /no JSON object/],
    ['POST', 'transit/encrypt/a-ed25519', { plaintext: PLAIN }, 400, /does not support encrypt/],
    ['POST', 'transit/sign/card', { input: PLAIN }, 400, /does not support sign/],
    ['POST', 'transit/hmac/card', { input: PLAIN }, 400, /does not support hmac/],
    ['POST', 'transit/sign/a-ecdsa-p256', { input: PLAIN, prehashed: true }, 400, /prehashed/],
    ['POST', 'transit/sign/a-ecdsa-p256/sha2-512', { input: PLAIN }, 400, /only sha2-256/],
    ['POST', 'transit/decrypt/card', { ciphertext: 'AAAA' }, 400, /no prefix/],
    ['POST', 'transit/decrypt/card', { ciphertext: 'limen:v9:AAAA' }, 400, /too new/],
    ['POST', 'transit/keys/b', { exportable: true }, 400, /exportable: is not supported/],
    ['POST', 'transit/keys/b', { convergent_encryption: true }, 400, /not supported/],
    ['POST', 'transit/keys/-b', {}, 400, /no name of a key/],
    ['POST', 'transit/keys/b', { type: 'ed448' }, 400, /^type: /],
    ['DELETE', 'transit/keys/card', undefined, 400, /deletion is not allowed/],
    ['GET', 'transit/export/encryption-key/card', undefined, 404, /no handler/],
    ['GET', 'secret/data/x', undefined, 404, /no handler/],
    ['PATCH', 'transit/keys/card', {}, 405, /unsupported operation/],
    ['POST', 'transit/encrypt/card', 'x'.repeat(1024 * 1024 + 1), 413, /too large/],
    [
      ...(['POST', 'transit/sign/a-ed25519'] as const),
      ...([{ input: Buffer.alloc(65_537).toString('base64') }, 413, /octets at once/] as const),
    ],
  ]
  for (const [method, path, body, status, words] of refusals) {
    const shown = JSON.stringify(body ?? '').slice(0, 60)
    it(`${method} ${path} ${shown}: ${status}`, async () => {
      const answer = await api.ask(method, `/v1/${path}`, body)
      assert.equal(answer.status, status, JSON.stringify(answer.body))
      assert.deepEqual(Object.keys(answer.body), ['errors'])
      assert.match(answer.body.errors.join(), words)
    })
  }

  it('of whoever shows no token, or a wrong one', async () => {
    for (const token of ['', 'hvs.all-0123456789abcdeg', 'x'.repeat(600)]) {
      const { status, body } = await api.ask('GET', '/v1/transit/keys/card', undefined, token)
      assert.deepEqual([status, body], [403, { errors: ['permission denied'] }])
    }
    assert.equal((await refusalOf(api.vault('nobody').transitListKeys()))[0], 403)
  })

  it('of what the rules do not allow, and above a rate', async () => {
    await vault.transitCreateKey({ name: 'read-1' })
    const reader = api.vault(TOKENS.reader)
    assert.deepEqual(await refusalOf(reader.encryptData({ name: 'card', plaintext: PLAIN })), [
      ...[403, 'permission denied'],
    ] as const)
    assert.equal((await refusalOf(reader.transitListKeys()))[0], 403)
    const batch_input = [{ plaintext: PLAIN }, { plaintext: PLAIN }]
    const path = '/v1/transit/encrypt/read-1'
    const first = await api.ask('POST', path, { batch_input }, TOKENS.reader)
    assert.equal(first.status, 200)
    const second = await api.ask('POST', path, { batch_input }, TOKENS.reader)
    assert.equal(second.status, 400)
    assert.deepEqual(second.body.data.batch_results[1], { error: 'rate limit exceeded' })
    const third = await api.ask('POST', path, { plaintext: PLAIN }, TOKENS.reader)
    assert.deepEqual([third.status, third.body.errors], [429, ['rate limit exceeded']])
  })

  it('knows callers by their certificates, too', async () => {
    const read = await api.askAs('limen://test/server/s1', 'GET', '/v1/transit/keys/card')
    assert.equal(dataOf(read)['name'], 'card')
    const path = '/v1/transit/keys/card/rotate'
    assert.equal((await api.askAs('limen://test/server/s1', 'POST', path, {})).status, 403)
    const other = await api.askAs('limen://other/server/s1', 'GET', '/v1/transit/keys/card')
    assert.equal(other.status, 403)
  })
})
