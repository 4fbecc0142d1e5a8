import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Prevalence } from './prevalence.ts'

const DAY = 86_400_000
const OPTIONS = { halfLifeMs: DAY, labelsMax: 100 }

function repeat(prevalence: Prevalence, label: string, times: number, now = 0): void {
  for (let i = 0; i < times; i++) prevalence.meet(label, now)
}

describe('Prevalence', () => {
  it('says 1 to the first sighting: there is nothing to compare with', () => {
    assert.equal(new Prevalence(OPTIONS).meet('a', 0), 1)
  })

  it('says (1 + as rare) / (1 + all)', () => {
    const prevalence = new Prevalence(OPTIONS)
    repeat(prevalence, 'common', 99)
    assert.equal(prevalence.meet('new', 0), 1 / 100)
    assert.equal(prevalence.meet('new', 0), 2 / 101)
    assert.equal(prevalence.meet('common', 0), 1)
  })

  it('counts every label that is as rare: many rare ones are ordinary', () => {
    const prevalence = new Prevalence(OPTIONS)
    repeat(prevalence, 'common', 50)
    for (let i = 0; i < 50; i++) prevalence.meet(`rare ${i}`, 0)
    // 50 labels seen once each stand above the one never seen; once seen it is like them.
    assert.equal(prevalence.meet('new', 0), 1 / 101)
    assert.equal(prevalence.meet('new', 0), 52 / 102)
  })

  it('is a p-value: at most a share x of sightings get x or less', () => {
    const prevalence = new Prevalence({ ...OPTIONS, labelsMax: 1000 })
    let state = 1
    const ps: number[] = []
    for (let i = 0; i < 20_000; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      // Label k has a share of about 2^-k: some common, a long tail of rare ones.
      const label = `${Math.clz32(state)}`
      ps.push(prevalence.meet(label, i))
    }
    for (const x of [0.5, 0.1, 0.01, 0.001]) {
      const share = ps.filter((p) => p <= x).length / ps.length
      assert.ok(share <= x * 1.2 + 3 / ps.length, `${share} of them at most ${x}`)
    }
  })

  it('lets sightings fade by half in a half-life', () => {
    const prevalence = new Prevalence(OPTIONS)
    repeat(prevalence, 'old', 64)
    repeat(prevalence, 'new', 16, 3 * DAY)
    // 64 have become 8.
    assert.equal(prevalence.meet('old', 3 * DAY), (8 + 1) / (8 + 16 + 1))
  })

  it('keeps its scale over years', () => {
    const prevalence = new Prevalence(OPTIONS)
    let last = 0
    for (let day = 0; day < 2000; day++) {
      for (let i = 0; i < 9; i++) prevalence.meet('daily', day * DAY)
      last = prevalence.meet('weekly'.repeat(day % 7 === 0 ? 1 : 2), day * DAY)
      assert.ok(last > 0 && last <= 1)
    }
    assert.equal(prevalence.labels, 3)
    // All that was is 2^-200 of a sighting now.
    assert.equal(prevalence.meet('other', 2200 * DAY), 1)
  })

  it('forgets the label unseen for longest, and counts it as rare', () => {
    const prevalence = new Prevalence({ halfLifeMs: DAY, labelsMax: 2 })
    repeat(prevalence, 'a', 10)
    repeat(prevalence, 'b', 10)
    prevalence.meet('c', 0)
    assert.equal(prevalence.labels, 2)
    assert.equal(prevalence.meet('a', 0), (10 + 1) / (21 + 1))
  })
})
