import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TicketLineage } from './ticket-lineage.ts'

const profile = fc
  .uint8Array({ minLength: 8, maxLength: 8 })
  .map((octets) => Buffer.from(octets).toString('hex'))
  .filter((id) => !/^0+$/.test(id))

describe('TicketLineage', () => {
  it('reads back whom an IV was made for, with another instance of the same key', () => {
    const key = randomBytes(48)
    const [writer, reader] = [new TicketLineage(key), new TicketLineage(key)]
    fc.assert(
      fc.property(profile, (id) => assert.equal(reader.profileIn(writer.ivFor(id)), id)),
      { seed: 20261122, numRuns: 1000 },
    )
  })

  it('names nobody when nobody is known, or the id is no id', () => {
    const lineage = new TicketLineage(randomBytes(48))
    for (const id of ['', 'x', '0123456789ABCDEF', '0'.repeat(16), '0'.repeat(17)]) {
      assert.equal(lineage.profileIn(lineage.ivFor(id)), undefined)
    }
  })

  it('never gives the same IV twice, and none that shows the id', () => {
    const lineage = new TicketLineage(randomBytes(48))
    const id = '00112233445566ff'
    const seen = new Set<string>()
    for (let i = 0; i < 1024; i++) {
      const iv = Buffer.from(lineage.ivFor(id)).toString('hex')
      assert.ok(!iv.includes(id))
      seen.add(iv).add(iv.slice(16))
    }
    assert.equal(seen.size, 2048)
  })

  it('means something else under another key', () => {
    const [one, other] = [new TicketLineage(randomBytes(48)), new TicketLineage(randomBytes(48))]
    assert.notEqual(other.profileIn(one.ivFor('00112233445566ff')), '00112233445566ff')
  })
})
