import assert from 'node:assert/strict'
import { constants, createHash, createPublicKey, verify } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { client as VaultClient } from 'node-vault'
import { type CustodyCluster, startCustodyCluster } from '../custody-cluster.ts'
import { dataOf, newTransitApi, refusalOf, type TransitApi } from '../transit-under-test.ts'

const TOKENS = { all: 'hvs.all-0123456789abcdef' }
const b64 = (text: string): string => Buffer.from(text).toString('base64')
const PLAIN = b64('the quick brown fox')

let cluster: CustodyCluster
let api: TransitApi
let vault: VaultClient
before(async () => {
  cluster = await startCustodyCluster(5)
  api = await newTransitApi(cluster, { id: 'api1', tokens: TOKENS })
  await api.start()
  vault = api.vault()
})
after(async () => {
  await api?.kill('SIGKILL')
  await cluster?.close()
})

describe("a client of Vault's transit engine (node-vault)", () => {
  it('sees that it is there, and not sealed', async () => {
    const health = await vault.health()
    assert.equal(health.initialized, true)
    assert.equal(health.sealed, false)
    const status = await vault.status()
    assert.deepEqual([status.sealed, status.t, status.n], [false, 3, 5])
  })

  it('makes keys of every type, reads and lists them', async () => {
    const types = [
      ...['ristretto255-hpke', 'derive', 'ed25519', 'aes256-gcm96', 'hmac', 'ecdsa-p256'],
      ...['rsa-2048', 'rsa-4096'],
    ]
    for (const type of types) {
      const made = await vault.write(`transit/keys/a-${type}`, { type })
      assert.equal(made.data.type, type)
      assert.equal(made.data.latest_version, 1)
    }
    const { data } = await vault.transitReadKey({ name: 'a-ecdsa-p256' })
    assert.deepEqual(
      { ...data, keys: Object.keys(data.keys) },
      {
        ...{ name: 'a-ecdsa-p256', type: 'ecdsa-p256', keys: ['1'], latest_version: 1 },
        ...{ derived: false, deletion_allowed: false, exportable: false, imported_key: false },
        ...{ allow_plaintext_backup: false, auto_rotate_period: 0, min_available_version: 0 },
        ...{ min_decryption_version: 1, min_encryption_version: 0, supports_signing: true },
        ...{ supports_encryption: false, supports_decryption: false, supports_derivation: false },
      },
    )
    assert.equal(data.keys['1'].name, 'P-256')
    assert.equal(createPublicKey(data.keys['1'].public_key).asymmetricKeyType, 'ec')
    await vault.transitCreateKey({ name: 'card' })
    const listed = await vault.transitListKeys()
    assert.deepEqual(listed.data.keys, [...types.map((type) => `a-${type}`), 'card'].sort())
    const again = await vault.write('transit/keys/card', { type: 'hmac' })
    assert.equal(again.data.type, 'ristretto255-hpke')
    assert.deepEqual(again.warnings, ['key card already existed'])
  })

  for (const type of ['ristretto255-hpke', 'derive', 'aes256-gcm96']) {
    it(`encrypts, decrypts, rotates and rewraps with ${type}`, async () => {
      const name = `a-${type}`
      const { data } = await vault.encryptData({ name, plaintext: PLAIN })
      assert.match(data.ciphertext, /^limen:v1:[A-Za-z0-9+/]+={0,2}$/)
      assert.equal(data.key_version, 1)
      const opened = await vault.decryptData({ name, ciphertext: data.ciphertext })
      assert.deepEqual(opened.data, { plaintext: PLAIN })
      const other = await vault.encryptData({ name, plaintext: PLAIN })
      assert.notEqual(other.data.ciphertext, data.ciphertext)

      const rotated = await vault.write(`transit/keys/${name}/rotate`, {})
      assert.equal(rotated.data.latest_version, 2)
      const rewrapped = await vault.rewrapData({ name, ciphertext: data.ciphertext })
      assert.match(rewrapped.data.ciphertext, /^limen:v2:/)
      assert.equal(rewrapped.data.key_version, 2)
      for (const { ciphertext } of [data, rewrapped.data]) {
        const { data: plain } = await vault.decryptData({ name, ciphertext })
        assert.deepEqual(plain, { plaintext: PLAIN })
      }
      // Version 1 under the number 2, and a changed octet.
      const moved = data.ciphertext.replace(':v1:', ':v2:')
      const last = rewrapped.data.ciphertext.replace(
        /(.)(=*)$/,
        (_: string, c: string, p: string) => (c === 'A' ? `Q${p}` : `A${p}`),
      )
      for (const ciphertext of [moved, last]) {
        const [status, text] = await refusalOf(vault.decryptData({ name, ciphertext }))
        assert.equal(status, 400)
        assert.match(text, /^invalid ciphertext: (?:unable to decrypt|could not decode base64)$/)
      }
    })
  }

  it('binds to a context and to associated data', async () => {
    await vault.write('transit/keys/derived', { derived: true })
    const bound = { name: 'derived', context: b64('c'), associated_data: b64('d') }
    const { data } = await vault.encryptData({ ...bound, plaintext: PLAIN })
    const { ciphertext } = data
    const { data: plain } = await vault.decryptData({ ...bound, ciphertext })
    assert.equal(plain.plaintext, PLAIN)
    for (const other of [{ context: b64('cd') }, { associated_data: b64('') }]) {
      const asked = vault.decryptData({ ...bound, ...other, ciphertext })
      assert.deepEqual(await refusalOf(asked), [400, 'invalid ciphertext: unable to decrypt'])
    }
    const [status, text] = await refusalOf(vault.encryptData({ name: 'derived', plaintext: PLAIN }))
    assert.equal(status, 400)
    assert.match(text, /^missing 'context'/)
  })

  it('signs with Ed25519, ECDSA and RSA-PSS, as Node.js verifies, too', async () => {
    const message = Buffer.from('a message')
    const input = message.toString('base64')
    for (const type of ['ed25519', 'ecdsa-p256', 'rsa-2048', 'rsa-4096']) {
      const name = `a-${type}`
      const { data } = await vault.write(`transit/sign/${name}`, { input })
      const [, , text] = data.signature.split(':')
      const signature = Buffer.from(text, 'base64')
      const { data: key } = await vault.transitReadKey({ name })
      const shown: string = key.keys['1'].public_key
      if (type === 'ed25519') {
        const raw = { key: Buffer.from(shown, 'base64'), format: 'raw-public' } as const
        const publicKey = createPublicKey({ ...raw, asymmetricKeyType: 'ed25519' })
        assert.ok(verify(null, message, publicKey, signature))
      } else {
        const padding = constants.RSA_PKCS1_PSS_PADDING
        const how = type === 'ecdsa-p256' ? {} : { padding, saltLength: 32 }
        assert.ok(verify('sha256', message, { key: shown, ...how }, signature))
      }
      const fields = { input, signature: data.signature }
      const good = await vault.write(`transit/verify/${name}`, fields)
      assert.deepEqual(good.data, { valid: true })
      const bad = await vault.write(`transit/verify/${name}/sha2-256`, {
        ...{ ...fields, input: b64('another') },
      })
      assert.deepEqual(bad.data, { valid: false })
    }
  })

  it('writes signatures of JSON Web Signatures', async () => {
    const fields = { input: PLAIN, marshaling_algorithm: 'jws' }
    const { data } = await vault.write('transit/sign/a-ecdsa-p256', fields)
    const [, , text] = data.signature.split(':')
    assert.match(text, /^[\w-]{86}$/)
    const { data: key } = await vault.transitReadKey({ name: 'a-ecdsa-p256' })
    const how = { key: key.keys['1'].public_key, dsaEncoding: 'ieee-p1363' } as const
    const message = Buffer.from(PLAIN, 'base64')
    assert.ok(verify('sha256', message, how, Buffer.from(text, 'base64url')))
    const valid = await vault.write('transit/verify/a-ecdsa-p256', {
      ...{ ...fields, signature: data.signature },
    })
    assert.deepEqual(valid.data, { valid: true })
  })

  it('authenticates with HMAC, over a rotation', async () => {
    const { data } = await vault.write('transit/hmac/a-hmac', { input: PLAIN })
    assert.match(data.hmac, /^limen:v1:[A-Za-z0-9+/]{43}=$/)
    await vault.write('transit/keys/a-hmac/rotate', {})
    const next = await vault.write('transit/hmac/a-hmac/sha2-256', { input: PLAIN })
    assert.match(next.data.hmac, /^limen:v2:/)
    const old = await vault.write('transit/hmac/a-hmac', { input: PLAIN, key_version: 1 })
    assert.equal(old.data.hmac, data.hmac)
    for (const [input, valid] of [[PLAIN, true] as const, [b64('other'), false] as const]) {
      const said = await vault.write('transit/verify/a-hmac', { input, hmac: data.hmac })
      assert.deepEqual(said.data, { valid })
    }
  })

  it('gets data keys, shown and wrapped', async () => {
    for (const name of ['card', 'a-derive', 'a-aes256-gcm96']) {
      const { data } = await vault.write(`transit/datakey/plaintext/${name}`, { bits: 512 })
      assert.equal(Buffer.from(data.plaintext, 'base64').length, 64)
      const opened = await vault.decryptData({ name, ciphertext: data.ciphertext })
      assert.equal(opened.data.plaintext, data.plaintext)
    }
    const { data } = await vault.write('transit/datakey/wrapped/card', {})
    assert.deepEqual(Object.keys(data).sort(), ['ciphertext', 'key_version'])
  })

  it('gets chance, and hashes', async () => {
    const { data } = await vault.write('transit/random/16', { format: 'hex' })
    assert.match(data.random_bytes, /^[0-9a-f]{32}$/)
    const { data: more } = await vault.write('transit/random', { bytes: '20' })
    assert.equal(Buffer.from(more.random_bytes, 'base64').length, 20)
    const { data: hashed } = await vault.write('transit/hash/sha2-512', { input: PLAIN })
    const wanted = createHash('sha512').update(Buffer.from(PLAIN, 'base64')).digest('hex')
    assert.equal(hashed.sum, wanted)
  })

  it('goes by the minima that are set, trims, and deletes only what may be deleted', async () => {
    const name = 'a-derive'
    const { data } = await vault.encryptData({ name, plaintext: PLAIN, key_version: 1 })
    assert.match(data.ciphertext, /^limen:v1:/)
    const config = { min_decryption_version: 2, min_encryption_version: 2 }
    const { data: key } = await vault.write(`transit/keys/${name}/config`, config)
    assert.equal(key.min_decryption_version, 2)
    assert.deepEqual(await refusalOf(vault.decryptData({ name, ciphertext: data.ciphertext })), [
      ...[400, 'ciphertext version is disallowed by policy (too old)'],
    ] as const)
    const [status] = await refusalOf(vault.encryptData({ name, plaintext: PLAIN, key_version: 1 }))
    assert.equal(status, 400)
    const trimmed = await vault.write(`transit/keys/${name}/trim`, { min_available_version: 2 })
    assert.deepEqual(Object.keys(trimmed.data.keys), ['2'])
    assert.equal((await refusalOf(vault.transitDeleteKey({ name })))[0], 400)
    await vault.write(`transit/keys/${name}/config`, { deletion_allowed: true })
    await vault.transitDeleteKey({ name })
    assert.equal((await refusalOf(vault.transitReadKey({ name })))[0], 404)
    // A new one of the same name has nothing of the old one.
    const made = await vault.transitCreateKey({ name })
    assert.equal(made.data.latest_version, 1)
    const next = await refusalOf(vault.decryptData({ name, ciphertext: data.ciphertext }))
    assert.deepEqual(next, [400, 'invalid ciphertext: unable to decrypt'])
  })
})

