/**
 * A weight by capacity reaches the workers as an operator's does: a fleet of processes serves by it, also one that is started again.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { openLog } from '../../src/adapters/node/json-log.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import { openFleet } from '../../src/apps/server/fleet.ts'
import type { ServerChange } from '../../src/ports/data-plane.ts'
import { startEdge } from './edge-under-test.ts'
import { type Origin, startOrigins, until } from './fleet-under-test.ts'

const log = openLog({ level: 'error', format: 'json', write: () => {} })
const fleet = openFleet({ workers: 1, clock: systemClock, log })
let origins: readonly Origin[] = []
let port = 0

before(async () => {
  origins = await startOrigins('a', 'b')
  // Only for its settings: in turn, by weight.
  const edge = await startEdge({ upstreamPorts: origins.map((one) => one.port) })
  edge.close()
  port = edge.plainPort
  const listeners = edge.settings.listeners.filter((one) => one.port === port)
  await fleet.apply({ ...edge.settings, listeners })
})
after(async () => {
  await fleet.close()
  for (const origin of origins) await origin.clean()
})

/** Of a hundred requests, how many the first server got. */
async function shareOfFirst(): Promise<number> {
  let first = 0
  for (let i = 0; i < 100; i++) {
    const text = await (await fetch(`http://127.0.0.1:${port}/who`)).text()
    if (text.startsWith('a ')) first++
  }
  return first
}
/** Orders take a moment to reach a worker; connections that were kept died with the one before. */
const becomes = (share: number) =>
  until(`${share} of 100`, 10_000, async () => {
    const seen = await shareOfFirst().catch(() => Number.NaN)
    return Math.abs(seen - share) <= 1
  })
const change = (wish: ServerChange) => assert.ok(fleet.changeServer('site', 's0', wish))

it('a fleet serves by weight times factor, whoever sets which, and a worker that is new does too', async () => {
  await becomes(50)
  change({ capacity: { factor: 4, reason: 'carries more' } })
  await becomes(80)
  const [view] = fleet.upstreams()
  assert.deepEqual([view?.weight, view?.capacity], [1, { factor: 4, reason: 'carries more' }])
  change({ weight: 6 })
  await becomes(96)
  change({ capacity: { factor: 0.25, reason: 'carries less' } })
  await becomes(60)
  const [worker] = fleet.workers()
  assert.ok(worker)
  process.kill(worker.pid, 'SIGKILL')
  await until('another worker', 10_000, () =>
    fleet.workers().some(({ pid, state }) => pid !== worker.pid && state === 'serving'),
  )
  await becomes(60)
  const counted = () => fleet.upstreams()[0]?.latencyCounts.reduce((a, b) => a + b, 0) ?? 0
  await until('what the one before had counted, and more', 5_000, () => counted() > 100)
  change({ capacity: { factor: 1, reason: 'as configured' } })
  change({ weight: 1 })
  await becomes(50)
  assert.equal(fleet.upstreams()[0]?.capacity, undefined)
})
