import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { makeSealedKey } from '../../adapters/node/sealed-key.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { makeCluster } from './make-cluster.ts'
import { startCustodyNode } from './start-node.ts'
import { giveShare } from './unseal-door.ts'

const random = systemRandom()
let folder: string
let config: string
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-start-node-'))
  await makeCluster({
    ...{ folder, cluster: 'site', threshold: 2, clock: systemClock, random },
    nodes: [{ id: 'n1', address: '127.0.0.1:0', domain: 'a' }],
    from: { kind: 'new', operators: 3, operatorsNeeded: 2 },
  })
  config = join(folder, 'nodes/n1/node.yaml')
})
after(() => rmSync(folder, { recursive: true, force: true }))

const start = (path = config, onSealed: (door: string) => void = () => assert.fail()) =>
  startCustodyNode(path, (_, error) => assert.fail(error as Error), onSealed)

describe('startCustodyNode()', () => {
  it('starts no second node in a folder, nor touches it', async () => {
    const node = await start()
    const log = join(folder, 'nodes/n1/shares/audit/audit.jsonl')
    const before = readFileSync(log, 'utf8')
    await assert.rejects(start(), {
      ...{ code: 'folder-in-use' },
      message: `Another Limen uses ${join(folder, 'nodes/n1/shares')}`,
    })
    assert.equal(readFileSync(log, 'utf8'), before)
    await node.close()
    const again = await start()
    await again.close()
  })

  it('leaves a sealed node its door', async () => {
    const own = join(folder, 'nodes/n1')
    const [path, sharesPath] = [join(own, 'sealed'), join(own, 'operator-shares')]
    makeSealedKey({ path, sharesPath, shares: 3, threshold: 2, random })
    const sealed = join(own, 'sealed.yaml')
    const yaml = readFileSync(config, 'utf8').replace('folder: shares', 'folder: sealed-shares')
    writeFileSync(
      sealed,
      yaml.replace(/^wrapping:.*$/m, 'wrapping: { sealed: sealed, door: door }'),
    )
    const { promise: opened, resolve } = Promise.withResolvers<string>()
    const starting = start(sealed, resolve)
    const door = await opened
    await assert.rejects(start(sealed), { code: 'folder-in-use' })
    const lines = readFileSync(sharesPath, 'utf8').trim().split('\n')
    for (const line of lines.slice(0, 2)) await giveShare(door, Buffer.from(line))
    const node = await starting
    await node.close()
  })

  it('refuses an operation that there is not', async () => {
    const typo = join(folder, 'nodes/n1/typo.yaml')
    writeFileSync(
      typo,
      readFileSync(config, 'utf8').replace('operations: [sign,', 'operations: [sgin,'),
    )
    await assert.rejects(start(typo), {
      code: 'config-refused',
      message: /access: Row 1 .* names an operation sgin; there are .*sign,/,
    })
  })
})
