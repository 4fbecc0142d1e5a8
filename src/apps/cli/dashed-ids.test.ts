import assert from 'node:assert/strict'
import { it } from 'node:test'
import { idsLast } from './dashed-ids.ts'

const ID = `-o${'A'.repeat(19)}Q`
const of = (...words: string[]) => idsLast(words)

it('idsLast() puts an id that begins with a dash behind --', () => {
  assert.deepEqual(of('sessions', 'show', ID, '-o', 'json'), [
    ...['sessions', 'show', '-o', 'json', '--', ID],
  ])
  assert.deepEqual(of('sessions', 'revoke', '--subject', `-${'-'.repeat(20)}A`), [
    ...['sessions', 'revoke', '--subject', '--', `-${'-'.repeat(20)}A`],
  ])
  assert.deepEqual(of('sessions', 'show', ID, '--', 'x'), ['sessions', 'show', '--', ID, 'x'])
})

it('idsLast() leaves everything else as it is', () => {
  for (const words of [
    ['sessions', 'show', 'A'.repeat(22), '-o', 'json'],
    ['sessions', 'show', '--', ID],
    // 22 characters, but no 16 bytes of base64url.
    ['up', `-${'c'.repeat(21)}`],
    [],
  ]) {
    assert.deepEqual(idsLast(words), words)
  }
})
