import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { evalNab } from './nab.ts'

const PROFILES = {
  standard: { CostMatrix: { tpWeight: 1, fpWeight: 0.11, fnWeight: 1, tnWeight: 1 } },
  reward_low_FP_rate: { CostMatrix: { tpWeight: 1, fpWeight: 0.22, fnWeight: 1, tnWeight: 1 } },
  reward_low_FN_rate: { CostMatrix: { tpWeight: 1, fpWeight: 0.11, fnWeight: 2, tnWeight: 1 } },
}

const stamp = (i: number) =>
  new Date(Date.UTC(2026, 0, 5) + i * 300_000).toISOString().slice(0, 19).replace('T', ' ')

describe('evalNab()', () => {
  let dir = ''

  const write = (windows: unknown) =>
    writeFileSync(join(dir, 'nab/windows.json'), JSON.stringify(windows))

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'limen-nab-'))
    mkdirSync(join(dir, 'nab/data/made'), { recursive: true })
    // Two days and more of a wave, some cells empty, and one value far away at row 800.
    const rows = Array.from({ length: 1000 }, (_, i) =>
      i % 50 === 7 ? '' : String(i === 800 ? 900 : 50 + 10 * Math.sin(i / 10)),
    )
    const text = rows.map((value, i) => `${stamp(i)},${value}`).join('\n')
    writeFileSync(join(dir, 'nab/data/made/spike.csv'), `timestamp,value\n${text}\n`)
    writeFileSync(join(dir, 'nab/profiles.json'), JSON.stringify(PROFILES))
  })

  after(() => rmSync(dir, { recursive: true }))

  it('scores the files of a folder, and of the folder around it', async () => {
    write({ 'made/spike.csv': [[`${stamp(800)}.000000`, `${stamp(849)}.000000`]] })
    const wanted = {
      standard: 100,
      low_fp: 100,
      low_fn: 100,
      threshold: 4.2,
      files: 1,
      rows: 1000,
      windows: 1,
      perCategory: { made: { standard: 100, files: 1, windows: 1, alarms: 1 } },
    }
    for (const from of [dir, join(dir, 'nab')]) {
      const { usPerPoint, cpuUsPerPoint, ...rest } = (await evalNab(from)) as Record<
        string,
        unknown
      >
      assert.deepEqual(rest, wanted)
      assert.equal(typeof usPerPoint, 'number')
      assert.equal(typeof cpuUsPerPoint, 'number')
    }
  })

  it('refuses a window that begins at no row', async () => {
    write({ 'made/spike.csv': [['2026-01-05 00:01:00.000000', `${stamp(9)}.000000`]] })
    await assert.rejects(evalNab(dir), /No row of made\/spike.csv is at 2026-01-05T00:01:00/)
  })
})