describe('batches', () => {
  it('answers in order, each with its own result or error', async () => {
    const batch_input = [
      { plaintext: b64('one'), reference: 'r1' },
      { plaintext: '*' },
      { plaintext: b64('three'), context: b64('c') },
    ]
    const answer = await api.ask('POST', '/v1/transit/encrypt/card', { batch_input })
    assert.equal(answer.status, 400)
    const [one, two, three] = answer.body.data.batch_results
    assert.equal(one?.reference, 'r1')
    assert.deepEqual(two, { error: 'plaintext: failed to base64-decode' })
    const opened = await api.ask('POST', '/v1/transit/decrypt/card', {
      batch_input: [
        { ciphertext: one?.ciphertext },
        { ciphertext: three?.ciphertext, context: b64('c') },
        { ciphertext: 'vault:v1:AAAA' },
      ],
      partial_failure_response_code: 207,
    })
    assert.equal(opened.status, 207)
    assert.deepEqual(opened.body.data.batch_results, [
      { plaintext: b64('one') },
      { plaintext: b64('three') },
      { error: 'invalid ciphertext: it was made by a key of Vault, which is not here' },
    ])
    const signed = await api.ask('POST', '/v1/transit/sign/a-ed25519', {
      batch_input: [{ input: PLAIN }, { input: 'x' }],
    })
    const results = dataOf(signed)['batch_results'] as Record<string, string>[]
    assert.match(results[0]?.['signature'] ?? '', /^limen:v1:/)
    assert.deepEqual(results[1], { error: 'input: failed to base64-decode' })
  })

  it('lets others have their turn in a long one', async () => {
    const batch_input = Array.from({ length: 1000 }, (_, i) => ({ plaintext: b64(`item ${i}`) }))
    let isDone = false
    const long = api.ask('POST', '/v1/transit/encrypt/card', { batch_input }).finally(() => {
      isDone = true
    })
    let between = 0
    while (!isDone) {
      await api.ask('POST', '/v1/transit/random/8', {})
      if (!isDone) between++
    }
    const results = dataOf(await long)['batch_results'] as Record<string, string>[]
    assert.ok(between >= 3, `${between} answers in the meantime`)
    assert.equal(results.length, 1000)
    const { ciphertext } = results[999] ?? {}
    const { body } = await api.ask('POST', '/v1/transit/decrypt/card', { ciphertext })
    assert.equal(body.data.plaintext, b64('item 999'))
    const tooMany = { batch_input: [...batch_input, { plaintext: PLAIN }] }
    assert.equal((await api.ask('POST', '/v1/transit/encrypt/card', tooMany)).status, 400)
  })
})

