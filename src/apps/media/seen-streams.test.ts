import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { STREAM_FEATURES, type StreamReport } from '../../behavior/device/stream-report.ts'
import { SeenStreams } from './seen-streams.ts'

const report = (identity: number, more: Partial<StreamReport> = {}): StreamReport => ({
  ...{
    device: 'camera-1',
    protocol: 'rtp',
    at: 5,
    state: 'normal',
    rotate: false,
    reasons: [],
    limit: 1,
  },
  scores: { identity, picture: 0, path: 0 },
  features: STREAM_FEATURES.rtp.map((_, i) => [identity + i, 1, 0.5]),
  ...more,
})

describe('SeenStreams', () => {
  it('says how a stream is, and how it was, by the clock here', () => {
    let now = 1000
    const seen = new SeenStreams(() => now)
    assert.equal(seen.summary('camera-1'), undefined)
    seen.meet(report(0.25))
    now = 3000
    const reasons = [{ group: 'identity', what: 'largest packet, 2 s', score: 2 }] as const
    seen.meet(report(2, { state: 'anomalous', reasons, rotate: true, features: [] }))
    now = 3500
    assert.deepEqual(seen.summary('camera-1'), {
      ...{ protocol: 'rtp', state: 'anomalous', reasons, limit: 1, ageMs: 500 },
      scores: { identity: 2, picture: 0, path: 0 },
    })
    const { at, state, scores, features } = seen.history('camera-1')
    assert.deepEqual(at, [1000, 3000])
    assert.deepEqual(state, ['normal', 'anomalous'])
    assert.deepEqual(scores[0], { name: 'identity', values: [0.25, 2] })
    assert.deepEqual(features[1], {
      ...{ name: STREAM_FEATURES.rtp[1], middle: 1, spread: 0.5, values: [1.25, null] },
    })
    seen.forget('camera-1')
    assert.equal(seen.summary('camera-1'), undefined)
  })

  it('names features by how a device sends now', () => {
    const seen = new SeenStreams(() => 0)
    seen.meet(report(0))
    seen.meet(
      report(0, { protocol: 'srt', features: STREAM_FEATURES.srt.map((_, i) => [i, 0, 1]) }),
    )
    const { at, features } = seen.history('camera-1')
    assert.equal(seen.summary('camera-1')?.protocol, 'srt')
    assert.deepEqual(at, [0])
    assert.deepEqual(
      features.map(({ name, values }) => [name, ...values]),
      STREAM_FEATURES.srt.map((name, i) => [name, i]),
    )
  })

  it('keeps ten minutes', () => {
    const seen = new SeenStreams(() => 0)
    for (let i = 0; i < 400; i++) seen.meet(report(i))
    const { at, scores } = seen.history('camera-1')
    assert.deepEqual([at.length, scores[0]?.values[0]], [300, 100])
  })
})
