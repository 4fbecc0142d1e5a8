import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { openShareVault } from '../../src/adapters/node/share-vault.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { CK, loadCryptoki } from '../../src/adapters/pkcs11/cryptoki.ts'
import { type Pkcs11Uri, readPkcs11Uri } from '../../src/adapters/pkcs11/pkcs11-uri.ts'
import { makeTokenKey, openTokenKey } from '../../src/adapters/pkcs11/wrapping-key.ts'
import { sampleShare, VAULT_NODE } from '../../src/ports/share-vault.contract.ts'
import type { WrappingKey } from '../../src/ports/wrapping-key.ts'
import { type SoftHsm, softHsm } from './soft-hsm.ts'

const random = systemRandom()
const one = sampleShare(1, 1)
let hsm: SoftHsm
let folder: string
let key: WrappingKey
const uriOf = (object: string, token?: string): Pkcs11Uri => {
  const outcome = readPkcs11Uri(hsm.uri(object, token))
  if (outcome.kind === 'refused') assert.fail(outcome.says)
  return outcome.uri
}
/** In a process of its own. */
const run = async (uri: string): Promise<Readonly<Record<string, string>>> => {
  const program = join(import.meta.dirname, 'token-process.ts')
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, uri, folder])
  assert.equal(`${stdout}${stderr}`.includes('no-such-pin'), false, 'the PIN is said')
  return JSON.parse(stdout)
}

before(async () => {
  hsm = softHsm()
  folder = mkdtempSync(join(tmpdir(), 'limen-token-vault-'))
  await makeTokenKey({ uri: uriOf('kek'), random })
  key = await openTokenKey({ uri: uriOf('kek'), random })
})
after(async () => {
  await key.close()
  hsm.end()
  rmSync(folder, { recursive: true })
})

