import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Actor, actPerson } from '../../../test/acted-person.ts'
import { seededFraction } from '../../math/seeded-chance.ts'
import type { BehaviorBatch, ContactRecord } from '../../wire/behavior-batch.ts'
import { CONTACT_FEATURES } from '../biometrics/contact-features.ts'
import { KnownPerson } from './known-person.ts'
import { LiveSession, type LiveSettings } from './live-session.ts'
import { Movements, movementFeatures, WINDOW_ACTIONS } from './movements.ts'
import { newPerson } from './person.ts'
import { readPerson, writePerson } from './person-record.ts'

const swipe = (change: Partial<ContactRecord>): ContactRecord => ({
  ...{ kind: 'contact', atMs: 0, pen: false, continued: false, fingers: 1, size: 20 },
  ...{ pressure: 90, dx: 0, dy: 0, steps: [], restMs: 10 },
  ...change,
})

describe('Movements', () => {
  it('keeps kinds and devices apart', () => {
    const movements = new Movements()
    for (let i = 0; i <= WINDOW_ACTIONS; i++) {
      movements.add(swipe({ atMs: 1000 * i }))
      movements.add(swipe({ atMs: 1000 * i + 500, pen: true }))
      movements.add({ kind: 'scroll', atMs: 1000 * i, dx: 0, dy: 9 })
    }
    const windows = movements.take('tablet')
    assert.deepEqual(
      windows.map(({ context, actions }) => `${context} ${actions.length}`),
      ['touch tablet 20', 'pen tablet 20', 'scroll tablet 20'],
    )
    for (const { context, actions } of windows) {
      assert.ok(actions.every(({ length }) => length === movementFeatures(context).length))
    }
    assert.deepEqual(movements.take('tablet'), [])
    assert.deepEqual(movementFeatures('text desktop qwerty'), [])
  })

  it('puts a contact together that came in two records, and leaves out what has no begin', () => {
    const movements = new Movements()
    // 40 pixels, 25 from one record to the next, 35: from where the first began that is 65.
    movements.add(swipe({ steps: [{ dx: 40, dy: 0 }], restMs: 0 }))
    const rest = { continued: true, atMs: 100, dx: 65, steps: [{ dx: 35, dy: 0 }] }
    movements.add(swipe(rest))
    movements.break()
    movements.add(swipe(rest))
    for (let i = 0; i <= WINDOW_ACTIONS; i++) movements.add(swipe({ atMs: 1000 * (i + 1) }))
    assert.equal(movements.take('phone')[0]?.actions.length, WINDOW_ACTIONS)
    const whole = new Movements()
    whole.add(swipe({ steps: [{ dx: 40, dy: 0 }], restMs: 0 }))
    whole.add(swipe(rest))
    for (let i = 0; i < WINDOW_ACTIONS; i++) whole.add(swipe({ atMs: 1000 * (i + 1) }))
    const [first] = whole.take('phone')[0]?.actions ?? []
    assert.equal(first?.[CONTACT_FEATURES.indexOf('length')], 100)
    assert.equal(first?.[CONTACT_FEATURES.indexOf('duration')], 0.16)
  })
})

const SETTINGS: LiveSettings = {
  ...{ thresholds: { tier2: 3, tier3: 5 }, enrol: 'first', calibrate: (score) => score },
  fraction: seededFraction(3),
}
const KINDS = {
  touch: { act: (actor: Actor) => actor.touch(100), other: (actor: Actor) => actor.touch(400) },
  scroll: { act: (actor: Actor) => actor.scroll(100), other: (actor: Actor) => actor.scroll(400) },
}
const OWNERS = 12
const DAYS = 20
const LATER_DAYS = 10

function highestTier(known: KnownPerson, batches: readonly BehaviorBatch[]): number {
  const live = new LiveSession(0)
  live.bind(known, false, SETTINGS)
  let tier = 1
  for (const batch of batches) {
    live.take(batch, 1, SETTINGS)
    tier = Math.max(tier, live.standing(SETTINGS).tier)
  }
  live.end(SETTINGS)
  return tier
}

for (const [kind, { act, other }] of Object.entries(KINDS)) {
  describe(`people who ${kind}`, () => {
    it('are themselves on other days, and not each other', () => {
      let [flagged, sessions, caught] = [0, 0, 0]
      for (let owner = 0; owner < OWNERS; owner++) {
        const actor = actPerson(300 + owner)
        const known = new KnownPerson(newPerson(owner.toString(16).padStart(32, '0'), 0))
        for (let day = 0; day < DAYS + LATER_DAYS; day++) {
          actor.sleep()
          const tier = highestTier(known, act(actor))
          if (day < DAYS) continue
          sessions++
          if (tier > 1) flagged++
        }
        const { person } = known
        const kept = readPerson(person.id, writePerson(person)) ?? assert.fail('not kept')
        if (highestTier(new KnownPerson(kept), other(actPerson(700 + owner))) > 1) caught++
      }
      console.log(`${kind}: ${flagged} of ${sessions} own sessions, ${caught} of ${OWNERS} others`)
      // The budget is 1 %, 1.2 sessions of 120: up to four are chance (Poisson, 1 %).
      assert.ok(flagged <= 4, `${flagged} of ${sessions} of their own`)
      assert.ok(caught >= 0.75 * OWNERS, `${caught} of ${OWNERS} others`)
    })
  })
}
