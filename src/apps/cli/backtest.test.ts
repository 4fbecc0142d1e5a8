import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type BacktestOptions, runBacktest } from './backtest.ts'
import { EXIT, exitCodeOf } from './exit-code.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-backtest-'))
after(() => rmSync(folder, { recursive: true }))

function said(lines: readonly string[], options: Partial<BacktestOptions> = {}): string {
  const file = join(folder, 'series.csv')
  writeFileSync(file, lines.join('\n'))
  const out: string[] = []
  runBacktest(file, { horizon: '5m', output: 'text', ...options }, (text) => out.push(text))
  return out.join('\n')
}

function refusal(lines: readonly string[], options: Partial<BacktestOptions> = {}) {
  try {
    said(lines, options)
  } catch (error) {
    assert.ok(error instanceof Error)
    return { code: exitCodeOf(error), message: error.message.replace(folder, '') }
  }
  return assert.fail('not refused')
}

const MINUTES = Array.from({ length: 100 }, (_, i) => `${i},${10 + (i % 7)}`)
const FILE = ['minute,requests', ...MINUTES]

describe('limen forecast backtest', () => {
  it('takes the column that a quoted first line names', () => {
    const plain = said(['time,requests', ...MINUTES])
    const hosts = MINUTES.map((line) => line.replace(',', ',5,'))
    assert.equal(said(['"time","host","requests"', ...hosts]), plain)
    assert.deepEqual(refusal(['"time","host","bytes"', ...hosts]), {
      code: EXIT.usage,
      message:
        'Cannot read /series.csv, line 1: several columns can be the values: host, bytes; name one by --column',
    })
    assert.match(said(['"time","host","bytes"', ...hosts], { column: 'bytes' }), /^AHEAD/)
  })

  it('refuses a value that is no number with its line', () => {
    const { code, message } = refusal([...FILE.slice(0, 50), '49,12o', ...FILE.slice(51)])
    assert.equal(code, EXIT.failed)
    assert.equal(message, 'Cannot read /series.csv, line 51: its value is no number: 12o')
    assert.match(refusal(['t,v', ...MINUTES.map((_, i) => `${i},abc`)]).message, /line 2: /)
  })

  it('scores nothing by values that a forecaster refuses, and says how many they are', () => {
    const odd = FILE.map((line, i) => (i === 70 ? '69,1e300' : i === 80 ? '79,-5' : line))
    const gone = FILE.map((line, i) => (i === 70 ? '69,' : i === 80 ? '79,' : line))
    const leftOut = 'Left out, for values are from 0 to 1000000000000: 2 (the first in line 71)'
    const text = said(odd)
    assert.ok(text.includes(`\n${leftOut}\n`))
    assert.equal(text.replace(`${leftOut}\n`, ''), said(gone))
    const { leftOut: counted } = JSON.parse(said(odd, { output: 'json' }))
    assert.deepEqual(counted, { firstLine: 71, count: 2 })
  })

  it('looks ahead no further than there is something to score by, nor than 1440 steps', () => {
    assert.deepEqual(refusal(FILE, { horizon: '999999d' }), {
      code: EXIT.usage,
      message: '--horizon goes to 39 steps with 100 values: 39m at most, not 999999d',
    })
    assert.match(said(FILE, { horizon: '39m' }), /^39m /m)
    assert.equal(refusal(FILE, { horizon: '40m' }).code, EXIT.usage)
    const long = Array.from({ length: 4000 }, (_, i) => `${i},1`)
    assert.match(refusal(long, { horizon: '1441m' }).message, /goes to 1440 steps/)
    assert.match(refusal(['t,v', '1,1'], { horizon: '1m' }).message, /Too few/)
  })
})
