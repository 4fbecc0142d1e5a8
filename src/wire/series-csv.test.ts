import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readSeriesCsv } from './series-csv.ts'

function series(text: string, options = {}) {
  const read = readSeriesCsv(text, options)
  assert.equal(read.kind, 'series', JSON.stringify(read))
  return read.kind === 'series' ? read.series : assert.fail()
}

describe('readSeriesCsv()', () => {
  it('reads dates; a minute without a line is unknown, a written zero is zero', () => {
    const text = 'minute_utc,requests,bytes\n1998-04-30 21:30,2,9\n1998-04-30 21:33,0,9\n'
    const { startS, stepS, values } = series(text, { stepS: 60 })
    assert.equal(startS, Date.UTC(1998, 3, 30, 21, 30) / 1000)
    assert.equal(stepS, 60)
    assert.deepEqual([...values], [2, Number.NaN, Number.NaN, 0])
  })

  it('reads numbers of steps in any order, and adds up lines of the same', () => {
    const text = 'minute_index,requests\r\n5,3\r\n4,1\r\n5,2\r\n'
    assert.deepEqual(series(text), { startS: 240, stepS: 60, values: Float64Array.of(1, 5) })
  })

  it('finds the step, and takes seconds, milliseconds and time zones', () => {
    const at = 1_700_000_100
    const seconds = series(`t,v\n${at},1\n${at + 300},2\n${at + 900},3\n${at + 600},4\n`)
    assert.equal(seconds.stepS, 300)
    assert.deepEqual([...seconds.values], [1, 2, 4, 3])
    assert.deepEqual([...series(`t,v\n${at}000,1\n${at + 60}000,2\n`).values], [1, 2])
    const zoned = series('t,v\n2024-01-01T02:00:00+02:00,1\n2024-01-01T00:01:00Z,2\n')
    assert.deepEqual([zoned.startS, ...zoned.values], [Date.UTC(2024, 0, 1) / 1000, 1, 2])
  })

  it('takes the column that is asked for', () => {
    const text = 't,a,value\n1,2,3\n'
    assert.deepEqual([...series(text).values], [3])
    assert.deepEqual([...series(text, { column: 'a' }).values], [2])
    assert.equal(readSeriesCsv(text, { column: 'b' }).kind, 'refused')
  })

  it('says which line it cannot read, and why', () => {
    const refusals: readonly [string, number, RegExp][] = [
      ['', 1, /names no column/],
      ['t\n1\n', 1, /names no column/],
      ['t,v\n', 1, /no values/],
      ['t,v\n1,2\nx,3\n', 3, /no time/],
      ['t,v\n1,2\n1700000000,3\n', 3, /another kind of time/],
      ['t,v\n1,2\n99999999,3\n', 1, /spans more than/],
      ['t,v\n1,2\n2,12o\n3,x\n', 3, /no number: 12o/],
      ['t,v\n1,0x10\n', 2, /no number/],
      ['t,v\n1,\n2,\n', 2, /no line from here on has a value/],
      ['t,v\n1,"2\n3,4"\n', 2, /quote is not closed/],
    ]
    for (const [text, line, reason] of refusals) {
      const read = readSeriesCsv(text)
      assert.ok(read.kind === 'refused', text)
      assert.equal(read.line, line, text)
      assert.match(read.reason, reason)
    }
    // A value that is not there is unknown, not an error.
    assert.deepEqual([...series('t,v\n1,\n2,null\n3,4\n').values], [Number.NaN, Number.NaN, 4])
  })

  it('takes quotes off (RFC 4180), in the first line too', () => {
    const text = '"time","host, of all","requests"\n"1","a ""b"", c","7"\n2,"x",8\n'
    assert.deepEqual([...series(text).values], [7, 8])
  })

  it('does not choose among several columns: it says which there are', () => {
    const read = readSeriesCsv('time,host,bytes\n1,2,3\n')
    assert.deepEqual(read, {
      ...{ kind: 'refused', line: 1, wantsColumn: true },
      reason: 'several columns can be the values: host, bytes',
    })
    const wrong = readSeriesCsv('time,host,bytes\n1,2,3\n', { column: 'time' })
    assert.ok(wrong.kind === 'refused' && wrong.wantsColumn)
  })

  it('takes a first line that begins with a time for values; columns are numbered then', () => {
    assert.deepEqual([...series('1,5\r2,6\r').values], [5, 6])
    assert.deepEqual(
      [...series('2026-10-01,5,7\n2026-10-02,6,8\n', { column: '3' }).values],
      [7, 8],
    )
    assert.equal(readSeriesCsv('1,5,7\n2,6,8\n').kind, 'refused')
  })

  it('takes a day alone for its midnight in UTC', () => {
    const { startS, stepS } = series('day,v\n2026-10-01,5\n2026-10-02,6\n')
    assert.deepEqual([startS, stepS], [Date.UTC(2026, 9, 1) / 1000, 86_400])
  })

  it('leaves out values that do not count, and says how many', () => {
    const accepts = (value: number) => value >= 0 && value < 1000
    const read = readSeriesCsv('t,v\n1,5\n2,-1\n3,1e300\n4,1e999\n5,6\n', { accepts })
    assert.ok(read.kind === 'series')
    const { NaN: none } = Number
    assert.deepEqual([...read.series.values], [5, none, none, none, 6])
    assert.deepEqual(read.leftOut, { firstLine: 3, count: 3 })
    const bad = readSeriesCsv('t,v\n1,-5\n2,-1\n', { accepts })
    assert.ok(bad.kind === 'refused' && bad.line === 2 && !bad.wantsColumn)
  })

  it('never throws, and keeps to its bounds, whatever it is given', () => {
    const field = fc.oneof(
      fc.nat().map(String),
      fc.string({ maxLength: 8 }),
      fc.constantFrom('NaN', '1e999', '-1', '2024-01-01 00:00', '2024-13-99 99:99', ''),
    )
    const line = fc.array(field, { maxLength: 4 }).map((fields) => fields.join(','))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const read = readSeriesCsv(['time,value', ...lines].join('\n'))
        if (read.kind === 'refused') return
        assert.ok(read.series.values.length <= 5_300_000)
        assert.ok(Number.isFinite(read.series.startS) && read.series.stepS > 0)
      }),
      { seed: 20261121, numRuns: 2000 },
    )
  })
})
