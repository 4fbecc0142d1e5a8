import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { mediaTopicFilter, readMediaTopic, writeMediaTopic } from './media-topic.ts'

const SEED = 58_220_117

describe('topics of LMK/1', () => {
  it('are read as they are written', () => {
    const topic = { kind: 'device', party: 'camera-1', subject: 'key' } as const
    assert.equal(writeMediaTopic(topic), 'limen/v1/d/camera-1/key')
    assert.deepEqual(readMediaTopic('limen/v1/d/camera-1/key'), topic)
    assert.equal(mediaTopicFilter('ack'), 'limen/v1/+/+/ack')
  })

  it('name one party, never several', () => {
    for (const party of ['+', '#', 'a/b', '', 'a\0', 'x'.repeat(65)]) {
      const topic = { kind: 'transport', party, subject: 'ack' } as const
      assert.throws(() => writeMediaTopic(topic), RangeError, party)
      assert.equal(readMediaTopic(`limen/v1/t/${party}/ack`), undefined, party)
    }
  })

  it('whatever comes: read is what would be written, or nothing', () => {
    const part = fc.oneof(
      fc.constantFrom('limen', 'v1', 'd', 't', 'a', 'key', 'ack', '+', '$SYS'),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const text = parts.join('/')
        const read = readMediaTopic(text)
        if (read !== undefined) assert.equal(writeMediaTopic(read), text)
      }),
      { seed: SEED, numRuns: 3000 },
    )
  })
})
