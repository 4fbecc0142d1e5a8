import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { localCertificate } from '../../adapters/node/local-ca.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { sealedSecrets } from './state-secrets.ts'

const random = systemRandom()
const data = mkdtempSync(join(tmpdir(), 'limen-state-secrets-'))
after(() => rmSync(data, { recursive: true }))
const recordKey = createSecretKey(Buffer.alloc(32, 5))
const listed = () => readdirSync(data, { recursive: true }).map(String).sort()
const certify = (folder: string, files?: ReturnType<typeof sealedSecrets>) =>
  localCertificate({
    ...{ folder: join(data, folder), names: ['localhost'], clock: systemClock, random },
    ...(files === undefined ? {} : { files }),
  })

describe('sealedSecrets()', () => {
  it('takes over every secret of a folder of before, and nothing else', async () => {
    const names = ['ticket.keys', 'affinity.key', 'profile.key', 'person.key']
    const secrets = names.map((name, i) => [name, Buffer.alloc(16, 64 + i)] as const)
    for (const [name, secret] of secrets) writeFileSync(join(data, name), secret)
    const cas = ['local-ca', 'local-ca-1', 'cluster-ca']
    const before = await Promise.all(cas.map((folder) => certify(folder)))
    const keys = cas.map((folder) => readFileSync(join(data, folder, 'ca.key')))
    writeFileSync(join(data, 'admin-token'), 'token\n')
    mkdirSync(join(data, 'local-cases'))
    writeFileSync(join(data, 'local-cases/ca.key'), 'mine')
    const files = sealedSecrets(data, recordKey, random)
    const sealed = names.map((name) => `${name}.sealed`)
    const ofCas = cas.flatMap((folder) =>
      ['', '/ca.key.sealed', '/ca.pem', '/leaf.key.sealed', '/leaf.pem'].map(
        (name) => folder + name,
      ),
    )
    const rest = ['admin-token', 'local-cases', 'local-cases/ca.key']
    assert.deepEqual(listed(), [...sealed, ...ofCas, ...rest].sort())
    for (const [name, secret] of secrets) assert.deepEqual(files.read(join(data, name)), secret)
    for (const [i, folder] of cas.entries()) {
      assert.deepEqual(files.read(join(data, folder, 'ca.key')), keys[i])
      // The same leaf, and a new one by the same CA.
      assert.equal((await certify(folder, files)).certPem, before[i]?.certPem)
      const ca = readFileSync(join(data, folder, 'ca.pem'))
      rmSync(join(data, folder, 'leaf.pem'))
      assert.notEqual((await certify(folder, files)).certPem, before[i]?.certPem)
      assert.deepEqual(readFileSync(join(data, folder, 'ca.pem')), ca)
    }
    assert.deepEqual(listed(), [...sealed, ...ofCas, ...rest].sort())
    assert.throws(
      () =>
        sealedSecrets(data, createSecretKey(Buffer.alloc(32)), random).read(
          join(data, 'person.key'),
        ),
      { code: 'secret-file-bad' },
    )
  })
})
