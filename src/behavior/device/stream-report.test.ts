import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  REPORT_CHARS_MAX,
  readStreamReport,
  STREAM_FEATURES,
  type StreamReport,
  writeStreamReport,
} from './stream-report.ts'

const REPORT: StreamReport = {
  ...{ device: 'camera-1', protocol: 'rtp', at: 1_700_000_000_000, state: 'anomalous' },
  ...{ rotate: true, limit: 1.02 },
  reasons: [{ group: 'identity', what: 'slices per frame, 2 s', score: 3.5 }],
  scores: { identity: 3.5, picture: 0.2, path: 0 },
  features: STREAM_FEATURES.rtp.map((_, i) => [i === 3 ? null : i / 8, -1.5, 0.05]),
}

describe('readStreamReport()', () => {
  it('reads what writeStreamReport() wrote', () => {
    assert.deepEqual(readStreamReport(writeStreamReport(REPORT)), REPORT)
    const learning = { ...REPORT, state: 'learning' as const, features: [], reasons: [] }
    assert.deepEqual(readStreamReport(writeStreamReport(learning)), learning)
    const srt = { ...REPORT, protocol: 'srt' as const, features: REPORT.features.slice(0, 7) }
    assert.deepEqual(readStreamReport(writeStreamReport(srt)), srt)
  })

  it('has room for the longest', () => {
    const reason = { group: 'evidence', what: 'x'.repeat(60), score: -123_456.789 } as const
    const text = writeStreamReport({
      ...{ ...REPORT, device: 'd'.repeat(64), reasons: new Array(12).fill(reason) },
      features: STREAM_FEATURES.rtp.map(() => [-0.000_012_345, -123_456, 0.000_012_345]),
    })
    assert.ok(text.length <= REPORT_CHARS_MAX, `${text.length}`)
    assert.equal(readStreamReport(text)?.reasons.length, 8)
  })

  it('refuses all else', () => {
    const wrong: Readonly<Record<string, unknown>> = {
      'one key more': { ...REPORT, extra: 1 },
      'another protocol': { ...REPORT, protocol: 'rist' },
      'features of another protocol': { ...REPORT, protocol: 'srt' },
      'another state': { ...REPORT, state: 'well' },
      'a name with a wildcard': { ...REPORT, device: 'camera/#' },
      'a reason with markup': { ...REPORT, reasons: [{ ...REPORT.reasons[0], what: '<b>' }] },
      'nine reasons': { ...REPORT, reasons: new Array(9).fill(REPORT.reasons[0]) },
      'a feature less': { ...REPORT, features: REPORT.features.slice(1) },
      'words for figures': { ...REPORT, limit: '1' },
    }
    for (const [name, value] of Object.entries(wrong)) {
      assert.equal(readStreamReport(JSON.stringify(value)), undefined, name)
    }
  })

  it('never throws, and takes nothing that it would not write (seed 25)', () => {
    const text = writeStreamReport(REPORT)
    const at = fc.integer({ min: 0, max: text.length - 1 })
    const piece = fc.oneof(fc.constantFrom('', '0', '-', '"', '[', ']', 'null', ','), fc.string())
    const mutated = fc
      .tuple(at, fc.integer({ min: 0, max: 20 }), piece)
      .map(([from, length, more]) => text.slice(0, from) + more + text.slice(from + length))
    fc.assert(
      fc.property(fc.oneof(mutated, fc.json()), (some) => {
        const read = readStreamReport(some)
        if (read === undefined) return
        const again = readStreamReport(writeStreamReport(read))
        assert.deepEqual([again?.state, again?.device], [read.state, read.device])
      }),
      { seed: 25, numRuns: 2000 },
    )
  })
})
