import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { EXIT } from '../../src/apps/cli/exit-code.ts'
import { sampleDecision } from '../../src/ports/decision-log.contract.ts'
import { sampleObservation } from '../fixtures/sample-handshake.ts'
import { type RunningLimen, runLimen, SHORT_CONFIG } from '../running-limen.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  new Promise<Ended>((resolve) => {
    const { PATH } = process.env
    const options = { cwd: folder, env: { PATH, ...env } }
    execFile(LIMEN, args, options, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err })
    })
  })

const SEEN = sampleObservation('00000000000000a1')

let folder: string
let limen: RunningLimen
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-cli-'))
  limen = await runLimen()
  limen.plane.decide([1, 2, 3].map(sampleDecision))
})
after(async () => {
  await limen.end()
  rmSync(folder, { recursive: true })
})
const ask = (...args: string[]) =>
  run([...args, '--url', limen.running.adminUrl], { LIMEN_TOKEN: limen.token })

describe('a key server alone', () => {
  const alone = 'sessions: { enabled: true, cluster: { address: "127.0.0.1:0" } }'
  const write = (text: string): string => {
    const file = join(mkdtempSync(join(folder, 'keys-')), 'keys.yaml')
    writeFileSync(file, `${text}\n`)
    return file
  }

  it('keys: wants a configuration of one, up wants another', async () => {
    const up = await run(['up', '-c', write(alone)])
    assert.deepEqual([up.code, /limen keys/.test(up.err)], [EXIT.config, true])
    const keys = await run(['keys', '-c', write(SHORT_CONFIG)])
    assert.deepEqual([keys.code, /sessions\.cluster/.test(keys.err)], [EXIT.config, true])
  })

  it('keys list: is still asked of a running one', async () => {
    const { code, err } = await ask('keys', 'list')
    assert.deepEqual([code, /sessions/.test(err)], [EXIT.missing, true], err)
    const file = join(folder, 'elsewhere.yaml')
    writeFileSync(
      file,
      SHORT_CONFIG.replace('admin: { address: 127.0.0.1:0 }', 'admin: { address: 127.0.0.1:9 }'),
    )
    const there = await run(['keys', 'list', '-c', file])
    assert.deepEqual([there.code, /127\.0\.0\.1:9/.test(there.err)], [EXIT.unreachable, true])
  })

  it('cluster issue: makes a folder for an edge, of a key server only', async () => {
    const file = write(alone)
    const to = join(folder, 'edge-1')
    const made = await run(['cluster', 'issue', 'edge-1', '-c', file, '--to', to])
    assert.deepEqual([made.code, made.out.includes(to)], [0, true], made.err)
    const bad = await run(['cluster', 'issue', 'Edge', '-c', file])
    assert.equal(bad.code, EXIT.usage, bad.err)
    const other = await run(['cluster', 'issue', 'edge-1', '-c', write(SHORT_CONFIG)])
    assert.deepEqual([other.code, /sessions\.cluster/.test(other.err)], [EXIT.config, true])
  })
})

describe('session keys of a running one', () => {
  const id = `-o${'A'.repeat(19)}Q`
  let keys: RunningLimen
  before(async () => {
    keys = await runLimen(`${SHORT_CONFIG}sessions: { enabled: true }\n`)
  })
  after(() => keys.end())
  const askKeys = (...args: string[]) =>
    run([...args, '--url', keys.running.adminUrl], { LIMEN_TOKEN: keys.token })

  it('keys list, rotate and revoke: epochs, and who holds them', async () => {
    const { out } = await askKeys('keys', 'list')
    assert.match(out, /^identity [\w+/]{43}=\n\nKEY +KEM/)
    assert.match(out, /\nGROUP +HOSTS +EPOCH +STATE .*\n1 +\* +1 +active .* 1 of 1\n/)
    assert.match(out, /\nHOLDER +GROUP +HOLDS +WAITS FOR\nworker 1\/4711 +1 +1 active +-\n$/)
    keys.plane.isSlowWithKeys = true
    assert.match(
      (await askKeys('keys', 'rotate')).out,
      /\nworker 1\/4711 +1 +1 active +2 pending\n$/,
    )
    keys.plane.isSlowWithKeys = false
    const { out: json } = await askKeys('keys', 'revoke', '1', '-o', 'json')
    assert.equal((JSON.parse(json) as { groups: unknown[] }).groups.length, 1)
    assert.equal((await askKeys('keys', 'revoke', '9')).code, EXIT.missing)
  })

  it('sessions: an id that begins with a dash is an id', async () => {
    assert.equal((await askKeys('sessions', 'list')).out, 'No sessions.\n')
    assert.deepEqual(JSON.parse((await askKeys('sessions', 'list', '-o', 'json')).out), [])
    const { code, err } = await askKeys('sessions', 'show', id, '-o', 'json')
    assert.deepEqual([code, err], [EXIT.missing, 'limen: No such session is remembered\n'])
    assert.equal((await askKeys('sessions', 'revoke', id)).out, `Revoked ${id}\n`)
    const subject = await askKeys('sessions', 'revoke', '--subject', id, '-o', 'json')
    assert.deepEqual(JSON.parse(subject.out), { revoked: id })
  })
})

