import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { type RotatingTicket, RotationHints } from './rotation-hints.ts'
import { ROTATION_DEFAULTS } from './rotation-policy.ts'

const NOW = 1_000_000
const ticketOf = (tier = 1): RotatingTicket => ({
  ...{ notBefore: NOW, rotateAfter: NOW + 600, expires: NOW + 900, tier },
})

let hints: RotationHints
beforeEach(() => {
  hints = new RotationHints(ROTATION_DEFAULTS, seededRandom(7))
})
/** At so many seconds of the ticket's age. */
const ask = (ticket: RotatingTicket, age: number, tier = ticket.tier, everyS?: number) =>
  hints.hintFor(ticket, ticket, tier, NOW + age, everyS)

describe('RotationHints', () => {
  it('says when it is time, the same until the client has followed', () => {
    const ticket = ticketOf()
    assert.equal(ask(ticket, 599), undefined)
    assert.deepEqual(ask(ticket, 600), { by: NOW + 660, reason: 'time' })
    assert.deepEqual(ask(ticket, 689), { by: NOW + 660, reason: 'time' })
    assert.deepEqual(ask(ticket, 690), { by: NOW + 750, reason: 'time' }, 'once more')
  })

  it('tells whoever shows a suspected ticket, until its key has gone', () => {
    const ticket = ticketOf()
    const hint = { by: NOW + 5, reason: 'security' }
    assert.deepEqual(ask(ticket, 5, 2), hint)
    assert.deepEqual(ask(ticket, 6, 1), hint, 'its owner, perhaps')
    assert.deepEqual(ask(ticket, 400, 3), hint)
    assert.equal(ask(ticketOf(2), 5, 2), undefined, 'known when it was made')
  })

  it('goes by the shorter interval of a route, not below the least', () => {
    assert.equal(ask(ticketOf(), 119, 1, 120), undefined)
    assert.equal(ask(ticketOf(), 120, 1, 120)?.reason, 'time')
    assert.equal(ask(ticketOf(), 120, 1, 900), undefined)
    assert.equal(ask(ticketOf(), 59, 1, 1), undefined)
    assert.equal(ask(ticketOf(), 60, 1, 1)?.reason, 'time')
  })

  it('puts off while it is busy, to moments before the ticket ends', () => {
    hints.load = { now: 0.95, ahead: 0.95, aheadS: 0 }
    assert.equal(ask(ticketOf(), 500), undefined, 'long before')
    const hint = { from: NOW + 653, by: NOW + 810, reason: 'load' }
    const ticket = ticketOf()
    assert.deepEqual(ask(ticket, 580), hint, 'before the client goes by its own clock')
    assert.deepEqual(ask(ticket, 700), hint)
    assert.equal(ask(ticketOf(), 808)?.reason, 'time', 'nothing is left to put off')
    assert.equal(ask(ticketOf(2), 600)?.reason, 'time', 'no suspect is spared')
    assert.equal(ask(ticketOf(), 10, 2)?.reason, 'security')
  })

  it('asks before a peak for what would come in it', () => {
    hints.load = { now: 0.3, ahead: 1.2, aheadS: 200 }
    assert.equal(ask(ticketOf(), 450), undefined, 'it comes before')
    assert.deepEqual(ask(ticketOf(), 400), { by: NOW + 600, reason: 'load' })
    assert.deepEqual(ask(ticketOf(), 101), { by: NOW + 301, reason: 'load' })
    assert.equal(ask(ticketOf(), 99), undefined, 'it comes after it')
  })

  it('holds to the rate, but for suspects', () => {
    hints.policy = { ...ROTATION_DEFAULTS, perSecondMax: 10 }
    const said = Array.from({ length: 100 }, () => ask(ticketOf(), 600)?.reason)
    assert.equal(said.filter((one) => one === 'time').length, 8)
    const waiting = ticketOf()
    assert.equal(ask(waiting, 600), undefined)
    assert.equal(ask(waiting, 600.5), undefined)
    assert.equal(ask(waiting, 700)?.reason, 'time', 'everybody gets a turn')
    assert.equal(ask(ticketOf(), 700, 3)?.reason, 'security')
  })
})
