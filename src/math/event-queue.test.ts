import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EventQueue } from './event-queue.ts'

describe('EventQueue', () => {
  it('gives events in the order of their times, whatever the order they came in', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { maxLength: 3000 }), (times) => {
        const queue = new EventQueue()
        times.forEach((at, event) => {
          queue.push(at, event)
        })
        const seen: number[] = []
        const out: number[] = []
        while (queue.size > 0) {
          const event = queue.pop()
          assert.equal(queue.at, times[event])
          seen.push(event)
          out.push(queue.at)
        }
        assert.deepEqual(
          out,
          [...times].sort((a, b) => a - b),
        )
        assert.equal(new Set(seen).size, times.length)
      }),
      { seed: 20261121, numRuns: 50 },
    )
  })

  it('holds negative events and takes new ones between', () => {
    const queue = new EventQueue()
    queue.push(2, -7)
    queue.push(1, 3)
    assert.equal(queue.pop(), 3)
    queue.push(1.5, -1)
    assert.deepEqual([queue.pop(), queue.pop(), queue.at], [-1, -7, 2])
    assert.throws(() => queue.pop(), RangeError)
  })
})
