import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { plain, textTable } from './text-table.ts'

describe('plain()', () => {
  it('takes out what steers a terminal or turns text around, and leaves all else', () => {
    assert.equal(
      plain('a\u001b[31mb\u009bc\u202etxt.exe\u2066d\ne\u007f'),
      'a?[31mb?c?txt.exe?d?e?',
    )
    assert.equal(plain('Grüße, 日本 \u{1f600} ÷ é'), 'Grüße, 日本 \u{1f600} ÷ é')
  })
})

describe('textTable()', () => {
  it('aligns columns, and says so when there is nothing', () => {
    const rows = [
      ['a', 1],
      ['long\r', 22],
    ] as const
    assert.equal(textTable(['name', 'n'], rows, 'none'), 'name   n\na      1\nlong?  22')
    assert.equal(textTable(['name'], [], 'none'), 'none')
  })
})
