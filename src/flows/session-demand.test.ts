import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { adoptFit, fitJob, fitModels } from '../forecast/forecaster.ts'
import {
  demandAhead,
  demandToFit,
  type GroupReport,
  keptDemand,
  noteFirstRequests,
  openSessionDemand,
  passDemandTime,
  SESSION_DEMAND_DEFAULTS,
  type SessionDemand,
} from './session-demand.ts'

const SEED = 20261121
const NOW = 1_800_000_000
const OPTIONS = { ...SESSION_DEMAND_DEFAULTS, ticketS: 80 }

const report = (group: number, found: number, more: Partial<GroupReport> = {}): GroupReport => ({
  ...{ group, found, missed: 0, late: 0, usedUntil: 0 },
  ...more,
})
const at = (demand: SessionDemand, edge: string, group: number, nowS: number, aheadS = 40) =>
  demandAhead(demand, nowS, aheadS).get(edge)?.groups.get(group)

describe('session demand', () => {
  it('is the last life of a ticket, and nothing after it', () => {
    const demand = openSessionDemand(OPTIONS)
    noteFirstRequests(demand, 'a', 'r1', [report(1, 500)], NOW)
    assert.equal(at(demand, 'a', 1, NOW)?.sessions, 0, 'nobody knows when those were')
    noteFirstRequests(demand, 'a', 'r1', [report(1, 508, { late: 2, missed: 9 })], NOW + 5)
    const { expected, by, sessions } = at(demand, 'a', 1, NOW + 5) ?? {}
    assert.deepEqual([expected, by, sessions], [5, 'recent', 10])
    assert.equal(at(demand, 'a', 1, NOW + 80)?.sessions, 10)
    assert.equal(at(demand, 'a', 1, NOW + 96)?.sessions, 0)
  })

  it('begins at zero with a process that was started again', () => {
    const demand = openSessionDemand(OPTIONS)
    noteFirstRequests(demand, 'a', 'r1', [report(1, 500)], NOW)
    noteFirstRequests(demand, 'a', 'r2', [report(1, 3)], NOW + 5)
    assert.equal(at(demand, 'a', 1, NOW + 5)?.sessions, 3)
    noteFirstRequests(demand, 'a', 'r3', [], NOW + 10)
    noteFirstRequests(demand, 'a', 'r3', [report(1, 4)], NOW + 15)
    assert.equal(at(demand, 'a', 1, NOW + 15)?.sessions, 7)
  })

  it('remembers until when a key is used, at most for the life of a ticket', () => {
    const demand = openSessionDemand(OPTIONS)
    noteFirstRequests(demand, 'a', 'r', [report(1, 0, { usedUntil: NOW + 30 })], NOW)
    noteFirstRequests(demand, 'a', 'r', [report(2, 0, { usedUntil: NOW + 9999 })], NOW + 5)
    assert.equal(at(demand, 'a', 1, NOW + 5)?.usedUntilS, NOW + 30)
    assert.equal(at(demand, 'a', 2, NOW + 5)?.usedUntilS, NOW + 85)
  })

  it('forgets the edge that was heard longest ago, and forecasts so many pairs', () => {
    const demand = openSessionDemand({ ...OPTIONS, edgesMax: 2, seriesMax: 1 })
    for (const edge of ['a', 'b', 'a', 'c'])
      noteFirstRequests(demand, edge, 'r', [report(1, 0)], NOW)
    assert.deepEqual([...demand.edges.keys()], ['a', 'c'])
    const series = [...demand.edges.values()].map((one) => one.groups.get(1)?.forecaster)
    assert.deepEqual(
      series.map((one) => one !== undefined),
      [true, false],
    )
  })

  it('knows of a rush every morning before it comes', () => {
    const demand = openSessionDemand(OPTIONS)
    let found = 0
    const stepS = 30
    for (let nowS = NOW; nowS < NOW + 4 * 86_400 - 300; nowS += stepS) {
      // An hour, at the end of each day of this test; nothing else.
      if ((nowS - NOW) % 86_400 >= 82_800) found++
      noteFirstRequests(demand, 'a', 'r', [report(1, found)], nowS)
      for (let due = demandToFit(demand); due !== undefined; due = demandToFit(demand)) {
        adoptFit(due, fitModels(fitJob(due)))
      }
    }
    const rushAt = (day: number): number => NOW + day * 86_400 + 82_800
    passDemandTime(demand, rushAt(4) - 300)
    const { expected = 0, by, sessions } = at(demand, 'a', 1, rushAt(4) - 300, 600) ?? {}
    assert.equal(sessions, 0, 'the last while knows nothing of it')
    assert.equal(by, 'forecast')
    // 20 in ten minutes of the rush; 10 are within the lead.
    assert.ok(expected > 3, String(expected))
    passDemandTime(demand, rushAt(4) + 43_200)
    assert.ok((at(demand, 'a', 1, rushAt(4) + 43_200, 600)?.expected ?? 9) < 1)
  })

  it('goes on from what was kept: what was counted meanwhile, the forecast, and until when a key is used', () => {
    const before = openSessionDemand(OPTIONS)
    let found = 0
    const stepS = 60
    const endS = NOW + 2 * 86_400
    for (let nowS = NOW; nowS <= endS; nowS += stepS) {
      found += (nowS - NOW) % 86_400 < 43_200 ? 2 : 0
      noteFirstRequests(before, 'a', 'r', [report(1, found), report(2, 1)], nowS)
      for (let due = demandToFit(before); due !== undefined; due = demandToFit(before)) {
        adoptFit(due, fitModels(fitJob(due)))
      }
    }
    noteFirstRequests(before, 'b', 'r', [report(1, 0, { usedUntil: endS + 70 })], endS)
    passDemandTime(before, endS)
    const kept = structuredClone(keptDemand(before))
    const after = openSessionDemand(OPTIONS, kept, endS)
    assert.deepEqual(demandAhead(after, endS, 600), demandAhead(before, endS, 600))
    assert.equal(at(after, 'a', 1, endS, 600)?.by, 'forecast')
    assert.equal(at(after, 'b', 1, endS)?.usedUntilS, endS + 70)
    for (const demand of [before, after]) {
      noteFirstRequests(demand, 'a', 'r', [report(1, found + 7)], endS + 5)
    }
    // Two came at the end.
    assert.equal(at(after, 'a', 1, endS + 5)?.sessions, 9)
    assert.deepEqual(demandAhead(after, endS + 5, 600), demandAhead(before, endS + 5, 600))
    // Another process of the edge has counted from zero.
    noteFirstRequests(after, 'a', 'r2', [report(1, 4)], endS + 10)
    assert.equal(at(after, 'a', 1, endS + 10)?.sessions, 13)
  })

  it('begins a forecast anew that was kept too long ago or under other options, and forgets an edge in a week', () => {
    const before = openSessionDemand(OPTIONS)
    for (let nowS = NOW; nowS <= NOW + 86_400; nowS += 60) {
      noteFirstRequests(before, 'a', 'r', [report(1, nowS - NOW)], nowS)
    }
    const endS = NOW + 86_400
    const opened = (nowS: number, options = OPTIONS) =>
      at(openSessionDemand(options, structuredClone(keptDemand(before)), nowS), 'a', 1, nowS)
    assert.equal(opened(endS)?.by, 'forecast')
    assert.equal(opened(endS + 2 * 86_400)?.by, 'recent')
    const other = { ...OPTIONS, forecaster: { ...OPTIONS.forecaster, stepS: 60 } }
    assert.equal(opened(endS, other)?.by, 'recent')
    assert.equal(opened(endS + 8 * 86_400), undefined)
  })

  it(`never expects less than nothing, whatever edges say (seed ${SEED})`, () => {
    const big = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
    const said = fc.record({
      ...{ group: fc.integer({ min: 0, max: 255 }), found: big, missed: big, late: big },
      usedUntil: big,
    })
    const heard = fc.record({
      edge: fc.constantFrom('a', 'b'),
      run: fc.constantFrom('r1', 'r2'),
      reports: fc.array(said, { maxLength: 4 }),
      waitS: fc.integer({ min: -5, max: 600 }),
    })
    fc.assert(
      fc.property(fc.array(heard, { maxLength: 20 }), (all) => {
        const demand = openSessionDemand(OPTIONS)
        let nowS = NOW
        for (const { edge, run, reports, waitS } of all) {
          nowS += waitS
          noteFirstRequests(demand, edge, run, reports, nowS)
          for (const { groups } of demandAhead(demand, nowS, 300).values()) {
            for (const { expected, sessions, usedUntilS } of groups.values()) {
              assert.ok(expected >= 0 && Number.isFinite(expected))
              assert.ok(sessions >= 0 && Number.isFinite(sessions))
              assert.ok(usedUntilS <= nowS + 5 * 20 + OPTIONS.ticketS)
            }
          }
        }
      }),
      { seed: SEED, numRuns: 300 },
    )
  })
})
