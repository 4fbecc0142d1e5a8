import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FeedLog } from './feed-log.ts'
import { type FeedEntry, type NumberedEntry, Revocations } from './revocations.ts'

const SEED = 20261121
const OPTIONS = { begin: 1000, keepS: 960, supersededMax: 20 }
const superseded = (session: string, generation: number, now: number): FeedEntry => ({
  ...{ kind: 'supersede', session, generation },
  ...{ after: now + 30, until: now + 300 },
})

describe('FeedLog', () => {
  it('leaves no gap to who follows it, wherever that one begins, whatever is forgotten', () => {
    const step = fc.tuple(
      fc.constantFrom('supersede', 'revoke', 'checkpoint', 'forget'),
      fc.nat(90),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.nat(40), (steps, joinEvery) => {
        const log = new FeedLog(OPTIONS)
        const followers: Revocations[] = [new Revocations()]
        let now = 10_000
        const hear = (one: Revocations, entries: readonly NumberedEntry[]): void => {
          for (const entry of entries) assert.equal(one.take(entry, now), true, `${entry.seq}`)
        }
        steps.forEach(([kind, wait], i) => {
          now += wait
          if (kind === 'forget') log.forget(now)
          if (kind === 'checkpoint') log.add({ kind }, now)
          if (kind === 'revoke') {
            log.add({ kind, session: `r${i}`, generation: 1, until: now + 960 }, now)
          }
          if (kind === 'supersede') log.add(superseded(`s${i}`, 1, now), now)
          if (i % (joinEvery + 1) === 0) followers.push(new Revocations())
          // Some hear at once, some rarely.
          followers.forEach((one, f) => {
            if (i % (f + 1) === 0) hear(one, log.since(one.seq))
          })
        })
      }),
      { seed: SEED },
    )
  })

  it('tells all of it to who shows a number of another start', () => {
    const log = new FeedLog(OPTIONS)
    log.add({ kind: 'checkpoint' }, 0)
    log.add(superseded('a', 1, 0), 0)
    assert.equal(log.since(1001).length, 1)
    assert.equal(log.since(1002).length, 0)
    for (const other of [0, 999, 1003, 2 ** 40]) {
      assert.equal(log.follows(other), false)
      assert.equal(log.since(other).length, 2)
    }
  })

  it('forgets the oldest superseded generations when there are too many, and never a revocation', () => {
    const log = new FeedLog(OPTIONS)
    log.add({ kind: 'revoke', session: 'r', generation: 1, until: 960 }, 0)
    for (let i = 0; i < 500; i++) log.add(superseded(`s${i}`, 1, 0), 0)
    assert.ok(log.size <= OPTIONS.supersededMax + 1)
    assert.equal(log.revocations, 1)
    const last = log.since(0).at(-1)
    assert.ok(last?.kind === 'supersede' && last.session === 's499')
    log.forget(961)
    assert.equal(log.size, 0)
  })
})

describe('Revocations of superseded generations', () => {
  const take = (one: Revocations, generation: number, now: number, grace = 30): void => {
    const entry = superseded('s', generation, now)
    one.take({ ...entry, after: now + grace, seq: one.seq + 1 } as NumberedEntry, now)
  }
  const isOver = (one: Revocations, generation: number, now: number) =>
    one.isSuperseded({ session: 's', generation }, now)

  it('lets requests under way arrive, then refuses, and never the generation that follows', () => {
    const one = new Revocations()
    take(one, 1, 100)
    assert.equal(isOver(one, 1, 129), false)
    assert.equal(isOver(one, 1, 130), true)
    assert.equal(isOver(one, 2, 1000), false)
    assert.equal(one.isSuperseded({ session: 'other', generation: 1 }, 1000), false)
  })

  it('gives no generation more time by further rotations than twice the grace', () => {
    const one = new Revocations()
    for (let generation = 1; generation <= 60; generation++) {
      const now = 100 + generation
      take(one, generation, now)
      for (let old = 1; old < generation; old++) {
        if (now - (100 + old) > 60) assert.equal(isOver(one, old, now), true, `${old} at ${now}`)
      }
    }
    assert.equal(isOver(one, 1, 131), true)
  })

  it('takes the shorter grace of a suspect for what came before it too', () => {
    const one = new Revocations()
    take(one, 1, 100)
    take(one, 2, 101, 5)
    assert.equal(isOver(one, 1, 106), true)
    assert.equal(isOver(one, 2, 106), true)
    assert.equal(isOver(one, 3, 106), false)
  })
})
