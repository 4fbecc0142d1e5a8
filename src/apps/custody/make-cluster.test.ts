import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { compileAccess } from '../../keys/custody/access-policy.ts'
import { callerOf } from './caller.ts'
import { makeCluster } from './make-cluster.ts'
import { readNodeConfig } from './node-config.ts'

const USES = ['sign', 'open', 'derive', 'encrypt', 'decrypt', 'mac', 'deliver']
const CHANGES = ['deal', 'take', 'prepare', 'compare', 'commit', 'abort', 'destroy', 'delete']
const BOTH = ['state', 'figures', 'checkpoint']

let folder: string
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-make-cluster-'))
  await makeCluster({
    ...{ folder, cluster: 'site', threshold: 2, clock: systemClock, random: systemRandom() },
    nodes: [{ id: 'n1', address: '127.0.0.1:9444', domain: 'a' }],
    from: { kind: 'new', operators: 3, operatorsNeeded: 2 },
  })
})
after(() => rmSync(folder, { recursive: true, force: true }))

describe('makeCluster()', () => {
  it('gives custodians the shares and servers the keys, and neither what the other has', () => {
    const { roles, access } = readNodeConfig(join(folder, 'nodes/n1/node.yaml'))
    assert.deepEqual([...roles].sort(), ['custodian', 'server'])
    // Neither an id nor hours nor rates: whoever has such a certificate.
    const rows = access.map(({ caller: { role }, key, operations }) => {
      return { caller: { role }, key, operations }
    })
    assert.deepEqual(access, rows)
    const decide = compileAccess(rows)
    const may = (file: string, operation: string): boolean => {
      const certificate = new X509Certificate(readFileSync(join(folder, file)))
      const caller = callerOf(certificate) ?? assert.fail()
      return decide({ caller, keyName: 'table', operation, now: 0 }).kind === 'allowed'
    }
    const allowed = (file: string) =>
      [...USES, ...CHANGES, ...BOTH, 'prove', 'list'].filter((one) => may(file, one)).sort()
    assert.deepEqual(allowed('server.pem'), [...USES, ...BOTH].sort())
    assert.deepEqual(allowed('custodian.pem'), [...CHANGES, ...BOTH, 'prove', 'list'].sort())
    for (const operation of [...USES, ...CHANGES, ...BOTH]) {
      assert.ok(!may('nodes/n1/certificate.pem', operation), operation)
    }
  })

  it('leaves nothing when it fails, and names what one that was ended has left', async () => {
    const other = mkdtempSync(join(tmpdir(), 'limen-make-cluster-'))
    const random = systemRandom()
    const [node] = [{ id: 'n1', address: '127.0.0.1:9444', domain: 'a' }]
    const options = {
      ...{ folder: other, cluster: 'site', threshold: 2, clock: systemClock, random },
      from: { kind: 'new', operators: 3, operatorsNeeded: 2 },
    } as const
    try {
      // The second finds the key of the first.
      await assert.rejects(makeCluster({ ...options, nodes: [node, node] }))
      assert.deepEqual(readdirSync(other), [])
      await makeCluster({ ...options, nodes: [node] })
      await assert.rejects(makeCluster({ ...options, nodes: [node] }), { code: 'cluster-there' })
      rmSync(join(other, 'custody.yaml'))
      await assert.rejects(makeCluster({ ...options, nodes: [node] }), {
        code: 'cluster-parts',
        message: /remove recovery, operators, .* or name another folder/,
      })
    } finally {
      rmSync(other, { recursive: true })
    }
  })
})
