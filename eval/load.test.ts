import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { seededRandom } from '../test/fixtures/seeded-random.ts'
import { evalLoad } from './load.ts'

/** Three days of minutes with a daily shape. */
function traceOf(seed: number): string {
  const random = seededRandom(seed)
  const lines = Array.from({ length: 3 * 1440 }, (_, t) => {
    const level = 100 * Math.exp(Math.sin((2 * Math.PI * t) / 1440))
    return `${t},${Math.round(level * (0.5 + random.fraction()))}`
  })
  return ['minute_index,requests', ...lines, ''].join('\n')
}

async function inDirectory(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'limen-load-'))
  try {
    await work(dir)
  } finally {
    await rm(dir, { recursive: true })
  }
}

describe('evalLoad()', () => {
  it('scores every trace of a directory, packed or not, the same under any name', () =>
    inDirectory(async (dir) => {
      await mkdir(join(dir, 'traces'))
      await writeFile(join(dir, 'traces', 'a.csv'), traceOf(1))
      await writeFile(join(dir, 'traces', 'b.csv.gz'), gzipSync(traceOf(1)))
      const { traces, mean_ratio_15, seconds } = await evalLoad(dir)
      const [a, b] = traces
      assert.deepEqual(
        traces.map(({ name }) => name),
        ['a', 'b'],
      )
      assert.deepEqual(a?.horizons, b?.horizons)
      assert.deepEqual(
        a?.horizons.map(({ minutes }) => minutes),
        [5, 15, 60],
      )
      // Noise of that kind: the last value is off by twice the noise, so no forecast halves its error by much.
      const at15 = a?.horizons[1]
      assert.equal(mean_ratio_15, at15?.ratio_last)
      assert.ok(mean_ratio_15 > 0.65 && mean_ratio_15 < 0.9, `${mean_ratio_15}`)
      assert.ok(Math.abs((at15?.coverage ?? 0) - 0.95) < 0.02, `${at15?.coverage}`)
      assert.ok((at15?.overprovision ?? 0) > 0 && (at15?.overprovision ?? 0) < 1)
      assert.ok(seconds > 0)
    }))

  it('says so when there is nothing to read', () =>
    inDirectory(async (dir) => {
      await assert.rejects(evalLoad(dir), /Cannot find/)
      await writeFile(join(dir, 'x.csv'), 'time,bytes\n1,2\n')
      await assert.rejects(
        evalLoad(dir),
        /Cannot read .*, line 1: the first line names no column for requests/,
      )
    }))
})
