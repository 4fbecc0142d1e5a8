import assert from 'node:assert/strict'
import { it } from 'node:test'
import { onceAMinute } from './once-a-minute.ts'

it('onceAMinute() passes each text on once a minute, and a bounded number of them', () => {
  let now = 0
  const said: string[] = []
  const tell = onceAMinute((text) => said.push(text), { now: () => now })
  for (const text of ['a', 'b', 'a', 'a']) tell(text)
  assert.deepEqual(said, ['a', 'b'])
  now = 59_999
  tell('a')
  now = 60_000
  tell('a')
  assert.deepEqual(said, ['a', 'b', 'a'])
  for (let i = 0; i < 5000; i++) tell(`${i}`)
  assert.equal(said.length, 2 + 1000)
})
