import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ResponseHeadReader } from '../../wire/response-head.ts'
import { OCTETS, READ_AT, textOf } from './octets.ts'
import { keptLines, rewriteHead } from './response-rewrite.ts'

const STATUS = 'HTTP/1.1 200 OK\r\n'

/** The head and what follows it, as they are sent on. */
function rewritten(lines: readonly string[], dechunk: boolean, added: readonly string[]): string {
  const text = `${STATUS}${lines.map((line) => `${line}\r\n`).join('')}\r\nbody`
  OCTETS.write(text, READ_AT, 'latin1')
  const head = new ResponseHeadReader()
  assert.equal(head.read(OCTETS, READ_AT, READ_AT + text.length, 65_536), 'complete')
  const from = rewriteHead(
    head,
    dechunk,
    added.map((line) => Buffer.from(`${line}\r\n`)),
  )
  return textOf(from, READ_AT + text.length)
}
const expected = (lines: readonly string[]) =>
  `${STATUS}${lines.map((line) => `${line}\r\n`).join('')}\r\nbody`

describe('rewriteHead()', () => {
  it('leaves alone what needs no change', () =>
    assert.equal(rewritten(['A: 1'], false, []), expected(['A: 1'])))
  it('cuts out and adds', () => {
    assert.equal(
      rewritten(['Connection: x', 'A: 1', 'Keep-Alive: 2', 'B: 2', 'Upgrade: y'], false, [
        'C: 3',
        'D: 4',
      ]),
      expected(['D: 4', 'C: 3', 'A: 1', 'B: 2']),
    )
  })
  it('does the same wherever the lines stand', () => {
    const line = fc.constantFrom(
      'Connection: close',
      'Keep-Alive: 5',
      'A: 1',
      'Bb: 22',
      'Set-Cookie: c',
      'Proxy-Connection: x',
      'Upgrade: y',
    )
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 8 }),
        fc.nat(8),
        fc.boolean(),
        fc.array(fc.constantFrom('X: 1', 'Yy: 22'), { maxLength: 3 }),
        (some, at, dechunk, added) => {
          const lines = [...some.slice(0, at), 'Transfer-Encoding: chunked', ...some.slice(at)]
          const kept = lines.filter(
            (each) =>
              !/^(?:connection|keep-alive|proxy-connection|upgrade)/i.test(each) &&
              !(dechunk && each.startsWith('Transfer')),
          )
          assert.equal(
            rewritten(lines, dechunk, added),
            expected([...[...added].reverse(), ...kept]),
          )
        },
      ),
      { seed: 17 },
    )
  })
})

describe('what Connection names (RFC 9110 section 7.6.1)', () => {
  const NAMEABLE = new Set(['a', 'bb'])
  const line = fc.constantFrom(
    ...['A: 1', 'Bb: 22', 'a: 3', 'Abc: 4', 'Set-Cookie: c', 'Keep-Alive: 5', 'TE: x'],
    ...['Connection: close', 'Connection: A', 'Connection: x, Bb', 'Connection: set-cookie'],
    ...['Connection: keep-alive,bb,,a'],
  )
  /** Written anew, in other words. */
  const left = (lines: readonly string[]): string[] => {
    const nameOf = (each: string) => each.slice(0, each.indexOf(':')).toLowerCase()
    const named = lines
      .filter((each) => nameOf(each) === 'connection')
      .flatMap((each) => each.slice(11).toLowerCase().split(','))
      .map((each) => each.trim())
      .filter((each) => NAMEABLE.has(each))
    const gone = new Set(['connection', 'keep-alive', 'te', ...named])
    return lines.filter((each) => !gone.has(nameOf(each)))
  }

  it('is not sent on, wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 9 }),
        fc.nat(9),
        fc.boolean(),
        (some, at, dechunk) => {
          const chunked = 'Transfer-Encoding: chunked'
          const lines = [...some.slice(0, at), chunked, ...some.slice(at)]
          const kept = left(lines).filter((each) => !dechunk || each !== chunked)
          assert.equal(rewritten(lines, dechunk, ['X: 1']), expected(['X: 1', ...kept]))
        },
      ),
      { seed: 20_261_206 },
    )
  })
})

describe('keptLines()', () => {
  it('gives the fields as rewriteHead() leaves them', () => {
    const line = fc.constantFrom(
      'Connection: close',
      'A: 1',
      'Upgrade: y',
      'Bb: 22',
      'Keep-Alive: 5',
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const text = `${STATUS}${lines.map((one) => `${one}\r\n`).join('')}\r\n`
        OCTETS.write(text, READ_AT, 'latin1')
        const head = new ResponseHeadReader()
        head.read(OCTETS, READ_AT, READ_AT + text.length, 65_536)
        const kept = keptLines(head)
        const whole = textOf(rewriteHead(head, false, []), READ_AT + text.length)
        assert.equal(`${STATUS}${kept.map((one) => `${one}\r\n`).join('')}\r\n`, whole)
      }),
      { seed: 20261122 },
    )
  })
})
