import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dataPlaneSettings } from './data-plane-settings.ts'
import { readConfig } from './read-config.ts'

const MATERIAL = {
  certificates: [],
  affinityKey: new Uint8Array(32),
  ticketKeys: [],
  profileKey: new Uint8Array(16),
}

it('dataPlaneSettings() splits addresses and says what plain listeners speak', () => {
  const text = `listeners:
  - { name: plain, address: '[::1]:8080', proxyProtocol: required }
  - { name: web, address: 0.0.0.0:8443, tls: { alpn: [http/1.1], minVersion: TLSv1.3 } }
certificates: [{ localCa: [localhost] }]
pools: [{ name: site, servers: [{ id: a, address: a.internal:80, weight: 3 }] }]
routes: [{ host: '*.example.org', path: /api, pool: site }]
`
  const outcome = readConfig({ file: 'x', text, folder: '/' }, {})
  if (outcome.kind !== 'read') assert.fail()
  const settings = dataPlaneSettings(outcome.config, MATERIAL)
  assert.deepEqual(settings.listeners, [
    {
      ...{ name: 'plain', host: '::1', port: 8080, proxyProtocol: 'required' },
      ...{ tls: false, minVersion: 'TLSv1.2', alpn: ['http/1.1'] },
    },
    {
      ...{ name: 'web', host: '0.0.0.0', port: 8443, proxyProtocol: 'off' },
      ...{ tls: true, minVersion: 'TLSv1.3', alpn: ['http/1.1'] },
    },
  ])
  assert.deepEqual(settings.pools[0]?.servers, [
    {
      id: 'a',
      host: 'a.internal',
      port: 80,
      weight: 3,
      connectionsMax: 256,
      proxyProtocol: 'off',
      labels: [],
    },
  ])
  assert.equal('drainMs' in settings.timeouts, false)
  assert.equal(settings.affinityKey, MATERIAL.affinityKey)
})

it('dataPlaneSettings() tells a pool whether its servers say their load, and what agents want to be shown', () => {
  const text = `listeners: [{ name: plain, address: 127.0.0.1:8080 }]
pools:
  - name: site
    load: { header: true, agentTokenFile: token }
    servers: [{ id: a, address: a.internal:80, agent: http://a.internal:9450/load }]
  - { name: other, servers: [{ id: a, address: b.internal:80 }] }
routes: [{ pool: site }]
`
  const outcome = readConfig({ file: 'x', text, folder: '/' }, {})
  if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome))
  const agentTokens = new Map([['site', 'sesame']])
  const settings = dataPlaneSettings(outcome.config, { ...MATERIAL, agentTokens })
  assert.deepEqual(
    settings.pools.map(({ readsLoad, agentToken }) => [readsLoad, agentToken]),
    [
      [true, 'sesame'],
      [undefined, undefined],
    ],
  )
  assert.equal(settings.pools[0]?.servers[0]?.agent, 'http://a.internal:9450/load')
  assert.ok(!('agentTokens' in settings || 'load' in (settings.pools[0] ?? {})))
})

describe('dataPlaneSettings() with session keys', () => {
  const text = `listeners: [{ name: plain, address: 127.0.0.1:8080 }]
pools: [{ name: site, servers: [{ id: a, address: a.internal:80 }] }]
routes: [{ path: /account, pool: site, sessionKey: required }, { pool: site }]
sessions: { enabled: true }
`
  const outcome = readConfig({ file: 'x', text, folder: '/' }, {})
  if (outcome.kind !== 'read') assert.fail()
  const keysOf = (place?: { host: string; port: number; token: string }) =>
    dataPlaneSettings(outcome.config, MATERIAL, place).routes.map(({ path, pool, sessionKey }) => [
      path,
      pool,
      sessionKey,
    ])

  it('puts the key server before all other routes', () => {
    assert.deepEqual(keysOf({ host: '127.0.0.1', port: 1, token: 'x' }), [
      ['/.well-known/limen', 'limen-keys', 'off'],
      ['/account', 'site', 'required'],
      ['/', 'site', 'off'],
    ])
  })

  it('asks for keys before there is a key server: what needs them is not served open', () => {
    assert.deepEqual(keysOf(), [
      ['/account', 'site', 'required'],
      ['/', 'site', 'off'],
    ])
  })
})
