import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { writeComplaint } from './complaint.ts'
import type { Environment } from './environment.ts'
import { readConfig, readPolicy } from './read-config.ts'

/** Seven good lines; what a test adds begins at line 8. */
const GOOD = `data: ./state
listeners:
  - { name: web, address: 127.0.0.1:8443, tls: {} }
certificates: [{ localCa: [localhost] }]
pools:
  - { name: site, servers: [{ id: a, address: 127.0.0.1:9101 }] }
routes: [{ pool: site }]
`
const read = (text: string, environment: Environment = {}) =>
  readConfig({ file: 'limen.yaml', text, folder: '/etc/limen' }, environment)
const complaintsOf = (text: string, environment: Environment = {}): readonly string[] => {
  const outcome = read(text, environment)
  return outcome.kind === 'read' ? [] : outcome.complaints.map(writeComplaint)
}
const configOf = (text: string, environment: Environment = {}) => {
  const outcome = read(text, environment)
  assert.equal(outcome.kind, 'read', JSON.stringify(outcome))
  return outcome.kind === 'read' ? outcome.config : assert.fail()
}

describe('readConfig()', () => {
  it('fills in defaults, makes paths whole, and freezes', () => {
    const config = configOf(GOOD)
    assert.equal(config.data, '/etc/limen/state')
    assert.equal(config.pools[0]?.choose, 'latency')
    assert.deepEqual(config.listeners[0]?.tls, { minVersion: 'TLSv1.2', alpn: ['h2', 'http/1.1'] })
    assert.equal(config.pools[0]?.health, undefined)
    assert.deepEqual([config.pools[0]?.load, config.pools[0]?.weights], [undefined, 'configured'])
    const load = configOf(GOOD.replace(', servers', ', load: { agentTokenFile: t }, servers'))
    assert.deepEqual(load.pools[0]?.load, { header: false, agentTokenFile: '/etc/limen/t' })
    assert.throws(() => Object.assign(config.pools[0] ?? {}, { name: 'x' }), TypeError)
  })

  it('takes a health check with nothing in it', () => {
    const { pools } = configOf(GOOD.replace(', servers', ', health: {}, servers'))
    assert.deepEqual(pools[0]?.health, {
      ...{ path: '/', intervalMs: 2000, timeoutMs: 1000, rise: 2, fall: 3 },
      anomalies: 'observe',
    })
  })

  it('takes calendars of events, of files and of URLs, their paths made whole', () => {
    const { forecast } = configOf(
      `${GOOD}forecast: { calendars: [{ file: sales.ics, pool: site }, { url: "https://a.example/x.ics?k=1", kind: summary }] }\n`,
    )
    assert.deepEqual(forecast.calendars, [
      { file: '/etc/limen/sales.ics', pool: 'site', kind: 'categories' },
      { url: 'https://a.example/x.ics?k=1', kind: 'summary' },
    ])
    for (const [calendar, complaint] of [
      ['{ file: a.ics, pool: nowhere }', /there is no pool "nowhere"/],
      ['{ file: a.ics }, { file: ./a.ics }', /is there twice/],
      ['{ url: "http://a.example/x" }', /must be https:/],
      ['{ url: "https://me:secret@a.example/x" }', /must be https:/],
      ['{ url: "https://a.example/x", file: a.ics }', /./],
    ] as const) {
      const text = complaintsOf(`${GOOD}forecast: { calendars: [${calendar}] }\n`).join()
      assert.match(text, complaint)
      assert.match(text, /^limen\.yaml:8:/)
    }
  })

  it('takes a key server alone, without listeners, pools and routes', () => {
    const config = configOf(
      'sessions: { enabled: true, cluster: { address: "127.0.0.1:9443" }, login: { jwks: app.json } }',
    )
    assert.deepEqual(config.listeners, [])
    assert.equal(config.sessions.login?.jwks, '/etc/limen/app.json')
  })

  it('reads the demo', () => {
    const text = readFileSync(new URL('../../demo/demo.yaml', import.meta.url), 'utf8')
    assert.equal(configOf(text).listeners.length, 2)
  })
})

