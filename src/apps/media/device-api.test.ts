import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { before, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import {
  issueDeviceCertificate,
  makeDeviceAuthority,
} from '../../adapters/node/device-authority.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { type DeviceDesk, deviceApi } from './device-api.ts'

const SEED = 60_210_433
const TOKEN = 'a-token-of-an-operator'
const OPERATOR = { authorization: `Bearer ${TOKEN}` }
const ENROL = {
  ...{ party: 'camera-1', secret: 's'.repeat(22) },
  ...{ publicKey: 'k'.repeat(43), tlsKey: 't'.repeat(122) },
}

describe('the interface of the key service', () => {
  let api: ReturnType<typeof deviceApi>
  let asked: string[]

  const desk: DeviceDesk = {
    enrol: async ({ party, secret }) => {
      asked.push(`enrol ${party}`)
      if (secret !== ENROL.secret) {
        throw new LimenError('devices.code', 'The code is wrong', { side: 'client', retry: false })
      }
      return { party }
    },
    list: () => ({ devices: [] }),
    show: (party) => (party === 'camera-1' ? { party } : undefined),
    invite: (party, kind) => ({ code: `${party} ${kind}` }),
    rekey: (party, reason) => {
      asked.push(`rekey ${party} ${reason}`)
      return {}
    },
    stream: (party) => ({ of: party }),
    label: (party, label) => {
      asked.push(`label ${party} ${label}`)
      return {}
    },
    revoke: () => {
      throw new Error('a word of the system: /secret/place')
    },
  }

  before(async () => {
    const [clock, random] = [{ now: () => Date.now() }, systemRandom()]
    const authority = await makeDeviceAuthority(clock, random)
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' })
    const leaf = { name: 'service', publicKey, hosts: ['localhost'] }
    const certificate = await issueDeviceCertificate(authority, leaf, clock, random)
    const key = pair.privateKey.export({ format: 'pem', type: 'pkcs8' })
    api = deviceApi({ desk, token: TOKEN, certificate, key })
  })
  beforeEach(() => {
    asked = []
  })

  it('needs the token for all but enrolment', async () => {
    for (const [method, url] of [
      ['GET', '/v1/devices'],
      ['GET', '/v1/devices/camera-1'],
      ['POST', '/v1/devices'],
      ['POST', '/v1/devices/camera-1/rekey'],
      ['POST', '/v1/devices/camera-1/revoke'],
      ['POST', '/v1/devices/camera-1/label'],
      ['GET', '/v1/devices/camera-1/stream'],
    ] as const) {
      for (const authorization of ['', 'Bearer x', `Basic ${TOKEN}`]) {
        const { statusCode } = await api.inject({ method, url, headers: { authorization } })
        assert.equal(statusCode, 401, `${method} ${url}`)
      }
    }
    const right = await api.inject({ url: '/v1/devices', headers: OPERATOR })
    assert.deepEqual([right.statusCode, right.json()], [200, { devices: [] }])
    const enrolled = await api.inject({ method: 'POST', url: '/v1/enrol', payload: ENROL })
    assert.deepEqual([enrolled.statusCode, enrolled.json()], [200, { party: 'camera-1' }])
  })

  it('says what was refused, and nothing of what was sent or of the system', async () => {
    const wrong = { ...ENROL, secret: 'x'.repeat(22) }
    const code = await api.inject({ method: 'POST', url: '/v1/enrol', payload: wrong })
    assert.deepEqual([code.statusCode, code.json().type], [403, 'urn:limen:err:devices.code'])
    const headers = OPERATOR
    const gone = await api.inject({ url: '/v1/devices/camera-9', headers })
    assert.equal(gone.statusCode, 404)
    const url = '/v1/devices/camera-1/revoke'
    const failed = await api.inject({ method: 'POST', url, headers })
    assert.equal(failed.statusCode, 500)
    assert.equal(failed.body.includes('secret'), false)
    const long = { ...ENROL, more: 'x'.repeat(4000) }
    const large = await api.inject({ method: 'POST', url: '/v1/enrol', payload: long })
    assert.equal(large.statusCode, 400)
    const rekey = { method: 'POST', url: '/v1/devices/camera-1/rekey', headers } as const
    assert.equal((await api.inject({ ...rekey, payload: { reason: 'boot' } })).statusCode, 400)
    assert.deepEqual(asked, ['enrol camera-1'])
    assert.equal((await api.inject({ ...rekey, payload: { reason: 'anomaly' } })).statusCode, 200)
    assert.deepEqual(asked.slice(1), ['rekey camera-1 anomaly'])
    const label = { method: 'POST', url: '/v1/devices/camera-1/label', headers } as const
    assert.equal((await api.inject({ ...label, payload: { label: 'fine' } })).statusCode, 400)
    assert.equal((await api.inject({ ...label, payload: { label: 'intrusion' } })).statusCode, 200)
    assert.deepEqual(asked.slice(2), ['label camera-1 intrusion'])
    const stream = await api.inject({ url: '/v1/devices/camera-1/stream', headers })
    assert.deepEqual(stream.json(), { of: 'camera-1' })
  })

  it('whatever comes to be enrolled: it is refused, or is what it has to be', async () => {
    const text = fc.oneof(fc.string(), fc.constantFrom(...Object.values(ENROL)))
    const body = fc.oneof(
      fc.string(),
      fc
        .record({ party: text, secret: text, publicKey: text, tlsKey: text })
        .map((one) => JSON.stringify(one)),
      fc.json(),
    )
    await fc.assert(
      fc.asyncProperty(body, async (payload) => {
        asked = []
        const headers = { 'content-type': 'application/json' }
        const answer = await api.inject({ method: 'POST', url: '/v1/enrol', headers, payload })
        const isTaken = asked.length > 0
        assert.ok(isTaken ? [200, 403].includes(answer.statusCode) : answer.statusCode === 400)
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
})
