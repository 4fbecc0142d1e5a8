import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { memoryCluster } from '../../../test/custody-nodes.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { CustodyClient } from './custody-client.ts'
import {
  AUTHORITY_FILE,
  AUTHORITY_KEY,
  certificatesByCustody,
  firstCertificates,
  type Issued,
} from './node-certificates.ts'

const HOUR_MS = 3_600_000
const folder = mkdtempSync(join(tmpdir(), 'limen-node-certificates-'))
const options = {
  ...{ cluster: 'test', ids: ['n1', 'n2'], caller: { role: 'server', id: 's1' }, folder },
  ...{ lifeMs: HOUR_MS, clock: systemClock, random: systemRandom() },
}
let client: CustodyClient

before(async () => {
  const cluster = await memoryCluster(5)
  client = cluster.client
  const nodes = cluster.nodes.map(({ id }) => id)
  await cluster.driver.make({ ...AUTHORITY_KEY, use: 'sign' }, { threshold: 3, nodes })
})
after(() => rmSync(folder, { recursive: true }))

/** Whether OpenSSL verifies each leaf under the authority that comes with it. */
function verify({ caller, nodes }: Issued): void {
  for (const { certificate, authority } of [caller, ...nodes.values()]) {
    writeFileSync(join(folder, 'leaf.pem'), certificate)
    writeFileSync(join(folder, 'ca.pem'), authority)
    const args = ['verify', '-x509_strict', '-CAfile', 'ca.pem', 'leaf.pem']
    assert.match(execFileSync('openssl', args, { cwd: folder, encoding: 'utf8' }), /leaf\.pem: OK/)
  }
}

describe('certificatesByCustody()', () => {
  it('are signed by three of five nodes, and OpenSSL verifies them', async () => {
    const issued = await certificatesByCustody(options, client)
    verify(issued)
    const authority = new X509Certificate(issued.caller.authority)
    const key = await client.publicKey({ ...AUTHORITY_KEY, use: 'sign' })
    assert.deepEqual(new Uint8Array(authority.publicKey.export({ format: 'raw-public' })), key)
    const names = [issued.caller, ...issued.nodes.values()].map(
      ({ certificate }) => new X509Certificate(certificate).subjectAltName,
    )
    assert.deepEqual(
      names,
      ['server/s1', 'node/n1', 'node/n2'].map((name) => `URI:limen://test/${name}`),
    )
  })

  it('keep their authority, and take none that somebody else put there', async () => {
    const path = join(folder, AUTHORITY_FILE)
    const kept = readFileSync(path, 'utf8')
    const again = await certificatesByCustody(options, client)
    assert.equal(again.caller.authority, kept)
    const others = await firstCertificates(options)
    writeFileSync(path, others.caller.authority)
    const issued = await certificatesByCustody(options, client)
    assert.notEqual(issued.caller.authority, others.caller.authority)
    verify(issued)
  })
})

describe('firstCertificates()', () => {
  it('are by another authority each time, which OpenSSL verifies', async () => {
    const [one, two] = [await firstCertificates(options), await firstCertificates(options)]
    verify(one)
    assert.notEqual(one.caller.authority, two.caller.authority)
  })
})
