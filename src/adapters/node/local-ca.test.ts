import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { localCertificate } from './local-ca.ts'
import { systemRandom } from './system-random.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})
const place = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'limen-ca-'))
  folders.push(folder)
  return folder
}
const DAY_MS = 86_400_000
const NAMES = ['localhost', '127.0.0.1', '::1']
const certify = (folder: string, names: readonly string[] = NAMES, inDays = 0) =>
  localCertificate({
    ...{ folder, names, random: systemRandom() },
    clock: { now: () => Date.now() + inDays * DAY_MS },
  })
const caOf = (folder: string): string => readFileSync(join(folder, 'ca.pem'), 'utf8')

describe('localCertificate()', () => {
  it('is good for its names, by RFC 5280 as Node checks it', async () => {
    const folder = place()
    const { certPem, names } = await certify(folder)
    const leaf = new X509Certificate(certPem)
    assert.deepEqual(names, NAMES)
    assert.equal(leaf.checkHost('localhost'), 'localhost')
    assert.equal(leaf.checkIP('::1'), '::1')
    assert.equal(leaf.checkHost('example.org'), undefined)
    assert.equal(leaf.checkIssued(new X509Certificate(caOf(folder))), true)
    assert.equal(leaf.ca, false)
    assert.equal(new X509Certificate(caOf(folder)).ca, true)
    assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
    // 1.3.6.1.5.5.7.3.1: serverAuth
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  })

  it('serves TLS that a client who trusts the CA accepts', async () => {
    const folder = place()
    const { certPem, keyPem } = await certify(folder)
    const server = createServer({ cert: certPem, key: keyPem }, (socket) => socket.end())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const authorized = (options: object) =>
      new Promise<boolean>((resolve) => {
        const socket: TLSSocket = connect({ port, host: '127.0.0.1', ...options }, () => {
          resolve(socket.authorized)
          socket.end()
        })
        socket.on('error', () => resolve(false))
      })
    assert.equal(await authorized({ ca: caOf(folder), servername: 'localhost' }), true)
    assert.equal(await authorized({ ca: caOf(folder) }), true, 'by address')
    assert.equal(await authorized({ servername: 'localhost' }), false, 'without the CA')
    server.close()
  })

  it('keeps its files for the owner alone', async () => {
    const folder = place()
    await certify(folder)
    for (const name of ['ca.key', 'ca.pem', 'leaf.key', 'leaf.pem']) {
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
    }
  })

  it('stays the same until a third of its life is left; then the CA signs a new one', async () => {
    const folder = place()
    const first = await certify(folder)
    assert.equal((await certify(folder, NAMES, 59)).certPem, first.certPem)
    const ca = caOf(folder)
    assert.notEqual((await certify(folder, NAMES, 61)).certPem, first.certPem)
    assert.equal(caOf(folder), ca)
  })

  it('is made anew for other names, by the same CA', async () => {
    const folder = place()
    await certify(folder, ['localhost'])
    const ca = caOf(folder)
    const { names } = await certify(folder, ['localhost', 'limen.test'])
    assert.deepEqual(names, ['localhost', 'limen.test'])
    assert.equal(caOf(folder), ca)
  })

  it('makes a new CA when the old one would not outlive the leaf, or is damaged', async () => {
    const folder = place()
    await certify(folder)
    const ca = caOf(folder)
    await certify(folder, NAMES, 3600)
    assert.notEqual(caOf(folder), ca)
    writeFileSync(join(folder, 'ca.key'), 'nonsense')
    writeFileSync(join(folder, 'leaf.pem'), 'nonsense')
    assert.deepEqual((await certify(folder)).names, NAMES)
  })
})
