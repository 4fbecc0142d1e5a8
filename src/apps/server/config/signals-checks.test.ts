import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readConfig } from './read-config.ts'
import { checkSignalFiles } from './signals-checks.ts'
import { isSignalUrl } from './signals-schema.ts'

const SEED = 20261121
const text = (
  signals: string,
  more: string,
): string => `listeners: [{ name: web, address: 127.0.0.1:8080 }]
pools: [{ name: site, servers: [{ id: a, address: 127.0.0.1:9000 }] }]
routes: [{ pool: site }]
signals: ${signals}
${more}`
const KEYS = 'sessions: { enabled: true }'
const read = (signals: string, folder = '/etc/limen', more = KEYS) =>
  readConfig({ file: 'limen.yaml', text: text(signals, more), folder }, {})
const complaintsAbout = (signals: string, more = KEYS): readonly string[] => {
  const outcome = read(signals, '/etc/limen', more)
  return outcome.kind === 'read'
    ? []
    : outcome.complaints.map(({ path, text }) => `${path}: ${text}`)
}
const GOOD = `{ issuer: 'https://e.test', address: '127.0.0.1:9445',
  transmitters: [{ issuer: 'https://i.test', jwks: k.json, tokenFile: t, poll: { url: 'https://i.test/p', tokenFile: p } }],
  receivers: [{ url: 'http://127.0.0.1:1/x', audience: a, tokenFile: r }] }`

describe('signals', () => {
  it('names files from the folder of the configuration, and has defaults', () => {
    const outcome = read(GOOD)
    if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome.complaints))
    assert.deepEqual(outcome.config.signals, {
      ...{ issuer: 'https://e.test', address: '127.0.0.1:9445' },
      transmitters: [
        {
          ...{ issuer: 'https://i.test', jwks: '/etc/limen/k.json', tokenFile: '/etc/limen/t' },
          poll: { url: 'https://i.test/p', tokenFile: '/etc/limen/p', everyS: 10 },
        },
      ],
      receivers: [
        {
          ...{ url: 'http://127.0.0.1:1/x', audience: 'a', tokenFile: '/etc/limen/r' },
          events: ['session-revoked', 'assurance-level-change'],
        },
      ],
    })
  })

  it('is refused where it cannot be', () => {
    const at = 'signals.transmitters[0]'
    const first = (more: string) => `{ transmitters: [{ issuer: i, ${more} }] }`
    const bad: readonly (readonly [string, readonly string[]])[] = [
      [first('audience: a, poll: { url: "https://i.test/" }'), ['needs either jwks or jwksUrl']],
      [first('audience: a, jwks: k'), ['needs tokenFile, to push, or poll, to be asked']],
      [first('jwks: k, poll: { url: "https://i.test/" }'), ['needs audience or signals.issuer']],
    ]
    for (const [signals, texts] of bad) {
      assert.deepEqual(
        complaintsAbout(signals),
        texts.map((one) => `${at}: ${one}`),
      )
    }
    assert.deepEqual(complaintsAbout(first('audience: a, jwks: k, tokenFile: t')), [
      `${at}.tokenFile: needs signals.address to push to`,
    ])
    assert.deepEqual(complaintsAbout('{ receivers: [{ url: "https://a.test", audience: a }] }'), [
      'signals.receivers: needs signals.issuer',
    ])
    assert.deepEqual(complaintsAbout('{ address: "0.0.0.0:9445" }'), [
      'signals.address: is not loopback: needs signals.certificate',
    ])
    assert.deepEqual(complaintsAbout('{ address: "127.0.0.1:9440" }'), [
      'signals.address: 127.0.0.1:9440 is already taken by admin.address',
    ])
    assert.deepEqual(complaintsAbout('{ issuer: "https://e.test/path" }'), [
      'signals.issuer: must be an origin, e.g. https://edge.example.org',
    ])
    assert.deepEqual(complaintsAbout(GOOD, ''), [
      'signals: needs sessions.enabled or behavior.mode: nothing would follow',
    ])
    assert.deepEqual(complaintsAbout(GOOD, 'behavior: { mode: shadow }'), [])
    const twice = '{ issuer: i, audience: a, jwks: k, poll: { url: "https://i.test/" } }'
    assert.deepEqual(complaintsAbout(`{ transmitters: [${twice}, ${twice}] }`), [
      'signals.transmitters[1].issuer: "i" is there twice',
    ])
  })

  it('says which files cannot be used, and nothing of what is in them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'limen-signal-files-'))
    try {
      for (const name of ['k.json', 'p', 'r']) {
        writeFileSync(join(folder, name), 'a-token-of-some-length')
      }
      writeFileSync(join(folder, 't'), 'short one')
      const outcome = read(GOOD, folder)
      if (outcome.kind !== 'read') assert.fail()
      const found = checkSignalFiles(outcome.config, outcome.blame)
      assert.deepEqual(
        found.map(({ path }) => path),
        ['signals.transmitters[0].tokenFile'],
      )
      assert.doesNotMatch(found[0]?.text ?? '', /short/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('isSignalUrl()', () => {
  it('takes https, and http to this machine only', () => {
    for (const good of ['https://a.test/x?y=1', 'http://127.0.0.1:1/', 'http://[::1]/x']) {
      assert.equal(isSignalUrl(good), true, good)
    }
    const bad = ['http://a.test/', 'https://u:p@a.test/', 'https://a.test/#x', 'ftp://a.test', 'x']
    for (const url of bad) assert.equal(isSignalUrl(url), false, url)
    // A name that only begins like an address of this machine.
    assert.equal(isSignalUrl('http://127.0.0.1.evil.test/'), false)
  })

  it(`takes no http URL that another machine could answer (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.string()), (url) => {
        if (!isSignalUrl(url)) return
        const { protocol, hostname } = new URL(url)
        assert.ok(
          protocol === 'https:' || /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(hostname),
          url,
        )
      }),
      { seed: SEED, numRuns: 1000 },
    )
  })
})