describe('a wrapping key in SoftHSM', () => {
  it('wraps and unwraps, each time otherwise, many at once', async () => {
    const data = Array.from({ length: 50 }, () => random.bytes(32))
    const wrapped = await Promise.all(data.map((one) => key.wrap(one)))
    assert.deepEqual(await Promise.all(wrapped.map((one) => key.unwrap(one))), data)
    const [first = new Uint8Array()] = data
    assert.notDeepEqual(await key.wrap(first), wrapped[0])
    for (const one of wrapped) assert.equal(Buffer.from(one).includes(first), false)
    await assert.rejects(key.wrap(new Uint8Array(31)), RangeError)
  })

  it('opens nothing that was changed, or wrapped by another key', async () => {
    const wrapped = await key.wrap(random.bytes(32))
    for (let at = 0; at < wrapped.length; at++) {
      const changed = wrapped.slice()
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(await key.unwrap(changed), undefined, `octet ${at}`)
    }
    assert.equal(await key.unwrap(wrapped.subarray(1)), undefined)
    await makeTokenKey({ uri: uriOf('other'), random })
    const other = await openTokenKey({ uri: uriOf('other'), random })
    assert.notDeepEqual(other.reference, key.reference)
    assert.equal(await other.unwrap(wrapped), undefined)
    await other.close()
    assert.ok(await key.unwrap(wrapped))
  })

  it('cannot be read', async () => {
    const { modulePath } = uriOf('kek')
    const { cryptoki } = await loadCryptoki(modulePath)
    const [slot = Buffer.of()] = cryptoki.C_GetSlotList(true)
    // The login is the process's.
    const session = cryptoki.C_OpenSession(slot, CK.CKF_SERIAL_SESSION)
    cryptoki.C_FindObjectsInit(session, [{ type: CK.CKA_LABEL, value: 'kek' }])
    const [handle = Buffer.of()] = cryptoki.C_FindObjects(session, 1)
    cryptoki.C_FindObjectsFinal(session)
    const read = () => cryptoki.C_GetAttributeValue(session, handle, [{ type: CK.CKA_VALUE }])
    assert.throws(read, /CKR_ATTRIBUTE_SENSITIVE/)
    cryptoki.C_CloseSession(session)
  })

  it('keeps a vault over a restart, and a wrong PIN opens nothing and is not said', async () => {
    const vault = await openShareVault({ folder, node: VAULT_NODE, wrapping: key, random })
    await vault.prepare(one.unsigned, one.share)
    await vault.commit(one.signed)
    const keystore = readFileSync(join(folder, 'keystore'))
    assert.deepEqual(await run(hsm.uri('kek')), { state: 'committed' })
    assert.equal((await run(hsm.uri('other')))['code'], 'vault-key')
    hsm.writePin('no-such-pin')
    const refused = await run(hsm.uri('kek'))
    assert.equal(refused['code'], 'token-pin')
    assert.match(refused['message'] ?? '', /"limen test" does not take the PIN/)
    hsm.writePin(hsm.pin)
    assert.deepEqual(await run(hsm.uri('kek')), { state: 'committed' })
    assert.deepEqual(readFileSync(join(folder, 'keystore')), keystore)
  })

  it('says which token, key, module or PIN file is not there', async () => {
    assert.equal((await run(hsm.uri('kek', 'absent')))['code'], 'token-missing')
    assert.equal((await run(hsm.uri('absent')))['code'], 'token-key')
    const noModule = hsm.uri('kek').replace(/libsofthsm2/, 'libabsent')
    assert.equal((await run(noModule))['code'], 'token-module')
    assert.equal((await run(`${hsm.uri('kek')}-absent`))['code'], 'token-pin')
    await assert.rejects(makeTokenKey({ uri: uriOf('kek'), random }), { code: 'token-key' })
  })

  it('refuses a key that could be taken out of the token', async () => {
    const { cryptoki } = await loadCryptoki(uriOf('kek').modulePath)
    const [slot = Buffer.of()] = cryptoki.C_GetSlotList(true)
    const session = cryptoki.C_OpenSession(slot, CK.CKF_SERIAL_SESSION | CK.CKF_RW_SESSION)
    cryptoki.C_GenerateKey(session, { mechanism: CK.CKM_AES_KEY_GEN }, [
      { type: CK.CKA_CLASS, value: CK.CKO_SECRET_KEY },
      { type: CK.CKA_LABEL, value: 'loose' },
      { type: CK.CKA_TOKEN, value: true },
      { type: CK.CKA_VALUE_LEN, value: 32 },
      { type: CK.CKA_SENSITIVE, value: true },
      { type: CK.CKA_EXTRACTABLE, value: true },
    ])
    await assert.rejects(openTokenKey({ uri: uriOf('loose'), random }), {
      ...{ code: 'token-key', message: /can be read or taken out/ },
    })
    cryptoki.C_CloseSession(session)
  })

  it('fails clearly when the token is gone, and works again when it is back', async () => {
    const data = random.bytes(32)
    const wrapped = await key.wrap(data)
    hsm.remove()
    try {
      await assert.rejects(key.unwrap(wrapped), { code: 'token-gone', retry: true })
      await assert.rejects(key.wrap(data), { code: 'token-gone', retry: true })
    } finally {
      hsm.putBack()
    }
    assert.deepEqual(await key.unwrap(wrapped), data)
    assert.deepEqual((await run(hsm.uri('kek')))['state'], 'committed')
  })

  it('works for several keys, also when another one has lost the token', async () => {
    const other = await openTokenKey({ uri: uriOf('other'), random })
    const data = random.bytes(32)
    const wrapped = await Promise.all([key.wrap(data), other.wrap(data)])
    hsm.remove()
    await assert.rejects(other.wrap(data), { code: 'token-gone' })
    hsm.putBack()
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(await other.unwrap(wrapped[1]), data)
      assert.deepEqual(await key.unwrap(wrapped[0]), data)
    }
    await other.close()
  })

  it('does not try a PIN again that was refused', async () => {
    const own = await openTokenKey({ uri: uriOf('kek'), random })
    const data = random.bytes(32)
    const wrapped = await own.wrap(data)
    hsm.remove()
    await assert.rejects(own.unwrap(wrapped), { code: 'token-gone' })
    hsm.putBack()
    hsm.writePin('no-such-pin')
    await assert.rejects(own.unwrap(wrapped), { code: 'token-pin' })
    hsm.writePin(hsm.pin)
    await assert.rejects(own.unwrap(wrapped), { code: 'token-pin' })
    await own.close()
    assert.deepEqual(await key.unwrap(wrapped), data)
  })
})