describe('complaints', () => {
  const refused: readonly (readonly [what: string, text: string, said: readonly string[]])[] = [
    [
      'unknown key',
      `${GOOD}listners: []\n`,
      ['8:1: listners: unknown key (did you mean "listeners"?)'],
    ],
    [
      'unknown key deep inside',
      `${GOOD}limits: { headBytes: 1024, headByte: 1 }\n`,
      ['8:28: limits.headByte: unknown key (did you mean "headBytes"?)'],
    ],
    [
      'keys that exclude one another',
      GOOD.replace('localCa:', 'certFile: a, keyFile: b, localCa:'),
      ['4:43: certificates[0].localCa: excludes certFile and keyFile: one or the other'],
    ],
    [
      'an alias without an anchor',
      `${GOOD}log:\n  level: *loud\n`,
      ['9:10: alias *loud: no anchor &loud stands before it'],
    ],
    [
      'a second document',
      `${GOOD}---\ndata: other\n`,
      ['8:1: a second document begins here: a configuration is one'],
    ],
    [
      'octets that are no UTF-8',
      `${GOOD}log: { level: ${Buffer.of(0xff).toString()} }\n`,
      ['8:15: is not UTF-8 (or has U+FFFD, for what was not)'],
    ],
    ['unknown key without a likeness', `${GOOD}colour: red\n`, ['8:1: colour: unknown key']],
    [
      'missing key',
      GOOD.replace('routes: [{ pool: site }]', ''),
      ['1:1: routes: is missing (expected array)'],
    ],
    [
      'wrong type',
      `${GOOD}admission:\n  tier2: high\n`,
      ['9:3: admission.tier2: expected number, received string'],
    ],
    [
      'value out of range',
      `${GOOD}timeouts: { idleMs: 0 }\n`,
      ['8:13: timeouts.idleMs: Too small: expected number to be >=1'],
    ],
    [
      'not one of the values',
      `${GOOD}admission: { mode: strict }\n`,
      ['8:14: admission.mode: expected one of "observe"|"shadow"|"enforce"'],
    ],
    [
      'bad address',
      GOOD.replace('127.0.0.1:8443', '127.0.0.1'),
      ['3:18: listeners[0].address: must be host:port, an IPv6 host in square brackets'],
    ],
    [
      'a union with a mistake in the likelier half',
      GOOD.replace('localCa: [localhost]', 'certFile: a.pem, keyfile: a.key'),
      [
        '4:16: certificates[0].keyFile: is missing (expected string)',
        '4:35: certificates[0].keyfile: unknown key (did you mean "keyFile"?)',
      ],
    ],
    ['a key twice', `${GOOD}data: again\n`, ['8:1: Map keys must be unique']],
    [
      'broken YAML',
      `${GOOD}limits: { a\n`,
      ['9:1: Flow map in block collection must be sufficiently indented and end with a }'],
    ],
    [
      'nothing at all',
      '',
      [
        '1:1: listeners: is missing (expected array)',
        '1:1: pools: is missing (expected array)',
        '1:1: routes: is missing (expected array)',
      ],
    ],
    [
      'route to an unknown pool',
      GOOD.replace('pool: site', 'pool: sit'),
      ['7:12: routes[0].pool: no pool is called "sit" (did you mean "site"?)'],
    ],
    [
      'pool without servers',
      GOOD.replace('[{ id: a, address: 127.0.0.1:9101 }]', '[]'),
      ['6:19: pools[0].servers: needs at least one server'],
    ],
    [
      'pool whose servers all have weight 0',
      GOOD.replace('9101 }', '9101, weight: 0 }'),
      ['6:19: pools[0].servers: every server has weight 0: nobody would answer'],
    ],
    [
      'doubled server',
      GOOD.replace('9101 }', '9101 }, { id: a, address: 127.0.0.1:9101 }'),
      [
        '6:67: pools[0].servers[1].id: "a" is there twice',
        '6:74: pools[0].servers[1].address: "127.0.0.1:9101" is there twice',
      ],
    ],
    [
      'doubled route',
      GOOD.replace('{ pool: site }', '{ pool: site }, { path: /, pool: site }'),
      ['7:28: routes[1].path: "/" is there twice'],
    ],
    [
      'doubled address, also by the wildcard',
      `${GOOD}metrics: { address: '0.0.0.0:8443' }\n`,
      ['8:12: metrics.address: 0.0.0.0:8443 is already taken by listeners[0].address'],
    ],
    [
      'thresholds out of order',
      `${GOOD}admission: { tier2: 7, tier3: 6 }\n`,
      ['8:14: admission.tier2: must not exceed admission.tier3'],
    ],
    [
      'doubled members of a handshake pool',
      `${GOOD}admission: { rigorous: { members: [{ id: a }, { id: a }] } }\n`,
      [
        '8:47: admission.rigorous.members[1]: is a second member without an address',
        '8:49: admission.rigorous.members[1].id: "a" is there twice',
      ],
    ],
    [
      'a handshake pool of nobody',
      `${GOOD}admission: { primary: { members: [] } }\n`,
      ['8:25: admission.primary.members: needs at least one member'],
    ],
    [
      'a handshake pool of ourselves',
      `${GOOD}admission: { primary: { members: [{ id: a, address: '127.0.0.1:8443' }] } }\n`,
      [
        '8:44: admission.primary.members[0].address: 127.0.0.1:8443 is listeners[0].address of this Limen',
      ],
    ],
    [
      'a detector that is none, and a mode that is none',
      `${GOOD}admission: { detectors: { rarety: enforce, form: enforced } }\n`,
      [
        '8:27: admission.detectors.rarety: unknown key (did you mean "rarity"?)',
        '8:44: admission.detectors.form: expected one of "observe"|"shadow"|"enforce"',
      ],
    ],
    [
      'overlapping checks',
      GOOD.replace(', servers', ', health: { intervalMs: 10, timeoutMs: 20 }, servers'),
      ['6:45: pools[0].health.timeoutMs: must not exceed intervalMs: checks would overlap'],
    ],
    [
      'TLS without a certificate',
      GOOD.replace('certificates: [{ localCa: [localhost] }]', ''),
      [
        '3:43: listeners[0].tls: needs a certificate: add certificates, e.g. { localCa: [localhost] }',
      ],
    ],
    [
      'an admin API for everybody',
      `${GOOD}admin: { address: 0.0.0.0:9440, openToLoopback: viewer }\n`,
      [
        '8:10: admin.address: is not loopback: needs admin.tokens',
        '8:10: admin.address: is not loopback: needs admin.certificate, or tokens would travel in clear text',
        '8:33: admin.openToLoopback: is only for a loopback admin.address',
      ],
    ],
    [
      'a cookie that is not bound to its host',
      GOOD.replace(', servers', ', affinity: { cookie: limen }, servers'),
      ['6:31: pools[0].affinity.cookie: must begin with __Host-'],
    ],
    [
      'a hash of nothing',
      GOOD.replace(', servers', ', choose: consistent-hash, servers'),
      ['6:19: pools[0].choose: consistent-hash needs an affinity cookie to hash'],
    ],
    [
      'sessions kept together that nobody has',
      GOOD.replace(', servers', ', affinity: { session: true }, servers'),
      ['6:31: pools[0].affinity.session: needs a route to this pool that asks for session keys'],
    ],
    [
      'affinity to nothing, and handoff of nothing',
      GOOD.replace(', servers', ', affinity: {}, handoff: { state: true }, servers'),
      [
        '6:19: pools[0].affinity: needs a cookie, or session: true',
        '6:33: pools[0].handoff: needs affinity: { session: true }',
      ],
    ],
    [
      'a session key that nobody gives',
      GOOD.replace('{ pool: site }', '{ pool: site, sessionKey: required }'),
      [
        '7:24: routes[0].sessionKey: needs sessions.enabled or sessions.server: nobody could have a key',
      ],
    ],
    [
      'what a route asks for and cannot have',
      `${GOOD.replace('{ pool: site }', '{ pool: site, sessionKey: required, session: { bearer: true, sealBodies: true, replay: cluster } }')}sessions: { enabled: true }\n`,
      [
        '7:57: routes[0].session.bearer: does not go with sealBodies: who shows a cookie has no key to open bodies with',
        '7:57: routes[0].session.bearer: needs sessions.bearer: nobody could have the cookie',
        '7:89: routes[0].session.replay: cluster needs sessions.redis',
      ],
    ],
    [
      'an affinity cookie with the name of the session cookie',
      `${GOOD.replace('{ pool: site }', '{ pool: site, sessionKey: required }').replace('servers:', 'affinity: { cookie: __Host-limen }, servers:')}sessions: { enabled: true }\n`,
      [`6:31: pools[0].affinity.cookie: "__Host-limen" is the session's own`],
    ],
    [
      'key groups for nobody and for all twice',
      `${GOOD}sessions: { groups: [{ id: 1 }, { id: 1 }] }\n`,
      [
        '8:13: sessions.groups: exactly one group must be without hosts',
        '8:35: sessions.groups[1].id: "1" is there twice',
      ],
    ],
    [
      'a key server and an edge of one at once',
      `${GOOD}sessions:\n  enabled: true\n  server: { address: 10.0.0.5:1, http: 10.0.0.5:2, credentials: x }\n`,
      ['10:3: sessions.server: is instead of sessions.enabled'],
    ],
    [
      'what only a key server has',
      `${GOOD}sessions:\n  login: { jwks: x }\n  cluster: { address: 127.0.0.1:9443 }\n  edges: [{ id: a, address: 127.0.0.1:1 }]\n`,
      [
        '9:3: sessions.login: is for the key server',
        '10:3: sessions.cluster: needs sessions.enabled',
      ],
    ],
    [
      'edges of nobody, twice, and by no name',
      `${GOOD}sessions: { edges: [{ id: a, address: 127.0.0.1:1 }, { id: a, address: 127.0.0.1:1 }] }\n`,
      [
        '8:13: sessions.edges: needs sessions.server, or on the key server sessions.cluster',
        '8:56: sessions.edges[1].id: "a" is there twice',
        '8:63: sessions.edges[1].address: "127.0.0.1:1" is there twice',
      ],
    ],
    [
      'an edge by a name that no certificate has',
      `${GOOD}sessions: { edges: [{ id: Edge_1, address: 127.0.0.1:1 }] }\n`,
      ['8:23: sessions.edges[0].id: must be a lower-case DNS label'],
    ],
    [
      'a password in the address of Redis',
      `${GOOD}sessions: { redis: { url: "redis://:secret@10.0.0.9:6379" } }\n`,
      [
        '8:22: sessions.redis.url: must be redis://host:port or rediss://host:port, without a password',
      ],
    ],
    [
      'an owner of proofs among nobody',
      `${GOOD.replace('{ pool: site }', '{ pool: site, sessionKey: required, session: { replay: owner } }')}sessions: { server: { address: 10.0.0.5:1, http: 10.0.0.5:2, credentials: x } }\n`,
      ['7:57: routes[0].session.replay: owner needs sessions.edges'],
    ],
    [
      'two things on the port of the key server',
      `${GOOD}sessions: { enabled: true, listen: "127.0.0.1:8443" }\n`,
      ['8:28: sessions.listen: 127.0.0.1:8443 is already taken by listeners[0].address'],
    ],
    [
      "the key server's name",
      GOOD.replaceAll('site', 'limen-keys'),
      [`6:7: pools[0].name: "limen-keys" is Limen's own`],
    ],
    [
      'weights by what nobody measures',
      `${GOOD.replace(', servers', ', weights: capacity, servers')}forecast: { enabled: false }\n`,
      ['6:19: pools[0].weights: capacity needs forecast.enabled'],
    ],
    [
      'weights on a ring',
      GOOD.replace(
        ', servers',
        ', weights: capacity, choose: consistent-hash, affinity: { cookie: __Host-a }, servers',
      ),
      [
        '6:19: pools[0].weights: capacity does not go with consistent-hash: edges would lead clients apart',
      ],
    ],
    [
      'an agent that is no URL',
      GOOD.replace('9101', "9101, agent: 'https://10.0.0.1:9450/load'"),
      ['6:63: pools[0].servers[0].agent: must be http://host:port/path'],
    ],
    [
      'an agent at a port that is none',
      GOOD.replace('9101', '9101, agent: "http://10.0.0.1:94500/load"'),
      ['6:63: pools[0].servers[0].agent: must be http://host:port/path'],
    ],
    [
      'a fit for nobody',
      GOOD.replace(', servers', ', choose: fit, affinity: { cookie: __Host-a }, servers'),
      ['6:19: pools[0].choose: fit cannot choose for clients that affinity ties'],
    ],
  ]
  for (const [what, text, said] of refused) {
    it(`${what}: with line and column`, () => {
      assert.deepEqual(
        complaintsOf(text),
        said.map((line) => `limen.yaml:${line}`),
      )
    })
  }

  it('all at once, in the order of the file', () => {
    const text = `${GOOD}colour: red\nadmission: { mode: strict }\n`
    assert.deepEqual(
      complaintsOf(text).map((line) => line.split(': ')[1]),
      ['colour', 'admission.mode'],
    )
  })

  it('a file too long to be one', () => {
    assert.match(
      complaintsOf('#'.repeat(2 ** 20 + 1))[0] ?? '',
      /is longer than 1048576 characters/,
    )
  })

  it('an alias bomb', () => {
    const levels = Array.from({ length: 9 }, (_, i) => {
      const items = Array(9).fill(i === 0 ? '1' : `*a${i - 1}`)
      return `a${i}: &a${i} [${items.join(', ')}]`
    })
    assert.match(complaintsOf(levels.join('\n'))[0] ?? '', /alias/i)
  })
})

