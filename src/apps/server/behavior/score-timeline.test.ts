import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Standing } from '../../../behavior/person/live-session.ts'
import { ScoreTimeline } from './score-timeline.ts'

const standing = (score: number, tier: 1 | 2 | 3 = 1): Standing => ({
  ...{ tier, score, confidence: 1, windows: 1 },
  reasons: [{ code: 'text-differs', text: '', weight: score }],
})

describe('ScoreTimeline', () => {
  it('has what was news, of each person, the newest person first', () => {
    const timeline = new ScoreTimeline()
    timeline.note('a', 's', standing(1.234), 1)
    timeline.note('a', 's', standing(1.234), 2)
    timeline.note('a', 't', standing(1.234), 3)
    timeline.note('b', 'u', standing(0), 4)
    timeline.note('a', 's', standing(3.5, 2), 5)
    assert.deepEqual(timeline.of('a').points, [
      { at: 1, session: 's', tier: 1, score: 1.23, reasons: ['text-differs'] },
      { at: 3, session: 't', tier: 1, score: 1.23, reasons: ['text-differs'] },
      { at: 5, session: 's', tier: 2, score: 3.5, reasons: ['text-differs'] },
    ])
    assert.deepEqual(
      timeline.people().map(({ person, last }) => [person, last.at]),
      [
        ['a', 5],
        ['b', 4],
      ],
    )
    timeline.forget('a')
    assert.deepEqual(timeline.of('a'), { points: [], turns: [] })
  })

  it('has changes of tier, and what was said of them', () => {
    const timeline = new ScoreTimeline()
    timeline.turn('a', { session: 's', decision: 'one', before: 1 }, standing(6, 3), 1)
    timeline.turn('a', { session: 's', decision: 'two', before: 3 }, standing(1, 2), 2)
    timeline.say('a', 'one', 'attack')
    timeline.say('a', 'none', 'honest')
    timeline.say('nobody', 'one', 'honest')
    assert.deepEqual(
      timeline
        .of('a')
        .turns.map(({ decision, before, tier, said }) => [decision, before, tier, said]),
      [
        ['one', 1, 3, 'attack'],
        ['two', 3, 2, ''],
      ],
    )
  })

  it('is bounded', () => {
    const timeline = new ScoreTimeline()
    for (let i = 0; i < 300; i++) {
      timeline.note('a', 's', standing(i), i)
      timeline.turn('a', { session: 's', decision: String(i), before: 1 }, standing(i), i)
    }
    const { points, turns } = timeline.of('a')
    assert.deepEqual([points.length, points.at(-1)?.at], [200, 299])
    assert.deepEqual([turns.length, turns.at(-1)?.decision], [50, '299'])
    for (let i = 0; i < 500; i++) timeline.note(`p${i}`, 's', standing(1), i)
    assert.equal(timeline.people().length, 500)
    assert.deepEqual(timeline.of('a').points, [])
  })

  it('is found again after a restart, of each person the newest points', () => {
    const timeline = new ScoreTimeline()
    for (let at = 1; at <= 60; at++) timeline.note('a', 's', standing(at), at)
    timeline.turn('a', { session: 's', decision: 'd', before: 1 }, standing(5, 3), 61)
    const version = timeline.version
    timeline.note('a', 's', standing(60), 62)
    assert.equal(timeline.version, version)
    const found = new ScoreTimeline(timeline.kept())
    const { points, turns } = found.of('a')
    assert.deepEqual([points.length, points[0]?.at, points.at(-1)?.at], [50, 11, 60])
    assert.deepEqual(turns, timeline.of('a').turns)
    found.forget('a')
    assert.deepEqual(found.kept(), [])
  })
})
