import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dataPlaneSettings } from './data-plane-settings.ts'
import { readConfig } from './read-config.ts'

const read = (behavior: string, route = '{ pool: site }', more = '') => {
  const text = `listeners: [{ name: web, address: 127.0.0.1:8080 }]
pools:
  - { name: site, servers: [{ id: a, address: 127.0.0.1:9000 }] }
  - { name: strict, servers: [{ id: a, address: 127.0.0.1:9001 }] }
routes: [${route}]
behavior: ${behavior}
${more}`
  return readConfig({ file: 'limen.yaml', text, folder: '/etc/limen' }, {})
}
const complaints = (...how: Parameters<typeof read>): readonly string[] => {
  const outcome = read(...how)
  if (outcome.kind === 'read') return []
  return outcome.complaints.map(({ path, text }) => `${path}: ${text}`)
}
const settingsOf = (...how: Parameters<typeof read>) => {
  const outcome = read(...how)
  if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome.complaints))
  const none = new Uint8Array()
  const material = { certificates: [], affinityKey: none, ticketKeys: [], profileKey: none }
  const place = { host: '127.0.0.1', port: 7, token: 'secret' }
  return dataPlaneSettings(outcome.config, material, undefined, undefined, place)
}
const TIERS = '{ pool: site, pools: { tier2: strict } }'

describe('behavior', () => {
  it('is refused where it cannot be', () => {
    assert.deepEqual(complaints('{ mode: observe, tier2: 6 }'), [
      'behavior.tier2: must not exceed behavior.tier3',
    ])
    assert.deepEqual(complaints('{ mode: observe, userField: Set-Cookie }'), [
      'behavior.userField: "Set-Cookie" means something else',
    ])
    assert.deepEqual(complaints('{ mode: observe, store: redis }'), [
      'behavior.store: redis needs sessions.redis',
    ])
    assert.deepEqual(complaints('{}', TIERS), [
      'routes[0].pools: needs behavior.mode: nobody would have a tier',
    ])
    const elsewhere = '{ pool: site, pools: { tier2: strikt, tier3: site } }'
    assert.deepEqual(complaints('{ mode: enforce }', elsewhere), [
      'routes[0].pools.tier2: no pool is called "strikt" (did you mean "strict"?)',
    ])
    const redis = 'sessions: { redis: { url: "redis://127.0.0.1:6379" } }'
    assert.deepEqual(complaints('{ mode: enforce, store: redis }', TIERS, redis), [])
  })

  it('has a route of its own before all others, and pools by tier', () => {
    const { routes, pools, behavior } = settingsOf('{ mode: enforce, work: 9 }', TIERS)
    assert.equal(routes[0]?.path.startsWith('/.well-known/limen/behavior'), true)
    assert.equal(routes[0]?.sessionKey ?? 'off', 'off')
    assert.deepEqual(routes.at(-1)?.tierPools, { tier2: 'strict' })
    assert.equal(pools.at(-1)?.fields, 'limen-edge: secret\r\n')
    assert.deepEqual(behavior, { userField: 'limen-user', requestsPerSecond: 0, work: 9 })
  })

  it('captures where it is told to, and where there are tiers', () => {
    const capture = '{ enabled: true, redact: [X-Secret], eve: eve.json }'
    const { behavior } = settingsOf(`{ mode: enforce, sessionCookie: sid, capture: ${capture} }`)
    assert.deepEqual(behavior, {
      ...{ userField: 'limen-user', requestsPerSecond: 0, work: 0, sessionCookie: 'sid' },
      capture: { requestBytes: 65_536, redact: ['x-secret'] },
    })
    assert.equal(settingsOf('{ mode: enforce }').behavior?.capture, undefined)
    assert.deepEqual(complaints('{ capture: { enabled: true } }'), [
      'behavior.capture.enabled: needs behavior.mode: nobody would have a tier',
    ])
    assert.deepEqual(complaints('{ mode: enforce, capture: { eve: x } }'), [
      'behavior.capture.eve: needs behavior.capture.enabled',
    ])
    for (const bad of ['redact: ["a b"]', 'requestBytes: 2000000', 'keepS: 1', 'sizes: 1']) {
      assert.equal(complaints(`{ mode: enforce, capture: { ${bad} } }`).length, 1, bad)
    }
    assert.equal(complaints('{ mode: enforce, sessionCookie: "a=b" }').length, 1)
  })

  it('finds the file of events from the folder of the configuration', () => {
    const eveOf = (eve: string): string | undefined => {
      const outcome = read(`{ mode: enforce, capture: { enabled: true, eve: "${eve}" } }`)
      if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome.complaints))
      return outcome.config.behavior.capture.eve
    }
    assert.equal(eveOf('eve.json'), '/etc/limen/eve.json')
    assert.equal(eveOf('/var/log/eve.json'), '/var/log/eve.json')
    assert.equal(eveOf('unix:eve.socket'), 'unix:/etc/limen/eve.socket')
  })

  it('takes requests under a session key for that session', () => {
    const { routes } = settingsOf('{ mode: observe }', undefined, 'sessions: { enabled: true }')
    const route = routes.find(({ path }) => path === '/.well-known/limen/behavior')
    assert.equal(route?.sessionKey, 'optional')
  })
})
