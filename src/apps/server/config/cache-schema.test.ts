import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dataPlaneSettings } from './data-plane-settings.ts'
import { readConfig } from './read-config.ts'

const read = (route: string) => {
  const text = `listeners: [{ name: web, address: 127.0.0.1:8080 }]
pools: [{ name: site, servers: [{ id: a, address: 127.0.0.1:9000 }] }]
routes: [${route}]
sessions: { enabled: true }`
  return readConfig({ file: 'limen.yaml', text, folder: '/etc/limen' }, {})
}
const complaints = (route: string): readonly string[] => {
  const outcome = read(route)
  if (outcome.kind === 'read') return []
  return outcome.complaints.map(({ path, text }) => `${path}: ${text}`)
}
const cacheOf = (route: string) => {
  const outcome = read(route)
  if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome.complaints))
  const none = new Uint8Array()
  const material = { certificates: [], affinityKey: none, ticketKeys: [], profileKey: none }
  return dataPlaneSettings(outcome.config, material).routes[0]?.cache
}

describe('routes[].cache', () => {
  it('is off by default, and has defaults', () => {
    assert.equal(cacheOf('{ pool: site }'), undefined)
    assert.deepEqual(cacheOf('{ pool: site, cache: {} }'), { bytesMax: 2 ** 24, secondsMax: 10 })
    assert.equal(cacheOf('{ pool: site, cache: { secondsMax: 2 } }')?.secondsMax, 2)
  })

  it('is refused without bounds, and where answers belong to sessions', () => {
    assert.deepEqual(complaints('{ pool: site, cache: {}, sessionKey: optional }'), [
      'routes[0].cache: needs sessionKey: off: its answers belong to sessions',
    ])
    assert.equal(complaints('{ pool: site, cache: { bytesMax: 0 } }').length, 1)
    assert.equal(complaints('{ pool: site, cache: { secondsMax: 3601 } }').length, 1)
    assert.equal(complaints('{ pool: site, cache: { seconds: 3 } }').length, 1)
  })
})
