import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Observer } from '../src/behavior/person/observe.ts'
import type { BehaviorRecord } from '../src/wire/behavior-batch.ts'
import { mouseStretches, RecordedHands, typedPassword } from './recorded-hands.ts'

/** H, then DD, UD, H of the ten keys after it. */
const ROW = Float64Array.from(
  Array.from({ length: 31 }, (_, i) => (i % 3 === 0 ? 0.09 : i % 3 === 1 ? 0.2 : 0.11)),
)
/** The second key is pressed before the first is let go. */
const ROLLED = ROW.with(0, 0.25).with(2, -0.05)

describe('typedPassword()', () => {
  it('presses and releases each key when it was, in the order of time', () => {
    const events = typedPassword(ROLLED, 1000)
    assert.equal(events.length, 22)
    assert.deepEqual(events.slice(0, 4), [
      { kind: 'down', atMs: 1000, key: '.' },
      { kind: 'down', atMs: 1200, key: 't' },
      { kind: 'up', atMs: 1250, key: '.' },
      { kind: 'up', atMs: 1290, key: 't' },
    ])
    assert.deepEqual(events.at(-1), { kind: 'up', atMs: 3090, key: 'Enter' })
  })
  it('gives the engine the row that was recorded', () => {
    const downs = new Map<string, number>()
    const records = typedPassword(ROLLED, 1000).flatMap((event): BehaviorRecord[] => {
      if (event.kind === 'down') downs.set(event.key, event.atMs)
      if (event.kind !== 'up') return []
      const atMs = downs.get(event.key) ?? Number.NaN
      return [{ kind: 'key', atMs, holdMs: event.atMs - atMs, class: 'hidden', field: 2 }]
    })
    const context = {
      device: 'desktop',
      touch: false,
      portrait: false,
      keyboard: 'qwerty',
    } as const
    const { observations } = new Observer().take(
      {
        ...{ fromMs: 0, lastedMs: 4000, context, place: 1 },
        records: records.sort((a, b) => a.atMs - b.atMs),
      },
      1,
    )
    const [only] = observations
    assert.ok(observations.length === 1 && only?.kind === 'typing')
    assert.equal(only.row.length, ROLLED.length)
    for (const [i, timing] of ROLLED.entries()) {
      assert.ok(Math.abs((only.row[i] ?? Number.NaN) - timing) < 1e-9, `timing ${i}`)
    }
  })
})

/** Ten reports, a tenth of a second apart. */
function movement(fromS: number) {
  return Array.from({ length: 10 }, (_, i) => {
    return { kind: 'move' as const, timeS: fromS + i / 10, x: 20 * i, y: i * i }
  })
}

describe('mouseStretches()', () => {
  it('cuts at pauses, keeps the times inside, and makes long pauses shorter', () => {
    const stretches = mouseStretches([...movement(5), ...movement(8), ...movement(100)])
    assert.deepEqual(
      stretches.map(({ pauseMs }) => Math.round(pauseMs)),
      [0, 2100, 10_000],
    )
    for (const { events, actions } of stretches) {
      assert.equal(actions, 1)
      assert.deepEqual(
        events.map(({ atMs }) => Math.round(atMs)),
        Array.from({ length: 10 }, (_, i) => 100 * i),
      )
    }
  })
  it('leaves out events that are older than the one before', () => {
    const [first, ...rest] = movement(5)
    assert.ok(first !== undefined)
    const [stretch] = mouseStretches([first, { ...first, timeS: 4 }, ...rest])
    assert.equal(stretch?.events.length, 10)
  })
})

describe('RecordedHands', () => {
  const stretches = mouseStretches([0, 3, 6, 9].flatMap(movement))
  it('fills a page with the mouse as far as there is time, then types', () => {
    const hands = new RecordedHands([ROW, ROW], stretches)
    // The login takes 5.09 s; two stretches 3.9 s, three 6.9 s.
    const round = hands.round(10_000)
    assert.deepEqual([round.mouseActions, round.passwords], [2, 1])
    assert.equal(round.events.length, 2 * 10 + 4 + 22)
    const times = round.events.map(({ atMs }) => atMs)
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
    assert.ok(Math.abs((times.at(-1) ?? 0) - 8990) < 1e-6)
  })
  it('goes on where it was, and has an end', () => {
    const hands = new RecordedHands([ROW], stretches)
    const counts = [1, 2, 3, 4].map(() => {
      const { mouseActions, passwords } = hands.round(6500)
      return [mouseActions, passwords]
    })
    assert.deepEqual(counts, [
      [1, 1],
      [2, 0],
      [1, 0],
      [0, 0],
    ])
  })
  it('leaves out what no page has time for', () => {
    const long = {
      pauseMs: 0,
      actions: 9,
      events: [{ kind: 'move', atMs: 7000, x: 1, y: 1 }],
    } as const
    assert.equal(new RecordedHands([], [long, ...stretches]).round(6500).mouseActions, 2)
  })
})
