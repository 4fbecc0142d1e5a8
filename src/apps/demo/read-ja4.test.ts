import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readJa4 } from './read-ja4.ts'

test('readJa4() names every part of a browser fingerprint, and the parts make up the whole', () => {
  const ja4 = 't13d1516h2_8daaf6152771_02713d6af862'
  const parts = readJa4(ja4)
  assert.deepEqual(
    parts.slice(0, 6).map((part) => part.meaning),
    ['TCP', 'TLS 1.3', 'you named a host', '15 offered', '16 sent', 'HTTP/2'],
  )
  const [head, tail] = [parts.slice(0, 6), parts.slice(6)]
  const join = (list: typeof parts, by: string) => list.map((part) => part.characters).join(by)
  assert.equal(`${join(head, '')}_${join(tail, '_')}`, ja4)
})

test('readJa4() has nothing to say about other text', () => {
  for (const text of ['', 't13d', '<script>', 't13d1516h2_8daaf6152771_02713d6af86G']) {
    assert.deepEqual(readJa4(text), [])
  }
})
