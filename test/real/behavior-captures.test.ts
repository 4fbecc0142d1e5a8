/**
 * What is captured of a session in tier 3, in a whole Limen: its requests go to the sandbox, and what they were can be read by an
 * analyst, by nobody else, and not from the disk. Events for an intrusion detection are in a file, in Suricata's words.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { connect } from 'node:http2'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { CaptureSummary, CaptureView } from '../../src/apps/server/admin/routes-captures.ts'
import { communityId } from '../../src/wire/community-id.ts'
import { freePorts } from '../free-ports.ts'
import { closeTiers, robotAt, Site, TOLD_WITHIN_MS } from './behavior-tiers-site.ts'
import type { Visitor } from './behavior-visitor.ts'
import { askAdmin, type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

const LIMEN = join(import.meta.dirname, '..', '..', 'bin', 'limen')
const REQUEST_BYTES = 2000
/** What must be found nowhere on the disk. */
const SECRETS = ['mallory-was-here', 'hunter2-password', 'Basic c2VjcmV0', 'victim-session-id']
const TOKENS = { viewer: 'a-viewer-who-looks', analyst: 'an-analyst-who-reads' }

describe('captures of tier 3', () => {
  const [open, sandbox] = [new Site('open'), new Site('sandbox')]
  let limen: LimenUnderTest
  let port = 0
  let robot: Visitor
  let eve = ''

  before(async () => {
    await Promise.all([open.listen(), sandbox.listen()])
    ;[port = 0] = await freePorts(1)
    const poolOf = (name: string, site: Site) => ({
      name,
      servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }],
    })
    const config = {
      workers: 2,
      listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
      certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
      pools: [poolOf('open', open), poolOf('sandbox', sandbox)],
      routes: [{ pool: 'open', pools: { tier3: 'sandbox' } }],
      behavior: {
        ...{ mode: 'enforce', thresholds: 'fixed', everyMs: 2000 },
        capture: { enabled: true, requestBytes: REQUEST_BYTES, eve: 'eve.json' },
      },
    }
    limen = await startLimen(config)
    const tokens = Object.entries(TOKENS).map(([role, token]) => ({
      ...{ name: role, role, sha256: createHash('sha256').update(token).digest('hex') },
    }))
    const tokenFile = join(limen.folder, 'data', 'admin-token')
    await limen.reload({
      ...config,
      admin: {
        address: new URL(limen.adminUrl).host,
        openToLoopback: 'viewer',
        tokens: [...tokens, { name: 'admin', role: 'operator', tokenFile }],
      },
    })
    eve = join(limen.folder, 'eve.json')
    robot = await robotAt(port, 3)
  })
  after(async () => {
    robot?.close()
    await limen?.clean()
    for (const site of [open, sandbox]) site.server.close().closeAllConnections()
    closeTiers()
  })

  const asAnalyst = async <T>(path: string): Promise<T> => {
    const headers = { authorization: `Bearer ${TOKENS.analyst}` }
    const response = await fetch(`${limen.adminUrl}${path}`, { headers })
    assert.equal(response.status, 200, path)
    return (await response.json()) as T
  }
  const list = (): Promise<CaptureSummary[]> => asAnalyst('/v1/captures?limit=200')
  /** The newest of that path, once it is on the disk. */
  const captured = async (path: string, isIt = (_: CaptureSummary) => true) => {
    let found: CaptureSummary | undefined
    await until(`a capture of ${path}`, TOLD_WITHIN_MS, async () => {
      found = (await list()).find((one) => one.path === path && isIt(one))
      return found !== undefined
    })
    return asAnalyst<CaptureView>(`/v1/captures/${found?.id}`)
  }
  const events = (kind: string) =>
    readFileSync(eve, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event_type: type }) => type === kind)

  it('has nothing of sessions that are not in it', async () => {
    const honest = await robot.ask('POST', '/page?honest', Buffer.from('mine'), { cookie: 'a=b' })
    assert.equal(JSON.parse(honest.body).name, 'open')
    assert.deepEqual(await list(), [])
  })

  it('has head and body over HTTP/1.1, without credentials', async () => {
    const sent = {
      'content-type': 'application/x-www-form-urlencoded',
      cookie: `${robot.cookie}; sid=victim-session-id`,
      authorization: 'Basic c2VjcmV0',
    }
    const body = Buffer.from('to=mallory-was-here&password=hunter2-password')
    await until('the sandbox', TOLD_WITHIN_MS, async () => {
      const answered = await robot.ask('POST', '/page?to=7', body, sent)
      return JSON.parse(answered.body).name === 'sandbox'
    })
    const capture = await captured('/page', ({ method }) => method === 'POST')
    assert.equal(Buffer.from(capture.body, 'base64').toString(), String(body))
    const { id, at, session, fields, ...rest } = capture
    const named = Object.fromEntries(fields.map(({ name, value }) => [name.toLowerCase(), value]))
    assert.equal(named['cookie'], '[redacted]')
    assert.equal(named['authorization'], '[redacted]')
    assert.equal(named['limen-behavior-tier'], '3')
    assert.equal(named['content-type'], sent['content-type'])
    assert.ok(Math.abs(at - Date.now()) < 600_000 && session.length === 8 && id.length === 26)
    const { score, client, ...known } = rest
    assert.ok(score >= 5 && client.address === '127.0.0.1' && client.port > 0)
    assert.deepEqual(known, {
      ...{ person: '', reasons: rest.reasons },
      ...{ server: { address: '127.0.0.1', port }, protocol: 'HTTP/1.1', method: 'POST' },
      ...{ host: `localhost:${port}`, path: '/page', target: '/page?to=7', status: 200 },
      ...{ bodyBytes: body.length, keptBytes: body.length, isWhole: true, body: capture.body },
    })
    assert.ok(rest.reasons.length > 0)
  })

  it('has the begin of an upload over HTTP/2, without framing', async () => {
    const session = connect(`https://localhost:${port}`, { rejectUnauthorized: false })
    const stream = session.request({
      ...{ ':path': '/page?large', ':method': 'POST', cookie: robot.cookie },
      'user-agent': 'thief/2',
    })
    const piece = Buffer.alloc(3000, 'x')
    for (let i = 0; i < 10; i++) stream.write(piece)
    stream.end()
    await new Promise((resolve, reject) => {
      stream.on('end', resolve).on('error', reject).resume()
    })
    session.destroy()
    const capture = await captured('/page', ({ protocol }) => protocol === 'HTTP/2')
    const { bodyBytes, keptBytes, isWhole, status, method } = capture
    assert.deepEqual(
      { bodyBytes, keptBytes, isWhole, status, method },
      { bodyBytes: 30_000, keptBytes: REQUEST_BYTES, isWhole: true, status: 200, method: 'POST' },
    )
    const kept = Buffer.from(capture.body, 'base64').toString()
    assert.equal(kept, 'x'.repeat(REQUEST_BYTES))
  })

  it('is told to an intrusion detection, in its words', async () => {
    await until('events', TOLD_WITHIN_MS, () => events('http').length >= 2)
    const [alert] = events('alert')
    assert.equal(events('alert').length, 1)
    assert.deepEqual(alert.alert.metadata.tier, ['3'])
    assert.ok(alert.alert.metadata.reason.length > 0)
    const http = events('http').find((event) => event.http.http_user_agent === 'thief/2')
    assert.equal(http.http.url, '/page?large')
    assert.equal(http.http.http_port, port)
    assert.equal(http.http.protocol, 'HTTP/2')
    assert.deepEqual([http.dest_ip, http.dest_port, http.proto], ['127.0.0.1', port, 'TCP'])
    const flow = { address: http.src_ip, port: http.src_port }
    assert.equal(http.community_id, communityId(flow, { address: '127.0.0.1', port }))
    assert.ok(http.metadata.flowbits.includes('limen.tier3'))
    assert.equal(statSync(eve).mode & 0o777, 0o600)
    const lines = readFileSync(eve, 'utf8')
    for (const secret of SECRETS) assert.ok(!lines.includes(secret), secret)
  })

  it('lies on the disk sealed', () => {
    const data = join(limen.folder, 'data')
    const names = readdirSync(data, { recursive: true, encoding: 'utf8' })
    assert.ok(names.includes(join('captures', 'data.mdb')))
    let octets = 0
    for (const name of names) {
      const path = join(data, name)
      if (!statSync(path).isFile()) continue
      const file = readFileSync(path)
      octets += file.length
      for (const secret of [...SECRETS, 'thief/2', 'x'.repeat(40)]) {
        assert.equal(file.indexOf(secret), -1, `${name} has ${secret}`)
      }
    }
    assert.ok(octets > 10_000)
    for (const secret of SECRETS) assert.ok(!limen.printed().includes(secret), secret)
  })

  it('is read by analysts and operators only, and that is written down', async () => {
    const [newest] = await list()
    const path = `/v1/captures/${newest?.id}`
    for (const [headers, status] of [
      [{}, 401],
      [{ authorization: `Bearer ${TOKENS.viewer}` }, 403],
      [{ authorization: `Bearer ${TOKENS.analyst}` }, 200],
    ] as const) {
      for (const each of [path, '/v1/captures']) {
        assert.equal((await fetch(`${limen.adminUrl}${each}`, { headers })).status, status, each)
      }
    }
    const data = join(limen.folder, 'data')
    const audit = readFileSync(join(data, 'audit.jsonl'), 'utf8')
    const reads = audit.split('\n').filter((line) => line.includes('"capture.read"'))
    assert.ok(reads.some((line) => line.includes('"analyst"') && line.includes(newest?.id ?? '?')))
    assert.ok(!audit.includes('"viewer"'))
  })

  it('is shown by the command', async () => {
    const env = { ...process.env, LIMEN_TOKEN: TOKENS.analyst, LIMEN_CUSTODY__MODE: 'off' }
    const run = async (...args: string[]) => {
      const file = join(limen.folder, 'limen.yaml')
      return (await promisify(execFile)(LIMEN, ['captures', ...args, '-c', file], { env })).stdout
    }
    const listed = await run('list')
    assert.match(listed, /POST localhost:\d+\/page/)
    const form = await captured('/page', ({ protocol }) => protocol === 'HTTP/1.1')
    const shown = await run('show', form.id)
    assert.match(shown, /^POST \/page\?to=7 HTTP\/1\.1\n/)
    assert.match(shown, /\n\nto=mallory-was-here&password=hunter2-password$/m)
    await assert.rejects(run('show', '0'.repeat(26)), /No such capture/)
  })

  it('is counted in the health', async () => {
    const { captures } = await asAnalyst<{ captures: { kept: number; dropped: object } }>(
      '/health/anomalydetection',
    )
    assert.equal(captures.kept, (await list()).length)
    assert.deepEqual(captures.dropped, { edge: 0, session: 0, day: 0, queue: 0 })
  })

  it('goes with the person', async () => {
    // The server says who it is; the tier stays.
    await robot.ask('GET', '/user')
    await until('a capture of the person', TOLD_WITHIN_MS, async () => {
      await robot.ask('GET', '/user?again')
      return (await list()).some(({ person }) => person !== '')
    })
    const before = await list()
    assert.equal(
      before.some(({ person }) => person === ''),
      true,
    )
    await askAdmin(limen, join(limen.folder, 'data'), 'DELETE', '/profiles/4711')
    await until('no capture of the person', TOLD_WITHIN_MS, async () =>
      (await list()).every(({ person }) => person === ''),
    )
  })
})
