import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { makeCluster } from '../custody/make-cluster.ts'
import { issueCertificate } from './custody-issue-command.ts'

let folder: string
let config: string
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-custody-issue-'))
  config = join(folder, 'custody.yaml')
  await makeCluster({
    ...{ folder, cluster: 'site', threshold: 2, clock: systemClock, random: systemRandom() },
    nodes: ['n1', 'n2'].map((id) => ({ id, address: '127.0.0.1:9444', domain: id })),
    from: { kind: 'new', operators: 3, operatorsNeeded: 2 },
  })
})
after(() => rmSync(folder, { recursive: true, force: true }))

describe('issueCertificate()', () => {
  for (const name of ['node/n1', 'server/shop', 'api/api1']) {
    it(`issues ${name}, as init does`, async () => {
      const to = join(folder, 'new', name)
      let said = ''
      await issueCertificate(name, to, { config }, (text) => {
        said = text
      })
      const made = new X509Certificate(readFileSync(`${to}.pem`))
      const authority = new X509Certificate(readFileSync(join(folder, 'authority.pem')))
      assert.ok(made.verify(authority.publicKey))
      assert.ok(made.checkPrivateKey(createPrivateKey(readFileSync(`${to}.key`))))
      assert.equal(made.subjectAltName, `URI:limen://site/${name}`)
      const first = new X509Certificate(readFileSync(join(folder, 'server.pem')))
      assert.deepEqual([made.keyUsage, made.ca], [first.keyUsage, first.ca])
      const days = (made.validToDate.getTime() - Date.now()) / 86_400_000
      assert.ok(days > 364 && days < 366)
      assert.match(said, /good until \d{4}-\d\d-\d\d$/)
      assert.equal(statSync(`${to}.key`).mode & 0o777, 0o600)
    })
  }

  it('overwrites nothing, and takes no other key', async () => {
    const to = join(folder, 'server')
    const before = readFileSync(`${to}.key`)
    const issue = (name: string, where: string, options = {}) =>
      issueCertificate(name, where, { config, ...options }, assert.fail)
    await assert.rejects(issue('server/s', to), { code: 'usage', message: /is there already/ })
    assert.deepEqual(readFileSync(`${to}.key`), before)
    const other = join(folder, 'other')
    await assert.rejects(issue('server', other), { code: 'usage' })
    await assert.rejects(issue('node/n9', other), { code: 'usage', message: /no node n9/ })
    writeFileSync(join(folder, 'none.key'), 'none')
    for (const key of ['server.key', 'none.key', 'away.key']) {
      const authorityKey = join(folder, key)
      await assert.rejects(issue('server/s', other, { authorityKey }), { code: 'credentials-bad' })
    }
  })
})
