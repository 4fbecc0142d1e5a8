/**
 * Real clients and real scanners against a live Limen in enforce mode: the first are served from the primary pool, the
 * second are moved to the rigorous one, with reasons; and everything a person asks about them, by the command line.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { get } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { chromium } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import type { Decision } from '../../src/behavior/decision.ts'
import type { Profile } from '../../src/behavior/handshake/profile.ts'
import type { Signature } from '../../src/behavior/handshake/signature.ts'
import { freePorts } from '../free-ports.ts'
import { type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import { type ConfigText, type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
const PROGRAM_MS_MAX = 240_000
/** Workers send what they saw every 200 ms, decisions are stored every 500. */
const SEEN_WITHIN_MS = 5_000

interface Ended {
  readonly code: number
  readonly out: string
}

/** Runs a program to its end. */
const run = (program: string, args: readonly string[], input = ''): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const options = { cwd: limen.folder, timeout: PROGRAM_MS_MAX, maxBuffer: 2 ** 26 }
    const child = execFile(program, args, options, (error, out, err) => {
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve({ code: typeof error?.code === 'number' ? error.code : 0, out: out + err })
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })

let origin: EdgeOrigin
let limen: LimenUnderTest
let port = 0
let config: ConfigText
/** The data folder of the Limen there is; that of the first outlives it. */
let data = ''

before(async () => {
  origin = await startEdgeOrigin()
  ;[port = 0] = await freePorts(1)
  config = {
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${origin.port}` }] }],
    routes: [{ pool: 'site' }],
    admission: { mode: 'enforce' },
  }
  limen = await startLimen(config)
  data = join(limen.folder, 'data')
})

after(async () => {
  await limen?.clean()
  await origin?.close()
})

/** `limen ...` against it. */
const ask = (...args: string[]): Promise<Ended> => {
  const token = join(data, 'admin-token')
  return run('env', [`LIMEN_TOKEN_FILE=${token}`, LIMEN, ...args, '--url', limen.adminUrl])
}
const askJson = async <T>(...args: string[]): Promise<T> => {
  const { code, out } = await ask(...args, '-o', 'json')
  assert.equal(code, 0, out)
  return JSON.parse(out) as T
}
const decisions = (): Promise<readonly Decision[]> =>
  askJson<readonly Decision[]>('decisions', 'list', '--limit', '1000')
/** Decisions made while `work` runs, when they have all arrived. */
const decisionsOf = async (work: () => Promise<void>, atLeast: number): Promise<Decision[]> => {
  const [last] = await decisions()
  await work()
  let found: Decision[] = []
  await until(`${atLeast} decisions`, SEEN_WITHIN_MS, async () => {
    found = (await decisions()).filter(({ id }) => last === undefined || id > last.id)
    return found.length >= atLeast
  })
  return found
}
const saidOf = (found: readonly Decision[]): string =>
  found
    .map(
      ({ tier, score, pool, handshake, reasons }) =>
        `${tier} ${score.toFixed(1)} ${pool} ${handshake?.ja4} ${reasons.map(({ code, weight }) => `${code}:${weight.toFixed(1)}`).join(' ')}`,
    )
    .join('\n')

const url = (): string => `https://localhost:${port}/`
const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

const CLIENTS: Readonly<Record<string, () => Promise<void>>> = {
  async curl() {
    for (const version of ['--http1.1', '--http2']) {
      const { out } = await run('curl', ['-sk', version, '-w', '%{http_code}', url()])
      assert.match(out, /200$/)
    }
  },
  async 'openssl s_client'() {
    const to = ['-connect', `127.0.0.1:${port}`, '-servername', 'localhost']
    for (const flags of [[], ['-tls1_2']]) {
      const args = ['s_client', '-quiet', '-ign_eof', ...to, ...flags]
      assert.match((await run('openssl', args, GET)).out, /HTTP\/1\.1 200/)
    }
  },
  async 'gnutls-cli'() {
    const to = ['--insecure', '--no-ca-verification', '-p', String(port), 'localhost']
    const { out } = await run('sh', [
      '-c',
      `(printf '%s' "$0"; sleep 1) | gnutls-cli "$@"`,
      GET,
      ...to,
    ])
    assert.match(out, /HTTP\/1\.1 200/)
  },
  async 'node https'() {
    const status = await new Promise((resolve, reject) => {
      get(url(), { rejectUnauthorized: false, agent: false }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode))
      }).on('error', reject)
    })
    assert.equal(status, 200)
  },
  async 'node http2'() {
    const session = connect(url(), { rejectUnauthorized: false })
    const request = session.request({ ':path': '/' })
    const status = await new Promise((resolve, reject) => {
      request.on('response', (fields) => resolve(fields[':status'])).on('error', reject)
    })
    session.destroy()
    assert.equal(status, 200)
  },
  async python() {
    const program =
      'import ssl,sys,urllib.request as r\n' +
      'print(r.urlopen(sys.argv[1], context=ssl._create_unverified_context()).status)'
    assert.match((await run('python3', ['-c', program, url()])).out, /^200/)
  },
  async Chromium() {
    const executablePath = findChromium()
    assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
    const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
    const page = await browser.newPage({ ignoreHTTPSErrors: true })
    assert.equal((await page.goto(url()))?.status(), 200)
    await browser.close()
  },
}

