import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { seededRandom } from '../test/fixtures/seeded-random.ts'
import { evalM4, judge, maseOf, parseSeries, smapeOf } from './m4.ts'

it('parseSeries() drops the name and what is empty at the end, and keeps a gap as unknown', () => {
  const [a, b] = parseSeries('V1,V2,V3,V4\n"H1",1,2,3\nH2,4,,6,,\r\n')
  assert.deepEqual(a, Float64Array.of(1, 2, 3))
  assert.deepEqual(b, Float64Array.of(4, Number.NaN, 6))
})

it('smapeOf() by hand: |10 - 30| / 20 and nothing, in percent', () => {
  assert.equal(smapeOf(Float64Array.of(10, 5), Float64Array.of(30, 5)), 50)
  assert.equal(smapeOf(Float64Array.of(0), Float64Array.of(0)), 0)
})

it('maseOf() by hand: the train rises by 2 a day, the forecast is 3 off', () => {
  const train = Float64Array.from({ length: 72 }, (_, t) => t / 12)
  assert.ok(Math.abs(maseOf(train, Float64Array.of(1, 2), Float64Array.of(4, -1)) - 1.5) < 1e-12)
})

it('judge(): OWA is the mean of both ratios to Naive2', () => {
  const train = [Float64Array.from({ length: 48 }, (_, t) => t)]
  const { combination, parts } = judge(
    train,
    [Float64Array.of(10)],
    new Map([
      ['naive2', [Float64Array.of(30)]],
      ['combination', [Float64Array.of(10)]],
    ]),
  )
  assert.deepEqual(combination, { smape: 0, mase: 0, owa: 0 })
  assert.deepEqual(parts, { naive2: { smape: 100, mase: 0.833, owa: 1 } })
})

it('evalM4() runs on a folder of the layout, and the combination beats Naive2', async () => {
  const random = seededRandom(6)
  const rows = Array.from({ length: 4 }, (_, i) =>
    Array.from({ length: 700 }, (_, t) =>
      (
        (10 + i) * (2 + Math.sin((2 * Math.PI * t) / 24) + (t % 168 < 48 ? -0.5 : 0)) +
        random.fraction()
      ).toFixed(3),
    ),
  )
  const header = 'V1,V2'
  const csv = (cut: (row: string[]) => string[]) =>
    [header, ...rows.map((row, i) => [`H${i + 1}`, ...cut(row)].join(','))].join('\n')
  const folder = await mkdtemp(join(tmpdir(), 'limen-m4-'))
  try {
    await writeFile(
      join(folder, 'train.csv'),
      csv((row) => row.slice(0, 652)),
    )
    await writeFile(
      join(folder, 'test.csv'),
      csv((row) => row.slice(652)),
    )
    const result = JSON.parse(JSON.stringify(await evalM4(folder)))
    assert.equal(result.series, 4)
    assert.ok(result.owa < 0.5, `${result.owa}`)
    assert.equal(result.parts.naive2.owa, 1)
  } finally {
    await rm(folder, { recursive: true })
  }
})