describe('limen', () => {
  it('--version', async () => {
    assert.match((await run(['--version'])).out, /^\d+\.\d+\.\d+\n$/)
  })

  it('an unknown command is a wrong use, with a guess', async () => {
    const { code, err } = await run(['decision'])
    assert.equal(code, EXIT.usage)
    assert.match(err, /Did you mean decisions/)
  })

  it('a value that an option does not take is a wrong use', async () => {
    for (const command of ['check', 'status']) {
      assert.equal((await run([command, '-o', 'xml'])).code, EXIT.usage, command)
    }
  })

  it('schema prints the JSON Schema', async () => {
    const { out } = await run(['schema'])
    assert.equal((JSON.parse(out) as { title: string }).title, 'limen.yaml')
  })

  it('up without a configuration says what to do', async () => {
    const { code, err } = await run(['up'])
    assert.equal(code, EXIT.config)
    assert.match(err, /^limen: No limen.yaml here.*--demo\n$/)
  })
})

describe('limen check', () => {
  it('says that a configuration is good', async () => {
    writeFileSync(join(folder, 'good.yaml'), SHORT_CONFIG)
    assert.deepEqual(await run(['check', '-c', 'good.yaml']), {
      ...{ code: 0, out: 'good.yaml is good\n', err: '' },
    })
  })

  it('says file, line and column of each mistake, of files it names too', async () => {
    const tls = 'certificates: [{ certFile: none.pem, keyFile: none.key }]\n'
    writeFileSync(join(folder, 'bad.yaml'), `${SHORT_CONFIG}${tls}`)
    const { code, err } = await run(['check', '-c', 'bad.yaml'])
    assert.equal(code, EXIT.config)
    assert.match(err, /^bad.yaml:9:18: certificates\[0\]\.certFile: cannot be read: no such file/)
    const { out } = await run(['check', '-c', 'bad.yaml', '-o', 'json'])
    assert.equal((JSON.parse(out) as { complaints: { line: number }[] }).complaints[0]?.line, 9)
  })

  it('makes nothing', async () => {
    writeFileSync(join(folder, 'ca.yaml'), `${SHORT_CONFIG}certificates: [{ localCa: [x] }]\n`)
    assert.equal((await run(['check', '-c', 'ca.yaml'])).code, 0)
    assert.throws(() => rmSync(join(folder, 'data')), /ENOENT/)
  })
})

