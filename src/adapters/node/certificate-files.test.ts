import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readCertificatePair } from './certificate-files.ts'
import { localCertificate } from './local-ca.ts'
import { systemClock } from './system-clock.ts'
import { systemRandom } from './system-random.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-cert-'))
after(() => rmSync(folder, { recursive: true }))
const file = (name: string): string => join(folder, name)

before(async () => {
  for (const name of ['one', 'two']) {
    const made = { folder: file(name), names: [`${name}.test`], clock: systemClock }
    await localCertificate({ ...made, random: systemRandom() })
  }
  writeFileSync(file('text'), 'not a PEM')
})

describe('readCertificatePair()', () => {
  it('reads a chain and its key', () => {
    const outcome = readCertificatePair(file('one/leaf.pem'), file('one/leaf.key'))
    assert.equal(outcome.kind, 'read')
    assert.deepEqual(outcome.kind === 'read' && outcome.pair.names, ['one.test'])
  })

  const bad: readonly (readonly [what: string, cert: string, key: string, said: RegExp])[] = [
    ['no certificate file', 'none', 'one/leaf.key', /^certFile cannot be read: no such file/],
    ['no key file', 'one/leaf.pem', 'none', /^keyFile cannot be read: no such file/],
    ['a folder', '.', 'one/leaf.key', /^certFile cannot be read: EISDIR/],
    ['no PEM in it', 'text', 'one/leaf.key', /^certFile holds no PEM certificate/],
    ['no key in it', 'one/leaf.pem', 'text', /^keyFile holds no unencrypted PEM private key/],
    ['swapped files', 'one/leaf.key', 'one/leaf.pem', /^certFile holds no PEM certificate/],
    ['the key of another', 'one/leaf.pem', 'two/leaf.key', /^keyFile is not the key of the cert/],
  ]
  for (const [what, cert, key, said] of bad) {
    it(`refuses ${what}, and says which file is to blame`, () => {
      const outcome = readCertificatePair(file(cert), file(key))
      if (outcome.kind === 'read') assert.fail()
      assert.match(`${outcome.file} ${outcome.text}`, said)
    })
  }
})