describe('LIMEN_*', () => {
  it('overrides the file: words, levels, lists, numbers, booleans', () => {
    const config = configOf(GOOD, {
      LIMEN_ADMIN__ADDRESS: '127.0.0.1:9500',
      LIMEN_WORKERS: '3',
      LIMEN_LISTENERS__0__PROXY_PROTOCOL: 'required',
      LIMEN_CERTIFICATES__0__LOCAL_CA: '[localhost, "::1"]',
      LIMEN_POOLS__0__SERVERS__1: '{ id: b, address: 127.0.0.1:9102 }',
    })
    assert.equal(config.admin.address, '127.0.0.1:9500')
    assert.equal(config.workers, 3)
    assert.equal(config.listeners[0]?.proxyProtocol, 'required')
    assert.deepEqual(config.certificates[0], { localCa: ['localhost', '::1'] })
    assert.equal(config.pools[0]?.servers.length, 2)
  })

  it('_FILE reads the value from a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'limen-env-'))
    const file = join(folder, 'sha')
    writeFileSync(file, `${'a'.repeat(64)}\n`)
    const text = `${GOOD}admin: { tokens: [{ name: ops, role: operator, sha256: '' }] }\n`
    const { admin } = configOf(text, { LIMEN_ADMIN__TOKENS__0__SHA256_FILE: file })
    assert.deepEqual(admin.tokens[0], { name: 'ops', role: 'operator', sha256: 'a'.repeat(64) })
    rmSync(folder, { recursive: true })
  })

  it('a key that ends in File takes its path as it is', () => {
    const text = GOOD.replace('localCa: [localhost]', 'certFile: a, keyFile: b')
    const { certificates } = configOf(text, { LIMEN_CERTIFICATES__0__KEY_FILE: '/run/key.pem' })
    assert.deepEqual(certificates[0], { certFile: '/etc/limen/a', keyFile: '/run/key.pem' })
  })

  it('is blamed by name', () => {
    assert.deepEqual(complaintsOf(GOOD, { LIMEN_ADMISSION__TIER2: '9' }), [
      'LIMEN_ADMISSION__TIER2: admission.tier2: must not exceed admission.tier3',
    ])
    assert.deepEqual(complaintsOf(GOOD, { LIMEN_ADMIN__ADRESS: 'x' }), [
      'LIMEN_ADMIN__ADRESS: no such key: admin.adress (did you mean "address"?)',
    ])
    assert.match(
      complaintsOf(GOOD, { LIMEN_DATA_FILE: '/nowhere' })[0] ?? '',
      /^LIMEN_DATA_FILE: ENOENT/,
    )
  })

  it('what belongs to the command line, to Kubernetes, or to nobody we know is left alone', () => {
    const environment = {
      ...{ LIMEN_TOKEN: 'x', LIMEN_PORT: 'tcp://10.0.0.1', LIMEN_SERVICE_HOST: '10.0.0.1' },
      ...{ LIMEN_FUZZ_RUNS: '7', PATH: '/bin' },
    }
    assert.deepEqual(complaintsOf(GOOD, environment), [])
    assert.match(complaintsOf(GOOD, { LIMEN_WORKRS: '2' })[0] ?? '', /did you mean "workers"/)
  })
})

