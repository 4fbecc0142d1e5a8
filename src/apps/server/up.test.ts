import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type RunningLimen, runLimen, SHORT_CONFIG } from '../../../test/running-limen.ts'
import { localCertificate } from '../../adapters/node/local-ca.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { LimenError } from '../../ground/limen-error.ts'
import { sampleDecision } from '../../ports/decision-log.contract.ts'

const using = async (limen: Promise<RunningLimen>, use: (limen: RunningLimen) => Promise<void>) => {
  const running = await limen
  try {
    await use(running)
  } finally {
    await running.end()
  }
}
/** Waits for what happens by itself, without a fixed sleep. */
const eventually = async (holds: () => boolean): Promise<void> => {
  const deadline = Date.now() + 5000
  while (!holds()) {
    assert.ok(Date.now() < deadline, 'did not happen within 5 s')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
const status = async (url: string): Promise<number> => (await fetch(url)).status

describe('up()', () => {
  it('applies the configuration to the data plane, with keys of its own', () =>
    using(runLimen(), async ({ plane }) => {
      const [settings] = plane.applied
      assert.equal(plane.applied.length, 1)
      assert.deepEqual(settings?.listeners[0]?.port, 8080)
      assert.equal(settings?.affinityKey.length, 32)
      assert.deepEqual(
        settings?.ticketKeys.map((key) => key.length),
        [48],
      )
    }))

  it('keeps its secrets in files only the owner can read', () =>
    using(runLimen(), async ({ folder, token, logs }) => {
      for (const name of [
        'admin-token',
        'affinity.key',
        'ticket.keys',
        'record.key',
        'audit.jsonl',
      ]) {
        assert.equal(statSync(join(folder, 'data', name)).mode & 0o777, 0o600, name)
      }
      assert.equal(statSync(join(folder, 'data')).mode & 0o777, 0o700)
      assert.match(token, /^[\w-]{43}$/)
      assert.equal(logs.join('').includes(token), false)
    }))

  it('is ready when a worker serves, and not while draining', () =>
    using(runLimen(), async ({ running, plane }) => {
      const readyz = `${running.adminUrl}readyz`
      assert.equal(await status(readyz), 200)
      assert.equal(await status(running.metricsUrl.replace('metrics', 'readyz')), 200)
      plane.setWorkerState('dead')
      assert.equal(await status(readyz), 503)
      assert.equal(await status(`${running.adminUrl}livez`), 200)
      plane.setWorkerState('serving')
      let duringDrain = 0
      plane.drain = async () => {
        duringDrain = await status(readyz)
      }
      await running.stop()
      assert.equal(duringDrain, 503)
      assert.equal(plane.closed, true)
    }))

  it('keeps decisions, and still has them after a restart', async () => {
    const first = await runLimen()
    first.plane.decide([sampleDecision(1)])
    await first.running.stop()
    const copy = readFileSync(join(first.folder, 'data/storage/data.mdb'))
    const recordKey = readFileSync(join(first.folder, 'data/record.key'))
    await first.end()
    const again = runLimen(SHORT_CONFIG, (folder) => {
      mkdirSync(join(folder, 'data/storage'), { recursive: true })
      writeFileSync(join(folder, 'data/storage/data.mdb'), copy)
      writeFileSync(join(folder, 'data/record.key'), recordKey)
    })
    await using(again, async ({ running, token }) => {
      const headers = { authorization: `Bearer ${token}` }
      const response = await fetch(`${running.adminUrl}v1/decisions`, { headers })
      assert.deepEqual(await response.json(), [sampleDecision(1)])
    })
  })

  it('keeps decisions in memory when storage is damaged, and says so', () =>
    using(runLimen(SHORT_CONFIG, damageStorage), async ({ running, token, logs }) => {
      const headers = { authorization: `Bearer ${token}` }
      const response = await fetch(`${running.adminUrl}v1/status`, { headers })
      const { decisionsKeptIn } = (await response.json()) as { decisionsKeptIn: string }
      assert.equal(decisionsKeptIn, 'memory')
      assert.match(logs.join(''), /storage-damaged.*kept in memory only/)
    }))

  it('refuses to start on damaged storage when decisions.onError is closed', () =>
    assert.rejects(
      runLimen(`${SHORT_CONFIG}decisions: { onError: closed }\n`, damageStorage),
      (error: LimenError) => error.code === 'storage-damaged',
    ))

  it('keeps profiles in memory when their database is damaged, and says so', () =>
    using(runLimen(SHORT_CONFIG, damageProfiles), async ({ running, token, logs, plane }) => {
      const headers = { authorization: `Bearer ${token}` }
      const response = await fetch(`${running.adminUrl}v1/status`, { headers })
      const said = (await response.json()) as { profilesKeptIn: string; decisionsKeptIn: string }
      assert.deepEqual([said.profilesKeptIn, said.decisionsKeptIn], ['memory', 'storage'])
      assert.match(logs.join(''), /storage-damaged.*Profiles are kept in memory only/)
      assert.deepEqual(plane.judged, [[]])
    }))

  it('sends everybody to tier 2 then, when admission.onError says so', () =>
    using(
      runLimen(`${SHORT_CONFIG}admission: { onError: tier2 }\n`, damageProfiles),
      async ({ plane }) => {
        const [verdict] = plane.judged.at(-1) ?? []
        assert.deepEqual(verdict?.subject, { kind: 'everybody' })
        assert.equal(verdict?.reasons[0]?.code, 'profiles-unusable')
      },
    ))

  it('refuses to start then, when admission.onError is closed', () =>
    assert.rejects(
      runLimen(`${SHORT_CONFIG}admission: { onError: closed }\n`, damageProfiles),
      (error: LimenError) => error.code === 'storage-damaged',
    ))

  it('learns anew when what it had learned cannot be read', async () => {
    let data = ''
    const first = await runLimen(SHORT_CONFIG, (folder) => {
      data = `${folder}-kept`
      writeFileSync(join(folder, 'kept'), data)
    })
    await first.running.stop()
    cpSync(join(first.folder, 'data'), data, { recursive: true })
    await first.end()
    writeFileSync(join(data, 'record.key'), Buffer.alloc(32, 9))
    const again = (folder: string) => cpSync(data, join(folder, 'data'), { recursive: true })
    await using(runLimen(SHORT_CONFIG, again), async ({ plane }) => {
      assert.deepEqual(plane.judged, [[]])
    })
    rmSync(data, { recursive: true })
  })

  it('refuses a bad configuration with its line', () =>
    assert.rejects(runLimen(`${SHORT_CONFIG}colour: red\n`), (error: LimenError) => {
      assert.equal(error.code, 'config-refused')
      assert.match(error.message, /limen\.yaml:9:1: colour: unknown key/)
      return true
    }))

  it('says which address is in use, and closes what it had opened', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const text = SHORT_CONFIG.replace(
      'metrics: { address: 127.0.0.1:0',
      `metrics: { address: 127.0.0.1:${port}`,
    )
    await assert.rejects(runLimen(text), (error: LimenError) => {
      assert.equal(error.code, 'cannot-listen')
      assert.match(error.message, new RegExp(`127.0.0.1:${port} \\(metrics.address\\): .*in use`))
      return true
    })
    other.close()
  })

  it('makes a local CA when asked to', () =>
    using(
      runLimen(
        `${SHORT_CONFIG.replace('8080 }', '8443, tls: {} }')}certificates: [{ localCa: [localhost] }]\n`,
      ),
      async ({ plane }) =>
        assert.match(plane.applied[0]?.certificates[0]?.certPem ?? '', /BEGIN CERT/),
    ))

  it('serves the admin API by TLS when it has a certificate', () => {
    const admin = `admin: { certificate: { certFile: ${CERTIFICATE}, keyFile: own/leaf.key }, `
    return using(
      runLimen(SHORT_CONFIG.replace('admin: { ', admin), certify),
      async ({ running, folder }) => {
        const ca = readFileSync(join(folder, 'own/ca.pem'))
        const answer = await new Promise<{ status: number | undefined; hsts: unknown }>(
          (resolve, reject) =>
            get(`${running.adminUrl}livez`, { ca, agent: false }, (response) => {
              response.resume()
              const hsts = response.headers['strict-transport-security']
              resolve({ status: response.statusCode, hsts })
            }).on('error', reject),
        )
        assert.equal(answer.status, 200)
        assert.match(String(answer.hsts), /max-age/)
      },
    )
  })
})

describe('reload', () => {
  it('applies a new configuration', () =>
    using(runLimen(), async ({ running, plane, configure }) => {
      configure(SHORT_CONFIG.replace('site, servers', 'site, choose: round-robin, servers'))
      const outcome = await running.reload('test')
      assert.equal(outcome.kind, 'applied')
      assert.equal(plane.applied.at(-1)?.pools[0]?.choose, 'round-robin')
    }))

  it('refuses a bad one, says where, and keeps the old', () =>
    using(runLimen(), async ({ running, plane, configure, logs }) => {
      configure(SHORT_CONFIG.replace('pool: site', 'pool: sit'))
      const outcome = await running.reload('test')
      assert.equal(outcome.kind, 'refused')
      assert.equal(plane.applied.length, 1)
      assert.match(logs.join(''), /limen\.yaml:5:12: routes\[0\]\.pool: no pool is called/)
    }))

  it('names what takes a restart', () =>
    using(runLimen(), async ({ running, configure }) => {
      configure(`${SHORT_CONFIG}workers: 7\n`)
      const outcome = await running.reload('test')
      assert.deepEqual(outcome.kind === 'applied' && outcome.waiting, ['workers'])
    }))

  it('knows a new name of a pool from another way to scale', () =>
    using(runLimen(), async ({ running, configure }) => {
      configure(
        SHORT_CONFIG.replace('name: site', 'name: shop').replace('pool: site', 'pool: shop'),
      )
      const outcome = await running.reload('test')
      assert.deepEqual(outcome.kind === 'applied' && outcome.waiting, [])
    }))

  it('happens when the file is replaced', () =>
    using(runLimen(), async ({ plane, configure }) => {
      configure(`${SHORT_CONFIG}admission: { mode: shadow }\n`)
      await eventually(() => plane.applied.at(-1)?.admission.mode === 'shadow')
    }))

  it('takes over a certificate whose files are replaced', async () => {
    const text = `${SHORT_CONFIG.replace('8080 }', '8443, tls: {} }')}certificates: [{ certFile: ${CERTIFICATE}, keyFile: own/leaf.key }]\n`
    await using(runLimen(text, certify), async ({ plane, folder }) => {
      const before = plane.applied[0]?.certificates[0]?.certPem
      rmSync(join(folder, 'own'), { recursive: true })
      await certify(folder)
      await eventually(() => plane.applied.length > 1)
      const after = plane.applied.at(-1)?.certificates[0]?.certPem
      assert.equal(after, readFileSync(join(folder, CERTIFICATE), 'utf8'))
      assert.notEqual(after, before)
    })
  })

  it('ends the right of a token that was taken out', () => {
    const tokenLine = (token: string): string => {
      const sha256 = createHash('sha256').update(token).digest('hex')
      return SHORT_CONFIG.replace(
        'admin: { ',
        `admin: { tokens: [{ name: ops, role: operator, sha256: '${sha256}' }], `,
      )
    }
    return using(runLimen(tokenLine('first')), async ({ running, configure }) => {
      const ask = async (token: string): Promise<number> => {
        const headers = { authorization: `Bearer ${token}` }
        return (await fetch(`${running.adminUrl}v1/status`, { headers })).status
      }
      assert.deepEqual([await ask('first'), await ask('second')], [200, 401])
      configure(tokenLine('second'))
      await running.reload('test')
      assert.deepEqual([await ask('first'), await ask('second')], [401, 200])
    })
  })
})

const CERTIFICATE = 'own/leaf.pem'
async function certify(folder: string): Promise<void> {
  const names = ['localhost', '127.0.0.1']
  const random = systemRandom()
  await localCertificate({ folder: join(folder, 'own'), names, clock: systemClock, random })
}

function damageStorage(folder: string): void {
  damage(join(folder, 'data/storage'))
}

function damageProfiles(folder: string): void {
  damage(join(folder, 'data/profiles'))
}

function damage(folder: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'data.mdb'), Buffer.alloc(40_960, 7))
}
