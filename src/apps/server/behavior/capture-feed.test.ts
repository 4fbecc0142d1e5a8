import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeDataPlane } from '../../../../test/fake-data-plane.ts'
import { openLog } from '../../../adapters/node/json-log.ts'
import type { Standing } from '../../../behavior/person/live-session.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import { seededRandom } from '../../../ports/profile-store.contract.ts'
import type { Capture, CapturedRequest, CaptureStore } from '../../../ports/request-capture.ts'
import { CaptureFeed } from './capture-feed.ts'

const DAY_MS = 86_400_000
const LIMITS = { sessionBytes: 10_000, dayBytes: 20_000, keepBytes: 1e6, keepS: 60 }

const request = (session: string, bytes = 10): CapturedRequest => ({
  ...{ session, at: 1, client: { address: '192.0.2.1', port: 5 }, openedAt: 1, nth: 0 },
  ...{ server: { address: '192.0.2.2', port: 443 }, protocol: 'HTTP/1.1', method: 'POST' },
  ...{ target: '/', host: 'a', fields: [], body: Buffer.alloc(bytes), bodyBytes: bytes },
  ...{ isWhole: true, status: 200 },
})

function started(limits = LIMITS) {
  let now = 100 * DAY_MS
  let isDown = false
  let reasons: Standing['reasons'] = [{ code: 'text-differs', text: '', weight: 6 }]
  const kept: Capture[] = []
  const forgotten: number[][] = []
  const lines: string[] = []
  const logged: string[] = []
  const plane = fakeDataPlane()
  const store: CaptureStore = {
    async add(captures) {
      if (isDown)
        throw new LimenError('storage-unwritable', 'full', { side: 'operator', retry: true })
      kept.push(...captures)
    },
    get: (id) => kept.find((one) => one.id === id),
    list: () => kept,
    async forget(...how) {
      forgotten.push(how)
      return 0
    },
    async erase(person) {
      const gone = kept.filter((one) => one.person === person).length
      kept.splice(0, kept.length, ...kept.filter((one) => one.person !== person))
      return gone
    },
    standing: () => ({ captures: kept.length, bytes: 1 }),
    close: async () => {},
  }
  const feed = new CaptureFeed({
    ...{ plane, store, limits, clock: { now: () => now }, random: seededRandom(1) },
    eve: { write: (line) => void lines.push(line), dropped: 0, close: async () => {} },
    people: {
      standing: () => ({ tier: 3, score: 6, confidence: 1, reasons, windows: 5 }),
      personOf: (session) => (session === 'known' ? 'aa' : undefined),
    },
    log: openLog({ level: 'info', format: 'json', write: (line) => logged.push(line) }),
  })
  return {
    ...{ feed, kept, lines, logged, forgotten },
    meet: (requests: readonly CapturedRequest[], dropped = 0) =>
      plane.meetBehavior([{ kind: 'captured', requests, dropped }]),
    set(next: { passMs?: number; isDown?: boolean; reasons?: Standing['reasons'] }) {
      now += next.passMs ?? 0
      isDown = next.isDown ?? isDown
      reasons = next.reasons ?? reasons
    },
  }
}

describe('CaptureFeed', () => {
  it('keeps requests with who it was and why', async () => {
    const { feed, kept, meet } = started()
    meet([request('known'), request('other')])
    assert.equal(feed.figures().waiting, 2)
    await feed.close()
    const [first, second] = kept
    assert.deepEqual(
      [first?.person, first?.reasons, first?.score, second?.person],
      ['aa', ['text-differs'], 6, ''],
    )
    assert.ok(first !== undefined && second !== undefined && first.id < second.id)
    assert.equal(feed.get(first.id), first)
  })

  it('is bounded per session and day, counts the rest, and begins anew the next day', async () => {
    const { feed, kept, meet, set, lines } = started()
    for (let i = 0; i < 5; i++) meet([request('one', 4000)])
    for (const session of ['two', 'three', 'four']) meet([request(session, 4000)])
    const { dropped } = feed.figures()
    assert.deepEqual(dropped, { edge: 0, session: 3, day: 1, queue: 0 })
    set({ passMs: DAY_MS })
    meet([request('one', 4000)])
    meet([], 7)
    assert.deepEqual(feed.figures().dropped, { edge: 7, session: 3, day: 1, queue: 0 })
    await feed.close()
    assert.equal(kept.length, 5)
    // Events say what there was no room for, too.
    assert.equal(lines.filter((line) => line.includes('"event_type":"http"')).length, 9)
  })

  it('alerts once for a session, and again when the reasons are others', async () => {
    const { feed, meet, set, lines } = started()
    const alerts = () => lines.filter((line) => line.includes('"event_type":"alert"')).length
    meet([request('one'), request('one'), request('two')])
    assert.equal(alerts(), 2)
    set({ reasons: [{ code: 'timings-repeated', text: '', weight: 6 }] })
    meet([request('one'), request('one')])
    assert.equal(alerts(), 3)
    await feed.close()
  })

  it('waits for a store that fails, within bounds, and says so once', async () => {
    const limits = { ...LIMITS, sessionBytes: 1e9, dayBytes: 1e9 }
    const { feed, kept, meet, set, logged } = started(limits)
    set({ isDown: true })
    for (let i = 0; i < 20; i++) meet([request('one', 2 ** 20)])
    const { waiting, dropped } = feed.figures()
    assert.deepEqual([waiting, dropped.queue], [15, 5])
    await new Promise((resolve) => setTimeout(resolve, 1200))
    assert.equal(logged.length, 1)
    set({ isDown: false })
    await feed.close()
    assert.equal(kept.length, 15)
  })

  it('erases a person, also what waits', async () => {
    const { feed, kept, meet } = started()
    meet([request('known'), request('other')])
    assert.equal(await feed.erase('aa', []), 1)
    await feed.close()
    assert.deepEqual(
      kept.map(({ session }) => session),
      ['other'],
    )
  })

  it('forgets what is too old', async () => {
    const { feed, forgotten } = started()
    await feed.close()
    assert.deepEqual(forgotten, [[100 * DAY_MS - 60_000, 1e6]])
  })
})