describe('custody nodes that die', () => {
  it('two of five by SIGKILL, under load: nothing fails', async () => {
    const { data } = await vault.encryptData({ name: 'card', plaintext: PLAIN })
    const aes = await vault.encryptData({ name: 'a-aes256-gcm96', plaintext: PLAIN })
    const operations: readonly (() => Promise<unknown>)[] = [
      () => vault.encryptData({ name: 'card', plaintext: PLAIN }),
      () => vault.decryptData({ name: 'card', ciphertext: data.ciphertext }),
      () => vault.write('transit/sign/a-ed25519', { input: PLAIN }),
      () => vault.write('transit/sign/a-ecdsa-p256', { input: PLAIN }),
      () => vault.write('transit/hmac/a-hmac', { input: PLAIN }),
      () => vault.write('transit/datakey/plaintext/a-derive', {}),
      () => vault.decryptData({ name: 'a-aes256-gcm96', ciphertext: aes.data.ciphertext }),
    ]
    let count = 0
    const round = async (): Promise<void> => {
      for (const operation of operations) {
        await operation()
        count++
      }
    }
    await round()
    const [first, second] = cluster.nodes
    const load = (async () => {
      for (let i = 0; i < 5; i++) await round()
    })()
    await Promise.all([first?.kill('SIGKILL'), second?.kill('SIGKILL')])
    await load
    await round()
    assert.equal(count, 7 * operations.length)
    // A new key is dealt to all nodes, or not at all; and what is there stays.
    const [status] = await refusalOf(vault.write('transit/keys/card/rotate', {}))
    assert.equal(status, 503)
    assert.equal((await vault.transitReadKey({ name: 'card' })).data.latest_version, 1)
    await Promise.all([first?.start(), second?.start()])
    await vaultRotates('card', 2)
  })
})

