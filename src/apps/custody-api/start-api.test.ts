import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { makeCluster } from '../custody/make-cluster.ts'
import { startCustodyApi } from './start-api.ts'

let folder: string
let path: string
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-start-api-'))
  await makeCluster({
    ...{ folder, cluster: 'site', threshold: 2, clock: systemClock, random: systemRandom() },
    nodes: ['n1', 'n2'].map((id) => ({ id, address: '127.0.0.1:1', domain: id })),
    from: { kind: 'new', operators: 3, operatorsNeeded: 2 },
  })
  const { privateKey } = generateKeyPairSync('ed25519')
  writeFileSync(
    join(folder, 'audit.key'),
    privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  )
  path = join(folder, 'api.yaml')
  writeFileSync(path, yaml())
})
after(() => rmSync(folder, { recursive: true, force: true }))

const yaml = (operations = 'read'): string => `cluster: site
id: api1
listen: 127.0.0.1:0
folder: api
server: { certificate: server.pem, key: server.key }
certificate: server.pem
key: server.key
authority: authority.pem
identity: identity.pem
signingKey: audit.key
threshold: 2
nodes:
  - { id: n1, address: "127.0.0.1:1", card: cards/n1 }
  - { id: n2, address: "127.0.0.1:1", card: cards/n2 }
access:
  - { caller: { role: app }, key: "*", operations: [${operations}] }
`
const start = () => startCustodyApi({ path, version: '1', complain: () => undefined })

describe('startCustodyApi()', () => {
  it('starts no second coordinator in a folder, nor touches it', async () => {
    const api = await start()
    const log = join(folder, 'api/audit/audit.jsonl')
    const before = [readFileSync(log, 'utf8'), readdirSync(join(folder, 'api'))]
    await assert.rejects(start(), {
      ...{ code: 'folder-in-use', message: `Another Limen uses ${join(folder, 'api')}` },
    })
    assert.deepEqual([readFileSync(log, 'utf8'), readdirSync(join(folder, 'api'))], before)
    await api.close()
    const again = await start()
    await again.close()
  })

  it('refuses an operation that there is not, and opens nothing', async () => {
    writeFileSync(path, yaml('read, encrpyt').replace('folder: api', 'folder: other'))
    await assert.rejects(start(), {
      code: 'config-refused',
      message:
        /access: Row 0 \(role app, key \*\) names an operation encrpyt; there are .*encrypt,/,
    })
    assert.ok(!readdirSync(join(folder, 'other')).includes('audit'))
    writeFileSync(path, yaml())
  })
})
