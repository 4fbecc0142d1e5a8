import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type HeldKeys, heldKeys } from './held-keys.ts'

let now = 0
let workers: string[] = []
let told: (readonly number[])[] = []
let replaced: string[] = []
let isHeard = true
let held: HeldKeys
beforeEach(() => {
  now = 0
  workers = ['1/11', '2/12']
  told = []
  replaced = []
  isHeard = true
  held = heldKeys({
    clock: { now: () => now },
    workers: () => workers,
    replace: (worker) => replaced.push(worker),
    async tell(stekIds) {
      told.push(stekIds)
      return isHeard
    },
  })
})

describe('heldKeys()', () => {
  it('says what all living workers hold, and no key before', async () => {
    held.expect([1, 2])
    held.hear('1/11', [1, 2])
    await setImmediate()
    assert.deepEqual(told, [])
    held.hear('2/12', [1])
    await setImmediate()
    held.hear('2/12', [1, 2])
    await setImmediate()
    assert.deepEqual(told, [[1], [1, 2]])
  })

  it('does not count what a worker that is gone held, nor wait for it', async () => {
    held.hear('1/11', [1])
    held.expect([1])
    workers = ['1/11']
    held.look()
    await setImmediate()
    assert.deepEqual(told, [[1]])
    workers = ['1/99']
    held.hear('1/99', [])
    held.expect([1])
    held.look()
    await setImmediate()
    assert.deepEqual(told.at(-1), [], 'the one in its place holds nothing yet')
    held.hear('1/99', [1])
    await setImmediate()
    assert.deepEqual(told.at(-1), [1])
  })

  it('says it again until it was heard, and once more after each fetch', async () => {
    isHeard = false
    held.expect([1])
    for (const worker of workers) held.hear(worker, [1])
    await setImmediate()
    isHeard = true
    held.look()
    await setImmediate()
    held.look()
    await setImmediate()
    assert.equal(told.length, 2)
    held.expect([1])
    await setImmediate()
    assert.equal(told.length, 3)
  })

  it('replaces a worker that does not take a key', () => {
    held.expect([1])
    held.hear('1/11', [1])
    now = 30_000
    held.look()
    assert.deepEqual(replaced, [])
    now = 30_001
    held.look()
    held.look()
    assert.deepEqual(replaced, ['2/12'])
  })
})
