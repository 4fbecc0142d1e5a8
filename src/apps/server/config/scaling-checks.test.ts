import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { dataPlaneSettings } from './data-plane-settings.ts'
import { readConfig } from './read-config.ts'
import { isWebhookUrl } from './webhook-fields.ts'

const text = (
  scaling: string,
  more = '',
): string => `listeners: [{ name: web, address: 127.0.0.1:8080 }]
pools: [{ name: site, servers: [{ id: p9100, address: 127.0.0.1:9000, connectionsMax: 7 }], scaling: ${scaling} }]
routes: [{ pool: site }]
${more}`
const read = (scaling: string, more = '') =>
  readConfig({ file: 'limen.yaml', text: text(scaling, more), folder: '/etc/limen' }, {})
const complaintsAbout = (scaling: string, more = ''): readonly string[] => {
  const outcome = read(scaling, more)
  return outcome.kind === 'read'
    ? []
    : outcome.complaints.map(({ path, text }) => `${path}: ${text}`)
}

describe('pools[].scaling', () => {
  it('is off without it, and has defaults with it', () => {
    const outcome = read(
      `{ max: 4, startUpS: 30, webhook: { url: 'https://x.test/a', secretFile: key }, processes: { command: [node, s.js], portFrom: 9001 } }`,
    )
    if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome.complaints))
    assert.deepEqual(outcome.config.pools[0]?.scaling, {
      ...{ by: 'forecast', min: 1, max: 4, startUpS: 30, marginS: 60, utilisation: 0.7 },
      webhook: { url: 'https://x.test/a', secretFile: '/etc/limen/key' },
      processes: {
        ...{ command: ['node', 's.js'], portFrom: 9001, readyPath: '/', cwd: '/etc/limen' },
      },
    })
  })

  it('is refused where it cannot be', () => {
    const at = 'pools[0].scaling'
    const processes = (portFrom: number) => `processes: { command: [x], portFrom: ${portFrom} }`
    assert.deepEqual(complaintsAbout('{ min: 5, max: 4, startUpS: 1 }'), [
      `${at}.min: must not exceed max`,
    ])
    assert.deepEqual(complaintsAbout('{ max: 2, startUpS: 1 }', 'forecast: { enabled: false }'), [
      `${at}.by: forecast needs forecast.enabled`,
    ])
    assert.deepEqual(
      complaintsAbout('{ by: measured, max: 2, startUpS: 1 }', 'forecast: { enabled: false }'),
      [],
    )
    assert.deepEqual(complaintsAbout(`{ max: 4, startUpS: 1, ${processes(8997)} }`), [
      `${at}.processes.portFrom: port 9000 of 8997 to 9000 is taken by pools[0].servers[0]`,
    ])
    assert.deepEqual(complaintsAbout(`{ max: 4, startUpS: 1, ${processes(65_533)} }`), [
      `${at}.processes.portFrom: has no 4 ports left`,
    ])
    assert.deepEqual(complaintsAbout(`{ max: 4, startUpS: 1, ${processes(9098)} }`), [
      `${at}.processes.portFrom: a server of the list is called as one of its processes`,
    ])
    assert.deepEqual(
      complaintsAbout(`{ max: 4, startUpS: 1, webhook: { url: 'ftp://x', secretFile: k } }`),
      [`${at}.webhook.url: must be an http or https URL without a password`],
    )
    assert.match(complaintsAbout('{ max: 4, startUpS: 1, shell: true }')[0] ?? '', /unknown key/)
    assert.match(complaintsAbout('{ startUpS: 1 }')[0] ?? '', /max: is missing/)
  })

  it('stays here, and what is started goes to the data plane like the servers of the list', () => {
    const outcome = read('{ max: 4, startUpS: 30 }')
    if (outcome.kind !== 'read') assert.fail()
    const key = new Uint8Array(32)
    const material = {
      ...{ certificates: [], affinityKey: key, ticketKeys: [], profileKey: key.slice(16) },
      agentTokens: new Map(),
    }
    const started = (pool: string) => (pool === 'site' ? [{ id: 'p9102', port: 9102 }] : [])
    const [pool] = dataPlaneSettings(outcome.config, material, undefined, started).pools
    assert.ok(pool !== undefined && !('scaling' in pool))
    assert.deepEqual(
      pool.servers.map(({ id, host, port, connectionsMax }) => [id, host, port, connectionsMax]),
      [
        ['p9100', '127.0.0.1', 9000, 7],
        ['p9102', '127.0.0.1', 9102, 7],
      ],
    )
  })
})

describe('isWebhookUrl()', () => {
  it('takes http and https, and nothing secret', () => {
    const good = ['http://127.0.0.1:8080/x?y=1', 'https://hooks.example.org/limen']
    const bad = [
      ...['', '/x', 'hooks.example.org', 'file:///etc/passwd', 'javascript:alert(1)'],
      ...['https://u:p@x.test/', 'https://u@x.test/', 'https://x.test/#f', 'http://'],
      `https://x.test/${'a'.repeat(3000)}`,
    ]
    assert.deepEqual(good.map(isWebhookUrl), [true, true])
    for (const url of bad) assert.equal(isWebhookUrl(url), false, url)
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl({ withFragments: true })), (url) => {
        if (isWebhookUrl(url)) assert.match(new URL(url).protocol, /^https?:$/)
      }),
      { seed: 5 },
    )
  })
})
