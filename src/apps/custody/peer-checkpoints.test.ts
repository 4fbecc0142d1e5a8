import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type MemoryCluster, memoryCluster } from '../../../test/custody-nodes.ts'
import { CHECKPOINTS_FILE, openCustodyAudit } from '../../adapters/node/custody-audit.ts'
import { octetsOf } from '../../ground/octets.ts'
import {
  type AuditCheckpoint,
  readCheckpoint,
  writeCheckpoint,
} from '../../keys/custody/audit-checkpoint.ts'
import type { CustodyAudit } from '../../ports/custody-audit.ts'
import { FIELD } from '../../wire/custody-message.ts'
import { custodyNode } from './custody-node.ts'
import { CheckpointCarrier, keepCheckpoints } from './peer-checkpoints.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-peer-checkpoints-'))
let cluster: MemoryCluster
const audits: CustodyAudit[] = []

/** Nodes with an audit log on the disk each. */
before(async () => {
  cluster = await memoryCluster(3)
  for (const node of cluster.nodes) {
    let newest: AuditCheckpoint | undefined
    const audit = openCustodyAudit({
      ...{ folder: join(folder, node.id), node: node.world.node, key: node.world.signing },
      clock: node.world.clock,
      onCheckpoint: (made) => {
        newest = made
      },
    })
    audits.push(audit)
    node.node = custodyNode({ ...node.world, audit: { ...audit, newest: () => newest } })
  }
})
after(async () => {
  for (const audit of audits) await audit.close()
  rmSync(folder, { recursive: true })
})

const keptBy = (id: string) =>
  readFileSync(join(folder, id, CHECKPOINTS_FILE), 'utf8')
    .split('\n')
    .flatMap((line) => readCheckpoint(line) ?? [])
    .map((one) => {
      const node = cluster.nodes.find(({ world }) => Buffer.compare(world.node, one.node) === 0)
      return `${node?.id} ${one.count}`
    })

describe('CheckpointCarrier', () => {
  it('brings what each node has signed to all others, once', async () => {
    const signed = await Promise.all(audits.map((audit) => audit.checkpoint()))
    const carrier = new CheckpointCarrier(cluster.client.links)
    await carrier.carry()
    await carrier.carry()
    for (const { id } of cluster.nodes) {
      assert.deepEqual(
        keptBy(id).sort(),
        cluster.nodes.map((node, i) => `${node.id} ${signed[i]?.count}`).sort(),
      )
    }
    // What is carried makes nothing that would have to be carried.
    assert.deepEqual(
      audits.map((audit) => audit.head().count),
      signed.map(({ count }) => count),
    )
  })
})

describe('keepCheckpoints()', () => {
  it('takes none of another node, another key, or another identity', async () => {
    const [one, two] = cluster.nodes
    const made = await audits[0]?.checkpoint()
    assert.ok(one !== undefined && two !== undefined && made !== undefined)
    let kept = 0
    const audit = { ...one.world.audit, keepCheckpointOf: () => ++kept > 0 }
    const world = { identity: cluster.identity, audit }
    const give = (card: Uint8Array, line: Uint8Array) =>
      keepCheckpoints(
        world,
        new Map([
          [FIELD.card, [card]],
          [FIELD.checkpoint, [line]],
        ]),
      ).outcome
    const line = octetsOf(writeCheckpoint(made))
    assert.equal(give(one.card, line), 'done')
    assert.equal(give(two.card, line), 'input')
    assert.equal(give(one.card, octetsOf('{}')), 'input')
    const forged = one.card.slice()
    forged[60] = (forged[60] ?? 0) ^ 1
    assert.equal(give(forged, line), 'input')
    assert.equal(keepCheckpoints(world, new Map([[FIELD.card, [one.card]]])).outcome, 'input')
    assert.equal(kept, 1)
    // The log looks at the signature itself.
    const edited = { ...made, count: made.count + 9 }
    assert.equal(audits[1]?.keepCheckpointOf(made.publicKey, edited), false)
  })
})
