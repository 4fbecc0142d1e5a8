import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { type ClusterEvent, openEmbeddedCluster } from '../../src/apps/custody/embedded-cluster.ts'
import { octetsOf } from '../../src/ground/octets.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-embedded-custody-'))
after(() => rmSync(folder, { recursive: true }))
const KEY = { name: 'limen/test', version: 1 }
const OBJECT = octetsOf('object')
const SIGNING = { name: 'limen/test-sign', version: 1 }
/** Long enough to be replaced in time on a busy machine. */
const CERTIFICATE_MS = 20_000

describe('openEmbeddedCluster()', () => {
  it('serves on when all certificates have expired', { timeout: 240_000 }, async () => {
    const events: ClusterEvent[] = []
    const cluster = await openEmbeddedCluster({
      ...{ folder, unseal: 'file', operators: { shares: 5, threshold: 3 } },
      ...{ random: systemRandom(), clock: systemClock, waitMs: 120_000 },
      ...{ keys: [KEY], mayMake: true, portsTaken: new Set(), certificateMs: CERTIFICATE_MS },
      signing: [SIGNING],
      onSealed: () => assert.fail('nobody has sealed it'),
      onEvent: (event) => events.push(event),
    })
    try {
      const derived = await cluster.client.derive(KEY, OBJECT)
      assert.equal((await cluster.client.sign(SIGNING, OBJECT)).length, 64)
      const until = Date.now() + 2 * CERTIFICATE_MS
      for (let count = 0; Date.now() < until || count < 10; count++) {
        assert.deepEqual(await cluster.client.derive(KEY, OBJECT), derived)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    } finally {
      await cluster.close()
    }
    const unrenewed = events.filter(({ kind }) => kind === 'unrenewed' || kind === 'ended')
    assert.deepEqual(unrenewed, [])
  })
})
