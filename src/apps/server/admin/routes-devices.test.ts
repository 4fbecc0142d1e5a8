import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import { type RunningLimen, runLimen, SHORT_CONFIG } from '../../../../test/running-limen.ts'
import {
  issueDeviceCertificate,
  makeDeviceAuthority,
} from '../../../adapters/node/device-authority.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'

const TOKEN = 'a-token-of-an-operator'
const DEVICE = {
  ...{ party: 'camera-1', kind: 'device', state: 'enrolled', since: 1, epoch: 3, step: 'idle' },
  ...{ isPresent: true, behavior: null },
}

let folder: string
let service: FastifyInstance
let limen: RunningLimen
const asked: string[] = []

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-devices-'))
  const [clock, random] = [{ now: () => Date.now() }, systemRandom()]
  const authority = await makeDeviceAuthority(clock, random)
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' })
  const leaf = { name: 'service', publicKey, hosts: ['127.0.0.1'] }
  const cert = await issueDeviceCertificate(authority, leaf, clock, random)
  const key = pair.privateKey.export({ format: 'pem', type: 'pkcs8' })
  service = Fastify({ https: { cert, key, minVersion: 'TLSv1.3' } })
  service.addHook('onRequest', async ({ headers, method, url }) => {
    assert.equal(headers.authorization, `Bearer ${TOKEN}`)
    asked.push(`${method} ${url}`)
  })
  service.get('/v1/devices', async () => ({ devices: [{ ...DEVICE, more: 'not for all' }] }))
  service.get('/v1/devices/:party', async (_request, reply) =>
    reply.code(404).send({ type: 'urn:limen:err:not-found', detail: 'There is no such party' }),
  )
  service.post('/v1/devices/:party/rekey', async () => DEVICE)
  service.post('/v1/devices/:party/label', async (_request, reply) =>
    reply.code(409).send({ type: 'urn:limen:err:devices.state', detail: 'It is out' }),
  )
  await service.listen({ host: '127.0.0.1', port: 0 })
  writeFileSync(join(folder, 'ca.pem'), authority.certificate)
  writeFileSync(join(folder, 'token'), `${TOKEN}\n`)
  const { port } = service.server.address() as AddressInfo
  const devices = {
    keyService: `https://127.0.0.1:${port}`,
    caFile: join(folder, 'ca.pem'),
    tokenFile: join(folder, 'token'),
  }
  limen = await runLimen(`${SHORT_CONFIG}devices: ${JSON.stringify(devices)}\n`)
})
after(async () => {
  await limen.end()
  await service.close()
  rmSync(folder, { recursive: true, force: true })
})

const ask = (method: string, path: string, body?: unknown) =>
  fetch(new URL(path, limen.running.adminUrl), {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    headers: {
      authorization: `Bearer ${limen.token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
  })
const codeOf = async (response: Response): Promise<string> => {
  const { type } = (await response.json()) as { type: string }
  return `${response.status} ${type.replace('urn:limen:err:', '')}`
}

it('without devices there are none; a token that is not there ends the start', async () => {
  const without = await runLimen()
  const url = new URL('/v1/devices', without.running.adminUrl)
  const headers = { authorization: `Bearer ${without.token}` }
  assert.equal(await codeOf(await fetch(url, { headers })), '404 not-found')
  await without.end()
  const devices = { keyService: 'https://127.0.0.1:1', caFile: 'none.pem', tokenFile: 'none' }
  const text = `${SHORT_CONFIG}devices: ${JSON.stringify(devices)}\n`
  await assert.rejects(runLimen(text), { code: 'credentials-bad' })
})

describe('devices', () => {
  it('are what the key service says, and nothing besides', async () => {
    assert.deepEqual(await (await ask('GET', '/v1/devices')).json(), { devices: [DEVICE] })
    const rekeyed = await ask('POST', '/v1/devices/camera-1/rekey', { reason: 'hand' })
    assert.deepEqual(await rekeyed.json(), DEVICE)
    assert.deepEqual(asked, ['GET /v1/devices', 'POST /v1/devices/camera-1/rekey'])
    const { entries } = (await (await ask('GET', '/v1/audit')).json()) as {
      entries: { action: string; subject: string; detail: unknown }[]
    }
    assert.deepEqual(
      entries.map(({ action, subject, detail }) => [action, subject, detail]),
      [['device.rekey', 'camera-1', { reason: 'hand' }]],
    )
  })

  it('what it refuses is refused; what is no name does not get there', async () => {
    const before = asked.length
    assert.equal(await codeOf(await ask('GET', '/v1/devices/camera-9')), '404 not-found')
    const label = await ask('POST', '/v1/devices/camera-1/label', { label: 'intrusion' })
    assert.equal(await codeOf(label), '409 conflict')
    assert.equal(asked.length, before + 2)
    for (const [method, path, body] of [
      ['GET', '/v1/devices/..%2Fx', undefined],
      ['POST', '/v1/devices/camera-1/rekey', { reason: 'boot' }],
      ['POST', '/v1/devices/camera-1/label', { label: 'fine' }],
    ] as const) {
      assert.equal(await codeOf(await ask(method, path, body)), '400 bad-request', path)
    }
    assert.equal(asked.length, before + 2)
  })

  it('while it does not answer, that is said', async () => {
    await service.close()
    assert.equal(await codeOf(await ask('GET', '/v1/devices')), '503 unavailable')
  })
})
