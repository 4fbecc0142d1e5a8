import assert from 'node:assert/strict'
import { it } from 'node:test'
import { BehavingSessions } from './behaving-sessions.ts'

it('BehavingSessions says of a session that has risen once, and its tier as long as it lasts', () => {
  const sessions = new BehavingSessions()
  const hear = (enforced: 1 | 2 | 3) => sessions.hear([{ session: 's', shown: enforced, enforced }])
  assert.deepEqual([sessions.tierOf('s'), sessions.takeRaised('s')], [1, 1])
  hear(2)
  assert.deepEqual(
    [sessions.tierOf('s'), sessions.takeRaised('s'), sessions.takeRaised('s')],
    [2, 2, 1],
  )
  hear(3)
  assert.equal(sessions.takeRaised('s'), 3)
  hear(2)
  assert.deepEqual([sessions.tierOf('s'), sessions.takeRaised('s')], [2, 1])
  hear(1)
  assert.equal(sessions.tierOf('s'), 1)
  sessions.hear([{ session: 's', shown: 3, enforced: 1 }])
  assert.deepEqual([sessions.tierOf('s'), sessions.takeRaised('s')], [1, 1])
})
