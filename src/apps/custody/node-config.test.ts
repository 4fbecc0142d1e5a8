import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readNodeConfig } from './node-config.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-node-config-'))
after(() => rmSync(folder, { recursive: true }))
const file = join(folder, 'node.yaml')
const GOOD = `cluster: prod
id: n1
folder: shares
certificate: certificate.pem
key: /etc/key.pem
authority: authority.pem
identity: identity.pem
sealingKey: sealing.key
signingKey: signing.pem
wrapping: { file: wrapping.key, passphraseFile: passphrase }
roles: [server]
access:
  - { caller: { role: server, id: "s*" }, key: "**", operations: [sign], rate: { perS: 5, burst: 9 } }
`
const read = (text: string) => {
  writeFileSync(file, text)
  return readNodeConfig(file)
}

describe('readNodeConfig()', () => {
  it('takes paths from where the file is', () => {
    const config = read(GOOD)
    assert.equal(config.folder, join(folder, 'shares'))
    assert.equal(config.key, '/etc/key.pem')
    assert.deepEqual(config.wrapping, {
      file: join(folder, 'wrapping.key'),
      passphraseFile: join(folder, 'passphrase'),
    })
    assert.equal(config.listen, '127.0.0.1:9444')
    assert.deepEqual(config.access[0]?.rate, { perS: 5, burst: 9 })
  })

  it('takes a wrapping key from a token, or from shares that are given at a door', () => {
    const from = 'wrapping: { file: wrapping.key, passphraseFile: passphrase }'
    const token = 'pkcs11:token=limen;object=kek?module-path=/m.so&pin-source=file:/pin'
    const { wrapping } = read(GOOD.replace(from, `wrapping: { pkcs11: "${token}" }`))
    const uri = { token: 'limen', object: 'kek', modulePath: '/m.so', pinFile: '/pin' }
    assert.deepEqual(wrapping, { pkcs11: uri })
    const sealed = read(GOOD.replace(from, 'wrapping: { sealed: key.lcm, door: door.sock }'))
    assert.deepEqual(sealed.wrapping, {
      sealed: join(folder, 'key.lcm'),
      door: join(folder, 'door.sock'),
    })
    const withPin = `wrapping: { pkcs11: "${token}&pin-value=1234" }`
    assert.throws(
      () => read(GOOD.replace(from, withPin)),
      (error: Error) =>
        /wrapping: .*holds a PIN/.test(error.message) && !/1234/.test(error.message),
    )
    const half = 'wrapping: { sealed: a, passphraseFile: c }'
    assert.throws(() => read(GOOD.replace(from, half)), /wrapping: has to be file and/)
  })

  it('says everything that is wrong, and takes no key it does not know', () => {
    const bad: readonly (readonly [string, string, RegExp])[] = [
      ['cluster: prod', 'cluster: Prod/x', /node\.yaml: cluster: /],
      ['id: n1', 'id: ../n1', /: id: a name/],
      ['id: n1', 'listen: nowhere', /listen: host:port/],
      ['roles: [server]', 'roles: []', /: roles: /],
      ['perS: 5', 'perS: 0', /access\.0\.rate\.perS/],
      ['id: n1', 'id: n1\npassphrase: x', /passphrase/],
      ['operations: [sign]', 'operations: []', /access\.0\.operations/],
    ]
    for (const [from, to, said] of bad) {
      assert.throws(() => read(GOOD.replace(from, to)), { code: 'config-refused', message: said })
    }
    const two = GOOD.replace('id: n1', 'id: N').replace('roles: [server]', 'roles: []')
    assert.throws(() => read(two), /: id: [\s\S]*: roles: /)
  })

  it('says when it cannot be read', () => {
    assert.throws(() => readNodeConfig(join(folder, 'none')), { code: 'config-unreadable' })
    assert.throws(() => read('a: [b'), { code: 'config-unreadable' })
    assert.throws(() => read(`#${'x'.repeat(1 << 20)}`), { code: 'config-unreadable' })
  })
})