const SCANNERS: Readonly<Record<string, () => Promise<void>>> = {
  async sslscan() {
    await run('sslscan', ['--no-colour', `127.0.0.1:${port}`])
  },
  async 'nmap ssl-enum-ciphers'() {
    const args = ['-Pn', '-n', '-p', String(port), '--script', 'ssl-enum-ciphers', '127.0.0.1']
    // Nmap looks for TLS only behind ports it knows, or when it is told.
    const { out } = await run('nmap', ['-sV', '--version-light', ...args])
    assert.match(out, /Nmap done/)
  },
  async 'testssl.sh'() {
    const args = [
      '--quiet',
      '--color',
      '0',
      '--warnings',
      'off',
      '--ip',
      '127.0.0.1',
      '--protocols',
    ]
    await run('sh', [
      '-c',
      'testssl "$@" || testssl.sh "$@"',
      '-',
      ...args,
      '--fs',
      `localhost:${port}`,
    ])
  },
}

describe('real clients are served from the primary pool', () => {
  for (const [name, visit] of Object.entries(CLIENTS)) {
    it(name, async () => {
      const found = await decisionsOf(async () => {
        for (let i = 0; i < 3; i++) await visit()
      }, 3)
      const moved = found.filter(({ pool, enforced }) => pool !== 'primary' || enforced !== 1)
      assert.equal(moved.length, 0, saidOf(moved))
    })
  }
})

describe('real scanners are moved to the rigorous pool', () => {
  for (const [name, scan] of Object.entries(SCANNERS)) {
    it(name, async (t) => {
      const found = await decisionsOf(scan, 5)
      const moved = found.filter(({ pool }) => pool === 'rigorous')
      const first = [...found].reverse().findIndex(({ pool }) => pool === 'rigorous')
      t.diagnostic(
        `${found.length} hellos, ${moved.length} to rigorous, the first was number ${first + 1}`,
      )
      assert.ok(moved.length > 0, saidOf(found))
      for (const { enforced, reasons, member } of moved) {
        assert.ok(enforced >= 2)
        assert.equal(member, 'here')
        const [heaviest] = reasons.toSorted((a, b) => b.weight - a.weight)
        assert.ok(heaviest !== undefined && heaviest.weight > 0 && heaviest.text.length > 20)
      }
    })
  }

  it('and real clients are still served from the primary pool', async () => {
    const found = await decisionsOf(async () => {
      for (const visit of Object.values(CLIENTS)) await visit()
    }, 7)
    const moved = found.filter(({ pool }) => pool !== 'primary')
    assert.equal(moved.length, 0, saidOf(moved))
  })
})

describe('limen profiles, signatures, decisions replay', () => {
  const page = (...args: string[]) =>
    askJson<{ profiles: readonly Profile[] }>('profiles', 'list', '--limit', '1000', ...args)

  it('decisions list names the pool', async () => {
    const { out } = await ask('decisions', 'list', '--limit', '1000')
    assert.match(out, /^ID .* POOL /)
    assert.match(out, / rigorous /)
    assert.match(out, / primary .*Chromium/)
  })

  it('profiles list and show', async () => {
    const { out } = await ask('profiles', 'list', '--limit', '1000')
    assert.match(out, /^ID +CLIENT +NETWORK/)
    assert.match(out, /Chromium +127\.0\.0\.0\/24 +1 /)
    const { profiles: bad } = await page('--tier', '3')
    const [worst] = bad
    assert.ok(worst !== undefined, 'a scanner has a profile of tier 3')
    const shown = await ask('profiles', 'show', worst.id)
    assert.match(shown.out, new RegExp(`^Profile ${worst.id}: `))
    assert.match(shown.out, /tier 3/)
    assert.match(shown.out, /history/)
  })

  it('feedback bad makes a signature, which moves its client; removing it and good move it back', async () => {
    const visit = CLIENTS['python'] ?? assert.fail()
    const [seen] = await decisionsOf(visit, 1)
    const profile = seen?.profile ?? assert.fail('a decision without a profile')
    const judged = await askJson<{ signature: Signature }>('profiles', 'feedback', profile, 'bad')
    const listed = await askJson<readonly Signature[]>('signatures', 'list')
    assert.deepEqual(
      listed.map(({ id }) => id),
      [judged.signature.id],
    )
    const moved = await decisionsOf(() => visit().catch(() => {}), 1)
    assert.equal(moved[0]?.pool, 'rigorous', saidOf(moved))
    assert.match((await ask('signatures', 'remove', judged.signature.id)).out, /^Removed/)
    await ask('profiles', 'feedback', profile, 'good')
    const back = await decisionsOf(visit, 1)
    assert.equal(back[0]?.pool, 'primary', saidOf(back))
  })

  it('replay of the same policy changes nothing, of another one says who and why', async () => {
    const same = await ask('decisions', 'replay', '--policy', join(limen.folder, 'limen.yaml'))
    assert.equal(same.code, 0)
    assert.match(same.out, /identical results/)
    const policy = join(limen.folder, 'lenient.yaml')
    writeFileSync(policy, 'mode: observe\n')
    const { changed } = await askJson<{ changed: readonly { enforcedWas: number }[] }>(
      ...['decisions', 'replay', '--policy', policy, '--since', '24h'],
    )
    assert.ok(changed.length > 0)
    assert.ok(changed.every(({ enforcedWas }) => enforcedWas > 1))
  })

  it('a restart keeps profiles', async () => {
    const before = await page('--all')
    limen.signal('SIGTERM')
    assert.equal(await limen.ended, 0)
    const old = limen
    limen = await startLimen({ ...config, data })
    try {
      const after = await page('--all')
      const idsOf = ({ profiles }: typeof before) => profiles.map(({ id }) => id)
      assert.deepEqual(idsOf(after), idsOf(before))
      assert.ok(before.profiles.length > 5)
      assert.equal(readFileSync(join(data, 'profiles', 'data.mdb')).includes('127.0.0.0'), false)
    } finally {
      await limen.clean()
      limen = old
    }
  })
})