describe('limen against a running one', () => {
  it('decisions list', async () => {
    const { out } = await ask('decisions', 'list', '--limit', '2')
    const [head, first] = out.split('\n')
    assert.match(head ?? '', /^ID +TIME +FROM/)
    assert.match(first ?? '', new RegExp(`^${sampleDecision(3).id} .* random-repeated$`))
    const json = await ask('decisions', 'list', '--before', sampleDecision(2).id, '-o', 'json')
    assert.deepEqual(JSON.parse(json.out), [sampleDecision(1)])
  })

  it('decisions explain', async () => {
    const { out } = await ask('decisions', 'explain', sampleDecision(2).id)
    assert.match(out, new RegExp(sampleDecision(2).id))
    const { code } = await ask('decisions', 'explain', sampleDecision(9).id)
    assert.equal(code, EXIT.missing)
  })

  it('decisions replay: the same policy, another one, and a wrong one', async () => {
    writeFileSync(join(folder, 'same.yaml'), SHORT_CONFIG)
    const same = await ask('decisions', 'replay', '--policy', 'same.yaml', '--since', '9999d')
    assert.equal(same.out, '3 decisions: identical results, 0 changes\n')
    writeFileSync(join(folder, 'strict.yaml'), 'tier2: 1\ntier3: 9\n')
    const other = await ask('decisions', 'replay', '--policy', 'strict.yaml', '--since', '9999d')
    assert.match(other.out, /^3 decisions: 3 changes, of 0 profiles\nID .* WHY\n/)
    assert.match(other.out, / 1 -> 2 +1 +random-repeated 1\.5\n/)
    writeFileSync(join(folder, 'wrong.yaml'), 'tier2: much\n')
    const wrong = await ask('decisions', 'replay', '--policy', 'wrong.yaml')
    assert.equal(wrong.code, EXIT.config)
    assert.match(wrong.err, /wrong\.yaml:1:1: admission\.tier2: expected number/)
    const never = await ask('decisions', 'replay', '--policy', 'same.yaml', '--since', 'ever')
    assert.equal(never.code, EXIT.usage)
  })

  it('profiles list, show, feedback, remove; signatures list, remove', async () => {
    limen.plane.see({ observations: [SEEN], outcomes: [] })
    assert.match(
      (await ask('profiles', 'list')).out,
      /^ID .*\n0{14}a1 +Chromium +192\.0\.2\.0\/24 +1 /,
    )
    assert.equal((await ask('profiles', 'list', '--tier', '3')).out, 'No profiles.\n')
    const { out } = await ask('profiles', 'show', SEEN.profile)
    assert.match(out, /^Profile 0{14}a1: Chromium from 192\.0\.2\.0\/24\nJA4 +t13d/)
    const marked = await ask('profiles', 'feedback', SEEN.profile, 'bad', '--why', 'a scanner')
    const [, signature = ''] = /bad; signature (\w+) holds until/.exec(marked.out) ?? []
    assert.match((await ask('signatures', 'list')).out, new RegExp(`\\n${signature} +ja4Stable=`))
    assert.equal((await ask('signatures', 'remove', signature)).out, `Removed ${signature}\n`)
    assert.equal((await ask('signatures', 'list')).out, 'No signatures.\n')
    assert.equal((await ask('signatures', 'remove', signature)).code, EXIT.missing)
    const removed = await ask('profiles', 'remove', SEEN.profile, '-o', 'json')
    assert.deepEqual(JSON.parse(removed.out), { removed: SEEN.profile })
    assert.equal((await ask('profiles', 'show', SEEN.profile)).code, EXIT.missing)
    assert.equal((await ask('profiles', 'feedback', SEEN.profile, 'ugly')).code, EXIT.usage)
  })

  it('connections', async () => {
    assert.equal((await ask('connections')).out, 'Nobody is connected.\n')
    assert.deepEqual(JSON.parse((await ask('connections', '-o', 'json')).out), [])
  })

  it('upstreams list, drain, undrain, weight', async () => {
    assert.match((await ask('upstreams', 'list')).out, /site\/a +127.0.0.1:9101 +up/)
    assert.match((await ask('upstreams', 'drain', 'site/a')).out, /site\/a .* draining/)
    assert.match((await ask('upstreams', 'undrain', 'site/a')).out, /site\/a .* up/)
    const { out } = await ask('upstreams', 'weight', 'site/b', '7', '-o', 'json')
    assert.equal((JSON.parse(out) as { weight: number }).weight, 7)
    const { code, err } = await ask('upstreams', 'drain', 'a')
    assert.deepEqual([code, err], [EXIT.usage, 'limen: Name a server as pool/id, not a\n'])
  })

  it('sessions drain: no request goes there any more, and it waits for those that run', async () => {
    const drained = await ask('sessions', 'drain', 'site/a', '--wait', '5')
    assert.deepEqual(
      [drained.code, drained.out],
      [0, 'site/a drains: its sessions go on elsewhere, nothing runs there\n'],
    )
    assert.match((await ask('upstreams', 'list')).out, /site\/a .* draining/)
    const json = await ask('sessions', 'drain', 'site/a', '-o', 'json')
    assert.equal((JSON.parse(json.out) as { state: string }).state, 'draining')
    assert.match((await ask('upstreams', 'undrain', 'site/a')).out, /site\/a .* up/)
    assert.equal((await ask('sessions', 'drain', 'site/z')).code, EXIT.missing)
    for (const wrong of [['a'], ['site/a', '--wait', 'long']]) {
      assert.equal((await ask('sessions', 'drain', ...wrong)).code, EXIT.usage)
    }
  })

  it('status and reload', async () => {
    assert.match((await ask('status')).out, /serving since/)
    assert.equal((await ask('reload')).out, 'Reloaded\n')
  })

  it('without a right token it says where one is looked for', async () => {
    const { code, err } = await run(['status', '--url', limen.running.adminUrl])
    assert.equal(code, EXIT.denied)
    assert.match(err, /LIMEN_TOKEN, LIMEN_TOKEN_FILE or .*data\/admin-token\)\n$/)
  })

  it('takes the token from a file, and address and token from limen.yaml', async () => {
    const file = join(limen.folder, 'data/admin-token')
    const url = limen.running.adminUrl
    assert.equal((await run(['status'], { LIMEN_TOKEN_FILE: file, LIMEN_URL: url })).code, 0)
    const config = SHORT_CONFIG.replace('127.0.0.1:0', new URL(url).host)
    writeFileSync(join(limen.folder, 'other.yaml'), config)
    assert.equal((await run(['status', '-c', join(limen.folder, 'other.yaml')])).code, 0)
  })

  it('says in one line that nobody answers', async () => {
    const { code, err } = await run(['status', '--url', 'http://127.0.0.1:65533'])
    assert.equal(code, EXIT.unreachable)
    assert.match(err, /^limen: No admin API at http:\/\/127\.0\.0\.1:65533 \(ECONNREFUSED\).*\n$/)
  })
})