describe('readPolicy()', () => {
  const policyOf = (text: string) => readPolicy({ file: 'new.yaml', text, folder: '/' }, {})

  it('takes a whole file, the part under its key, and the part alone', () => {
    for (const text of [
      `${GOOD}admission: { tier2: 5 }\n`,
      'admission: { tier2: 5 }\n',
      'tier2: 5',
    ]) {
      const outcome = policyOf(text)
      if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome.complaints))
      assert.equal(outcome.admission.tier2, 5)
      assert.equal(outcome.admission.mode, 'observe')
    }
  })

  it('says line and column of what is wrong, also in the part alone', () => {
    const lines = (text: string) => {
      const outcome = policyOf(text)
      return outcome.kind === 'read' ? [] : outcome.complaints.map(writeComplaint)
    }
    assert.deepEqual(lines('mode: enforce\nteer2: 5\n'), [
      'new.yaml:2:1: admission.teer2: unknown key (did you mean "tier2"?)',
    ])
    assert.deepEqual(lines('admission:\n  teer2: 5\n'), [
      'new.yaml:2:3: admission.teer2: unknown key (did you mean "tier2"?)',
    ])
    assert.equal(lines('listeners: []\n').length > 0, true)
    assert.equal(lines(': [').length > 0, true)
  })
})
