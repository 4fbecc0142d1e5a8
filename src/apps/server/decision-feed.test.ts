import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeDataPlane } from '../../../test/fake-data-plane.ts'
import { memoryDecisionLog } from '../../adapters/memory/decision-log.ts'
import { openLog } from '../../adapters/node/json-log.ts'
import type { Decision } from '../../behavior/decision.ts'
import { sampleDecision } from '../../ports/decision-log.contract.ts'
import { type DecisionPage, decisionsOf } from '../../ports/decision-log.ts'
import { feedDecisions, STORE_MS } from './decision-feed.ts'

const quiet = openLog({ level: 'error', format: 'json', write: () => {} })

describe('feedDecisions()', () => {
  it('stores what arrives, and closes when all of it is stored', async () => {
    const plane = fakeDataPlane()
    const log = memoryDecisionLog({ keepMax: 100 })
    const feed = feedDecisions(plane, log, quiet)
    plane.decide([sampleDecision(1)])
    plane.decide([sampleDecision(2), sampleDecision(3)])
    await feed.close()
    assert.equal(log.list({ limit: 9 }).length, 3)
  })

  it('counts what storage could not take, and goes on', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const plane = fakeDataPlane()
    const stored: Decision[] = []
    const failing = {
      ...memoryDecisionLog({ keepMax: 1 }),
      async append(pages: readonly DecisionPage[]) {
        const decisions = pages.flatMap(decisionsOf)
        if (decisions.some(({ score }) => score === 0.1)) throw new Error('disk full')
        stored.push(...decisions)
      },
    }
    const feed = feedDecisions(plane, failing, quiet)
    plane.decide([sampleDecision(1)])
    t.mock.timers.tick(STORE_MS)
    await new Promise(setImmediate)
    plane.decide([sampleDecision(2)])
    await feed.close()
    assert.equal(feed.dropped(), 1)
    assert.deepEqual(stored, [sampleDecision(2)])
  })

  it('drops and counts when storage hangs, so memory stays bounded', async () => {
    const plane = fakeDataPlane()
    let release = (): void => {}
    const hanging = {
      ...memoryDecisionLog({ keepMax: 1 }),
      append: () => new Promise<void>((resolve) => (release = resolve)),
    }
    const feed = feedDecisions(plane, hanging, quiet)
    const batch = Array.from({ length: 1000 }, (_, i) => sampleDecision(i))
    for (let i = 0; i < 30; i++) plane.decide(batch)
    assert.equal(feed.dropped(), 10_000)
    const closed = feed.close()
    await new Promise(setImmediate)
    release()
    await closed
  })

  it('knows what waits to be stored, and each decision once', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const plane = fakeDataPlane()
    const log = memoryDecisionLog({ keepMax: 10 })
    const feed = feedDecisions(plane, log, quiet)
    const ids = (query: Parameters<typeof feed.list>[0]) => feed.list(query).map(({ id }) => id)
    const [one, two, three] = [1, 2, 3].map(sampleDecision)
    plane.decide([one, two].filter((each) => each !== undefined))
    assert.deepEqual(log.list({ limit: 9 }), [])
    assert.deepEqual(feed.get(two?.id ?? ''), two)
    t.mock.timers.tick(STORE_MS)
    assert.deepEqual(ids({ limit: 9 }), [two?.id, one?.id], 'while they are stored')
    await new Promise(setImmediate)
    plane.decide([three].filter((each) => each !== undefined))
    assert.deepEqual(ids({ limit: 2 }), [three?.id, two?.id])
    assert.deepEqual(ids({ limit: 9, before: two?.id ?? '' }), [one?.id])
    await feed.close()
  })

  it('tells who watches, until they stop', async () => {
    const plane = fakeDataPlane()
    const feed = feedDecisions(plane, memoryDecisionLog({ keepMax: 9 }), quiet)
    const seen: number[] = []
    const stop = feed.watch((batch) => seen.push(batch.length))
    plane.decide([sampleDecision(1)])
    stop()
    plane.decide([sampleDecision(2)])
    await feed.close()
    assert.deepEqual(seen, [1])
  })
})
