import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SessionPins } from './session-pins.ts'

describe('SessionPins', () => {
  it('knows where a session was last', () => {
    const pins = new SessionPins()
    assert.equal(pins.at('s'), undefined)
    pins.put('s', 'a')
    pins.put('s', 'b')
    assert.equal(pins.at('s'), 'b')
    assert.equal(pins.size, 1)
  })

  it('forgets who was asked about longest ago', () => {
    const pins = new SessionPins(2)
    pins.put('one', 'a')
    pins.put('two', 'a')
    pins.at('one')
    pins.put('three', 'b')
    assert.deepEqual(
      [...pins.entries()],
      [
        ['one', 'a'],
        ['three', 'b'],
      ],
    )
  })
})
