import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HANDSHAKES_MAX, PROFILES_MAX, RigorousPool, WAITING_MAX } from './rigorous-pool.ts'

function pool(settings: { connectionsMax?: number; perProfilePerSecond?: number } = {}) {
  const clock = { now: 0 }
  const tasks: (() => void)[] = []
  const made = new RigorousPool({
    now: () => clock.now,
    settings: () => ({
      choose: 'random',
      region: '',
      members: [],
      connectionsMax: 1_000_000,
      perProfilePerSecond: 1_000_000,
      helloRetry: true,
      userAgentCheck: true,
      work: 0,
      ...settings,
    }),
    later: (task) => void tasks.push(task),
  })
  /** One turn of the event loop. */
  const turn = () => {
    for (const task of tasks.splice(0)) task()
  }
  return { made, clock, turn }
}

const turnOf = (begun: string[], name: string, isWanted = true) => ({
  isWanted,
  begin: () => void begun.push(name),
})

describe('RigorousPool', () => {
  it('holds so many connections at once', () => {
    const { made } = pool({ connectionsMax: 2 })
    assert.deepEqual(
      [made.enter('a'), made.enter('b'), made.enter('c')],
      [undefined, undefined, 'rigorous-full'],
    )
    made.leave()
    assert.equal(made.enter('c'), undefined)
    assert.equal(made.connections, 2)
  })

  it('takes so many per second of one profile, and does not hold it against others', () => {
    const { made, clock } = pool({ perProfilePerSecond: 2 })
    const took = (profile: string) => made.enter(profile) === undefined
    assert.deepEqual([took('a'), took('a'), took('a'), took('b')], [true, true, false, true])
    clock.now = 500
    assert.deepEqual([took('a'), took('a')], [true, false])
    clock.now = 60_000
    assert.deepEqual([took('a'), took('a'), took('a')], [true, true, false])
  })

  it('takes one every few seconds where the rate is below one', () => {
    const { made, clock } = pool({ perProfilePerSecond: 0.5 })
    assert.equal(made.enter('a'), undefined)
    clock.now = 1_900
    assert.equal(made.enter('a'), 'rigorous-rate')
    clock.now = 2_100
    assert.equal(made.enter('a'), undefined)
  })

  it('forgets the profiles seen longest ago, not the busy ones', () => {
    const { made } = pool({ perProfilePerSecond: 1 })
    assert.equal(made.enter('busy'), undefined)
    for (let i = 0; i < PROFILES_MAX * 2; i++) {
      assert.equal(made.enter(`p${i}`), undefined)
      if (i % 100 === 0) assert.equal(made.enter('busy'), 'rigorous-rate')
    }
    assert.equal(made.enter('p0'), undefined, 'p0 was forgotten')
  })

  it('begins one handshake per turn of the event loop, in order, without those that left', () => {
    const { made, turn } = pool()
    const begun: string[] = []
    made.queue(turnOf(begun, 'a'))
    made.queue(turnOf(begun, 'gone', false))
    made.queue(turnOf(begun, 'b'))
    assert.deepEqual(begun, [])
    turn()
    assert.deepEqual(begun, ['a'])
    turn()
    assert.deepEqual(begun, ['a', 'b'])
  })

  it('has so many handshakes under way, and begins the next when one is over', () => {
    const { made, turn } = pool()
    const begun: string[] = []
    for (let i = 0; i < HANDSHAKES_MAX + 5; i++) made.queue(turnOf(begun, String(i)))
    for (let i = 0; i < HANDSHAKES_MAX + 5; i++) turn()
    assert.equal(begun.length, HANDSHAKES_MAX)
    made.over()
    turn()
    assert.equal(begun.length, HANDSHAKES_MAX + 1)
  })

  it('refuses when too many wait already', () => {
    const { made } = pool()
    for (let i = 0; i < WAITING_MAX; i++) made.queue(turnOf([], String(i)))
    assert.equal(made.enter('a'), 'rigorous-busy')
  })
})
