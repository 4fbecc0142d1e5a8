import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { authorityCertificate, nameCertificate } from './name-certificate.ts'
import { systemClock } from './system-clock.ts'
import { systemRandom } from './system-random.ts'

const HOUR_MS = 3_600_000
const NAME = 'limen://test/node/n1'

function newAuthority(name: string) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    ...{ name, clock: systemClock, random: systemRandom() },
    publicKey: new Uint8Array(publicKey.export({ format: 'raw-public' })),
    sign: async (octets: Uint8Array) => new Uint8Array(sign(null, octets, privateKey)),
  }
}

/** What OpenSSL says of a leaf under an authority. */
function verifiedBy(authority: string, leaf: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'limen-name-certificate-'))
  try {
    writeFileSync(join(folder, 'ca.pem'), authority)
    writeFileSync(join(folder, 'leaf.pem'), leaf)
    const args = ['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', 'ca.pem']
    return execFileSync('openssl', [...args, 'leaf.pem'], {
      ...{ cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('nameCertificate()', () => {
  it('makes what OpenSSL verifies under the authority, and under no other', async () => {
    const authority = newAuthority('Limen test')
    const ca = await authorityCertificate(authority, 24 * HOUR_MS)
    const { certificate, key } = await nameCertificate(authority, NAME, HOUR_MS)
    assert.match(verifiedBy(ca, certificate), /: OK/)
    const other = await authorityCertificate(newAuthority('Limen test'), 24 * HOUR_MS)
    assert.throws(() => verifiedBy(other, certificate))
    assert.match(key, /BEGIN PRIVATE KEY/)
  })

  it('names one URI, for as long as is said', async () => {
    const { certificate } = await nameCertificate(newAuthority('Limen test'), NAME, HOUR_MS)
    const leaf = new X509Certificate(certificate)
    assert.equal(leaf.subjectAltName, `URI:${NAME}`)
    assert.equal(leaf.ca, false)
    const leftMs = leaf.validToDate.getTime() - Date.now()
    assert.ok(leftMs > HOUR_MS - 60_000 && leftMs <= HOUR_MS + 1_000, String(leftMs))
  })
})
