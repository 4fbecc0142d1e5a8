import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { scoreOf } from './evidence.ts'
import { countConnection, mishapReasons, newMishapCounts } from './mishaps.ts'

const NOW = Date.UTC(2026, 10, 21)
const DAY = 86_400_000
const RARITY_MAX = 1.5

function counted(ordinary: number, form = '', mishaps = 0) {
  const counts = newMishapCounts(NOW)
  for (let i = 0; i < ordinary; i++) countConnection(counts, '', NOW)
  for (let i = 0; i < mishaps; i++) countConnection(counts, form, NOW)
  return counts
}

describe('mishapReasons()', () => {
  it('says nothing of ordinary hellos, and of none', () => {
    assert.deepEqual(mishapReasons(counted(100), '', 5, 0, RARITY_MAX), [])
    assert.deepEqual(mishapReasons(counted(100), 'not_tls', 0, 0, RARITY_MAX), [])
  })

  it('weighs one as an accident, at most as much as rarity does', () => {
    const [reason] = mishapReasons(counted(10_000), 'not_tls', 1, 0, RARITY_MAX)
    assert.equal(reason?.weight, RARITY_MAX)
    assert.equal(reason?.detector, 'form')
  })

  it('weighs several in a row as the posterior predictive chance of a beta-binomial', () => {
    // Prior 0.5 in 25 for not_tls, and 100 connections without any: (0.5 / 126) (1.5 / 127) (2.5 / 128).
    const [reason] = mishapReasons(counted(100), 'not_tls', 3, 0, RARITY_MAX)
    const chance = (0.5 / 126) * (1.5 / 127) * (2.5 / 128)
    assert.ok(Math.abs((reason?.weight ?? 0) + Math.log10(chance)) < 1e-9)
    assert.match(reason?.text ?? '', /: 3 times in a row$/)
  })

  it('finds ordinary what happens often here, unless it was this client', () => {
    const counts = counted(100, 'closed', 100)
    assert.ok(scoreOf(mishapReasons(counts, 'closed', 4, 0, RARITY_MAX)) < 2)
    assert.ok(scoreOf(mishapReasons(counts, 'closed', 100, 100, RARITY_MAX)) > 20)
  })

  it('gives forms and errors words of their own', () => {
    const code = (form: string) => mishapReasons(counted(100), form, 2, 0, RARITY_MAX)[0]?.code
    assert.equal(code('small-records'), 'hello-small-records')
    assert.equal(code('dripped'), 'hello-dripped')
    assert.notEqual(code('record_overflow'), undefined)
  })
})

describe('countConnection()', () => {
  it('forgets half in a day', () => {
    const counts = counted(100, 'closed', 100)
    countConnection(counts, '', NOW + DAY)
    assert.ok(Math.abs(counts.connections - 101) < 1e-9)
    assert.deepEqual(counts.byForm, { closed: 50 })
  })

  it('holds a bounded number of forms, whatever a storage says', () => {
    const counts = newMishapCounts(NOW)
    for (let i = 0; i < 1000; i++) countConnection(counts, `made-up-${i}`, NOW)
    assert.equal(Object.keys(counts.byForm).length, 64)
    assert.equal(counts.connections, 1000)
  })
})
