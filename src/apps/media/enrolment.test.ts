import assert from 'node:assert/strict'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import {
  issueDeviceCertificate,
  makeDeviceAuthority,
} from '../../adapters/node/device-authority.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { deviceApi, type EnrolRequest } from './device-api.ts'
import { enrol, enrolmentCode, readEnrolled } from './enrolment.ts'
import { openSealedFolder, type SealedFolder } from './sealed-folder.ts'

const DEVICE = 'camera-1'
const SECRET = 's'.repeat(22)
const IDENTITY = Buffer.alloc(32, 5)

describe('enrolment', () => {
  let folder: string
  let api: ReturnType<typeof deviceApi>
  let url: string
  let certificate: string
  let asked: EnrolRequest[]
  let sealed: SealedFolder

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'limen-enrolment-'))
    asked = []
    sealed = await openSealedFolder(folder, { kind: 'file' }, systemRandom())
    const [clock, random] = [{ now: () => Date.now() }, systemRandom()]
    const authority = await makeDeviceAuthority(clock, random)
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' })
    const leaf = { name: 'service', publicKey, hosts: ['127.0.0.1'] }
    certificate = await issueDeviceCertificate(authority, leaf, clock, random)
    const fails = () => assert.fail()
    api = deviceApi({
      ...{ certificate, key: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) },
      token: 'a-token-of-an-operator',
      desk: {
        ...{ list: fails, show: fails, invite: fails, rekey: fails, revoke: fails },
        ...{ stream: fails, label: fails },
        async enrol(request) {
          asked.push(request)
          const { party, tlsKey } = request
          const own = { name: party, publicKey: tlsKey, hosts: [] }
          return {
            ...{ party, kind: 'device', identity: IDENTITY.toString('base64url') },
            ...{ broker: 'mqtts://127.0.0.1:8883', ca: authority.certificate },
            certificate: await issueDeviceCertificate(authority, own, clock, random),
          }
        },
      },
    })
    await api.listen({ host: '127.0.0.1', port: 0 })
    url = `https://127.0.0.1:${(api.server.address() as AddressInfo).port}`
  })
  afterEach(async () => {
    await api.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const codeFor = (pem: string) => enrolmentCode(DEVICE, new X509Certificate(pem).raw, SECRET)

  it('sends public keys, and keeps what is needed to speak', async () => {
    assert.equal(readEnrolled(folder, sealed), undefined)
    await enrol(folder, url, `${codeFor(certificate)}\n`, sealed)
    const [request] = asked
    const enrolled = readEnrolled(folder, sealed) ?? assert.fail()
    assert.equal(request?.secret, SECRET)
    assert.deepEqual(Buffer.from(request.publicKey), enrolled.pair.publicKey)
    assert.deepEqual([enrolled.party, enrolled.kind], [DEVICE, 'device'])
    assert.deepEqual(Buffer.from(enrolled.identity), IDENTITY)
    const own = new X509Certificate(enrolled.tls.certificate)
    assert.equal(own.subject, `CN=${DEVICE}`)
    assert.ok(own.verify(new X509Certificate(enrolled.tls.ca).publicKey))
  })

  it('shows the code to nobody but the service that it names', async () => {
    const [clock, random] = [{ now: () => Date.now() }, systemRandom()]
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' })
    const other = await issueDeviceCertificate(
      await makeDeviceAuthority(clock, random),
      { name: 'service', publicKey, hosts: ['127.0.0.1'] },
      ...([clock, random] as const),
    )
    await assert.rejects(enrol(folder, url, codeFor(other), sealed), { code: 'admin-unreachable' })
    assert.deepEqual(asked, [])
    assert.equal(readEnrolled(folder, sealed), undefined)
  })

  it('takes no code that is none, and no folder that Limen did not write', async () => {
    for (const code of ['', 'x', `a/b:${'p'.repeat(43)}:${SECRET}`, `${DEVICE}:p:${SECRET}`]) {
      await assert.rejects(enrol(folder, url, code, sealed), { code: 'devices.code' }, code)
    }
    writeFileSync(join(folder, 'party.json'), '{}')
    assert.throws(() => readEnrolled(folder, sealed), { code: 'devices.enrolled' })
  })
})
