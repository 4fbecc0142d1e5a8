import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FailedRotations } from './failed-rotations.ts'

describe('FailedRotations', () => {
  it('hears five failures at once, then one a second', () => {
    const failures = new FailedRotations()
    const heard = (seconds: number): number => {
      let count = 0
      for (let ms = 0; ms < seconds * 1000; ms += 10) {
        if (!failures.mayTry('s', '192.0.2.1', ms)) continue
        failures.failed('s', '192.0.2.1', ms)
        count++
      }
      return count
    }
    const count = heard(60)
    assert.ok(count >= 60 && count <= 65, `${count}`)
  })

  it('counts neither other sessions nor other addresses', () => {
    const failures = new FailedRotations()
    for (let i = 0; i < 100; i++) failures.failed('s', '192.0.2.1', 0)
    assert.equal(failures.mayTry('s', '192.0.2.1', 0), false)
    assert.equal(failures.mayTry('s', '192.0.2.2', 0), true)
    assert.equal(failures.mayTry('t', '192.0.2.1', 0), true)
    assert.equal(failures.mayTry('s', '192.0.2.1', 96_000), true)
  })

  it('remembers so many', () => {
    const failures = new FailedRotations()
    for (let i = 0; i < 9; i++) failures.failed('first', '', 0)
    for (let i = 0; i < 10_000; i++) failures.failed(`${i}`, '', 0)
    assert.equal(failures.mayTry('first', '', 0), true)
  })
})
