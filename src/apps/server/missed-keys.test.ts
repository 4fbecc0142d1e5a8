import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MissedKeys, stekIdOfTicket } from './missed-keys.ts'

const SEED = 20261121
const GROUPS = new Set([1, 2])
const ticketOf = (group: number, epoch: number): string => {
  const bytes = Buffer.alloc(60, 7)
  bytes[0] = 1
  bytes.writeUInt32BE(((group << 24) | epoch) >>> 0, 1)
  return `:${bytes.toString('base64')}:`
}

describe('stekIdOfTicket()', () => {
  it('is the number of the key, whatever is behind it', () => {
    assert.equal(stekIdOfTicket(ticketOf(200, 77)), ((200 << 24) | 77) >>> 0)
    assert.equal(stekIdOfTicket(':AgAAAAAA:'), undefined, 'another type')
  })

  it(`never throws (seed ${SEED})`, () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
        for (const field of [text, `:${text}`, `:${text}:`]) {
          const stekId = stekIdOfTicket(field)
          assert.ok(stekId === undefined || (stekId >= 0 && stekId <= 0xffffffff))
        }
      }),
      { seed: SEED, numRuns: 1000 },
    )
  })
})

describe('MissedKeys', () => {
  it('asks once for a key, and again after a while', () => {
    const asked: number[] = []
    const missed = new MissedKeys((stekId) => asked.push(stekId))
    for (const now of [100, 100, 101, 104.9, 105.1, 109]) missed.meet(ticketOf(1, 5), GROUPS, now)
    assert.equal(asked.length, 1)
    missed.meet(ticketOf(1, 5), GROUPS, 120)
    missed.meet(ticketOf(1, 5), GROUPS, 126)
    assert.equal(asked.length, 2)
  })

  it('asks at once for a key that was held and is gone', () => {
    const asked: number[] = []
    const missed = new MissedKeys((stekId) => asked.push(stekId))
    const [gone, kept] = [ticketOf(1, 5), ticketOf(1, 6)]
    for (const ticket of [gone, kept]) missed.meet(ticket, GROUPS, 100)
    missed.forget([stekIdOfTicket(gone) ?? 0])
    for (const ticket of [gone, kept, gone]) missed.meet(ticket, GROUPS, 100.2)
    assert.deepEqual(asked, [gone, kept, gone].map(stekIdOfTicket))
    // Also of the time before.
    missed.meet(kept, GROUPS, 106)
    missed.forget([stekIdOfTicket(kept) ?? 0])
    missed.meet(kept, GROUPS, 106)
    assert.equal(asked.length, 4)
  })

  it('asks for no group that there is not, and for few keys at once', () => {
    const asked: number[] = []
    const missed = new MissedKeys((stekId) => asked.push(stekId))
    missed.meet(ticketOf(3, 1), GROUPS, 100)
    missed.meet('nothing', GROUPS, 100)
    assert.equal(asked.length, 0)
    for (let epoch = 0; epoch < 1000; epoch++) missed.meet(ticketOf(2, epoch), GROUPS, 100)
    assert.equal(asked.length, 8)
  })
})