/** Nodes that are back are asked again after a while. */
async function vaultRotates(name: string, version: number): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    try {
      const { data } = await vault.write(`transit/keys/${name}/rotate`, {})
      assert.equal(data.latest_version, version)
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
}

describe('the catalogue', () => {
  it('is there after a SIGKILL, and shared with a coordinator that makes no keys', async () => {
    const { data } = await vault.encryptData({ name: 'card', plaintext: PLAIN })
    await api.kill('SIGKILL')
    const catalogue = `${api.folder}/state/keys`
    const other = await newTransitApi(cluster, {
      ...{ id: 'api2', tokens: TOKENS, catalogue, makesKeys: false },
    })
    try {
      await Promise.all([api.start(), other.start()])
      for (const one of [api, other]) {
        const opened = await one.vault().decryptData({ name: 'card', ciphertext: data.ciphertext })
        assert.equal(opened.data.plaintext, PLAIN)
      }
      assert.equal((await refusalOf(other.vault().transitCreateKey({ name: 'new' })))[0], 403)
      await api.vault().transitCreateKey({ name: 'new' })
      const deadline = performance.now() + 30_000
      while ((await other.ask('GET', '/v1/transit/keys/new')).status !== 200) {
        assert.ok(performance.now() < deadline, 'the other coordinator has not seen the key')
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    } finally {
      await other.kill()
    }
  })

  it('writes down who did what, and no secret', async () => {
    const secret = 'a plaintext nobody else writes'
    await vault.encryptData({ name: 'card', plaintext: b64(secret) })
    const log = api.auditLog()
    const lines = log.trimEnd().split('\n')
    const last = JSON.parse(lines.at(-1) ?? '')
    assert.deepEqual(
      [last.caller, last.key, last.operation, last.result],
      ['app/all', 'card', 'encrypt', 'done'],
    )
    const batch = lines.map((line) => JSON.parse(line)).find(({ detail }) => detail?.failed === 1)
    assert.deepEqual(batch.detail, { failed: 1, items: 3 })
    for (const told of [secret, b64(secret), TOKENS.all, PLAIN]) {
      assert.ok(!log.includes(told) && !api.printed().includes(told))
    }
  })
})
