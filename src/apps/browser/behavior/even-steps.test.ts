import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { EvenSteps, type Piece, type Point } from './even-steps.ts'

const SEED = 20_261_121
const RUNS = 2000
const STEP_MS = 100

/** On the lines between reports. */
function placeAt(reports: readonly Point[], atMs: number): readonly [x: number, y: number] {
  const after = reports.findIndex((one) => one.atMs >= atMs)
  const [from, to] = [reports[Math.max(0, after - 1)], reports[after]]
  if (from === undefined || to === undefined) assert.fail()
  if (to.atMs === from.atMs) return [to.x, to.y]
  const share = (atMs - from.atMs) / (to.atMs - from.atMs)
  return [from.x + share * (to.x - from.x), from.y + share * (to.y - from.y)]
}

describe('EvenSteps', () => {
  it(`tells where a pointer was at equal steps, in pieces or not (seed ${SEED})`, () => {
    const pixels = fc.integer({ min: -2000, max: 4000 })
    const report = fc.record({ gapMs: fc.integer({ min: 1, max: 400 }), x: pixels, y: pixels })
    const all = fc.record({
      startMs: fc.nat(1e6),
      reports: fc.array(report, { minLength: 1, maxLength: 60 }),
      cutEach: fc.integer({ min: 1, max: 20 }),
    })
    let told = 0
    fc.assert(
      fc.property(all, ({ startMs, reports, cutEach }) => {
        let atMs = startMs
        const points = reports.map(({ gapMs, x, y }, i) => {
          atMs += i === 0 ? 0 : gapMs
          return { atMs, x, y }
        })
        const [first = assert.fail(), ...rest] = points
        const steps = new EvenSteps(STEP_MS, first)
        const pieces: Piece[] = []
        const cut = (piece: Piece) => void pieces.push(piece)
        for (const [i, point] of rest.entries()) {
          steps.add(point, cut)
          if (i % cutEach === 0) steps.take(cut)
        }
        steps.take(cut)
        let nextMs = startMs
        for (const [i, piece] of pieces.entries()) {
          assert.equal(piece.continued, i > 0)
          let { x, y } = piece.first
          assert.equal(piece.first.atMs, nextMs)
          for (const { dx, dy } of [{ dx: 0, dy: 0 }, ...piece.steps]) {
            x += dx
            y += dy
            const [ownX, ownY] = placeAt(points, nextMs)
            assert.ok(Math.abs(x - ownX) <= 0.5 + 1e-6 && Math.abs(y - ownY) <= 0.5 + 1e-6)
            nextMs += STEP_MS
            told++
          }
        }
        assert.ok(nextMs > atMs && nextMs - atMs <= STEP_MS)
      }),
      { seed: SEED, numRuns: RUNS },
    )
    assert.ok(told > 10 * RUNS)
  })

  it('begins another piece after 255 steps', () => {
    const steps = new EvenSteps(STEP_MS, { atMs: 0, x: 0, y: 0 })
    const lengths: number[] = []
    const cut = (piece: Piece) => void lengths.push(piece.steps.length)
    steps.add({ atMs: 60_000, x: 600, y: 0 }, cut)
    steps.take(cut)
    // The first of each further piece is a point of its own.
    assert.deepEqual(lengths, [255, 255, 88])
  })
})
