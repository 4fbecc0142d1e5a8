/**
 * testssl.sh against the edge: protocols, ciphers, certificate, known attacks; no weakness that is the edge's.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { freePorts } from '../free-ports.ts'
import { type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import { type LimenUnderTest, startLimen } from './fleet-under-test.ts'

/** Debian calls it `testssl`, its authors `testssl.sh`. */
const PROGRAMS = ['testssl', 'testssl.sh']
/** Severities from which a finding counts; OK, INFO and LOW are below, WARN says that it could not look. */
const WEAK = ['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL']
const CHECKS = ['--protocols', '--server-defaults', '--server-preference', '--fs']
const MORE_CHECKS = ['--cipher-per-proto', '--vulnerable', '--headers']

/** What testssl finds that is not the edge's to mend. */
const NOT_THE_EDGE: readonly { readonly id: RegExp; readonly why: string }[] = [
  { id: /^HSTS/, why: 'a promise about the whole site, for the application to make' },
  { id: /^security_headers$/, why: 'fields of pages, for the application to set' },
  { id: /^cert_revocation/, why: 'a private CA has no revocation service' },
]
/** What it must have come to; its names differ between versions. */
const LOOKED_AT = [
  /^TLS1_2$/,
  /^TLS1_3$/,
  /^P?FS$/,
  /^cert_notAfter$/,
  /^cert_chain_of_trust/,
  /^heartbleed$/,
  /^ROBOT$/,
  /^LUCKY13$/,
]

interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

describe('testssl.sh', () => {
  let limen: LimenUnderTest
  let origin: EdgeOrigin
  let port = 0

  before(async () => {
    origin = await startEdgeOrigin()
    ;[port = 0] = await freePorts(1)
    limen = await startLimen({
      listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
      certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
      pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${origin.port}` }] }],
      routes: [{ pool: 'site' }],
    })
  })

  after(async () => {
    await limen?.clean()
    await origin?.close()
  })

  it('finds no weakness of the edge', async (t) => {
    const startedAt = performance.now()
    const file = join(limen.folder, 'testssl.json')
    const ca = join(limen.folder, 'data', 'local-ca', 'ca.pem')
    const options = ['--quiet', '--color', '0', '--warnings', 'off', '--ip', '127.0.0.1']
    const child = spawn(
      programIn(process.env['PATH'] ?? ''),
      [
        ...options,
        ...CHECKS,
        ...MORE_CHECKS,
        '--add-ca',
        ca,
        '--jsonfile',
        file,
        `localhost:${port}`,
      ],
      { cwd: limen.folder, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (more: string) => {
        printed += more
      })
    }
    await once(child, 'close')
    assert.ok(existsSync(file), printed)
    const findings = JSON.parse(readFileSync(file, 'utf8')) as Finding[]
    const shown = ({ id, severity, finding }: Finding): string => `${severity} ${id}: ${finding}`
    const weak = findings.filter(({ severity }) => WEAK.includes(severity))
    const excused = weak.filter(({ id }) => NOT_THE_EDGE.some((one) => one.id.test(id)))
    t.diagnostic(`${findings.length} findings in ${Math.round(performance.now() - startedAt)} ms`)
    for (const finding of excused) t.diagnostic(`not the edge's: ${shown(finding)}`)
    for (const finding of findings.filter(({ severity }) => ['LOW', 'WARN'].includes(severity))) {
      t.diagnostic(shown(finding))
    }
    assert.deepEqual(weak.filter((finding) => !excused.includes(finding)).map(shown), [])
    // It did look: at the protocols, the ciphers, the certificate and the well-known attacks.
    const ids = findings.map(({ id }) => id)
    for (const id of LOOKED_AT) {
      assert.ok(
        ids.some((one) => id.test(one)),
        `${id} is missing:\n${printed.slice(-3000)}`,
      )
    }
    const verdict = (id: string): string | undefined =>
      findings.find((one) => one.id === id)?.finding
    assert.match(verdict('cert_chain_of_trust') ?? '', /passed/)
    assert.match(verdict('TLS1_3') ?? '', /^offered/)
    // Version 3.2 and later grade as well.
    assert.match(verdict('overall_grade') ?? 'A', /^A/)
  })
})

function programIn(path: string): string {
  const found = PROGRAMS.find((name) =>
    path.split(delimiter).some((folder) => existsSync(join(folder, name))),
  )
  assert.ok(found, 'testssl is installed (npm run real does that)')
  return found
}
