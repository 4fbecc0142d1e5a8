import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PageOrder } from './page-order.ts'

describe('PageOrder', () => {
  const meet = (order: PageOrder, ...sequences: readonly number[]) =>
    sequences.map((sequence) => order.meet('s', 1, sequence, 1000 * sequence, 1000 * sequence))

  it('takes one after the other, with gaps, each once', () => {
    assert.deepEqual(meet(new PageOrder(), 0, 1, 1, 5, 5, 6), [
      ...['next', 'next', 'again', 'next', 'again', 'next'],
    ])
  })

  it('lets two overtake each other, and no more', () => {
    assert.deepEqual(meet(new PageOrder(), 0, 10, 12, 11, 11, 9), [
      'next',
      'next',
      'next',
      'next',
      'again',
      'old',
    ])
  })

  it('tells pages and sessions apart', () => {
    const order = new PageOrder()
    assert.equal(order.meet('a', 1, 0, 0, 0), 'next')
    assert.equal(order.meet('a', 2, 0, 0, 0), 'next')
    assert.equal(order.meet('b', 1, 0, 0, 0), 'next')
    assert.equal(order.meet('a', 1, 0, 0, 0), 'again')
  })

  it('takes a batch that was counted before a restart for no other one, and goes on', () => {
    assert.deepEqual(meet(new PageOrder(), 7, 7, 8, 6), ['again', 'again', 'next', 'next'])
  })

  it('does not believe a page whose clock runs ahead of ours', () => {
    const order = new PageOrder()
    assert.equal(order.meet('s', 1, 0, 5000, 1_000_000), 'next')
    assert.equal(order.meet('s', 1, 1, 64_000, 1_000_000), 'next')
    assert.equal(order.meet('s', 1, 2, 66_000, 1_000_000), 'impossible')
    assert.equal(order.meet('s', 1, 2, 3_600_000, 4_600_000), 'next')
  })
})
