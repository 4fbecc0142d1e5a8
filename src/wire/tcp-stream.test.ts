import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BYTES_WAITING_MAX, SEGMENTS_WAITING_MAX, type TcpRun, TcpStream } from './tcp-stream.ts'

const DATA = Uint8Array.from({ length: 100 }, (_, i) => i)

/** Pushes `[from, to)` of DATA, with sequence numbers counted from `base`. */
function push(stream: TcpStream, from: number, to: number, base = 0): TcpRun[] {
  return stream.push((base + from) >>> 0, DATA.subarray(from, to), from)
}

const bytesOf = (runs: readonly TcpRun[]) => runs.flatMap((run) => [...run.bytes])
const range = (from: number, to: number) => [...DATA.subarray(from, to)]

describe('TcpStream', () => {
  it('hands out segments in order as they come', () => {
    const stream = new TcpStream()
    assert.deepEqual(bytesOf(push(stream, 0, 10)), range(0, 10))
    assert.deepEqual(bytesOf(push(stream, 10, 20)), range(10, 20))
  })

  it('holds what comes early', () => {
    const stream = new TcpStream()
    push(stream, 0, 10)
    assert.deepEqual(push(stream, 20, 30), [])
    const runs = push(stream, 10, 20)
    assert.deepEqual(bytesOf(runs), range(10, 30))
    assert.deepEqual(
      runs.map((run) => run.at),
      [10, 20],
    )
  })

  it('hands out retransmitted and overlapping bytes once', () => {
    const stream = new TcpStream()
    push(stream, 0, 10)
    assert.deepEqual(push(stream, 0, 10), [])
    assert.deepEqual(bytesOf(push(stream, 5, 15)), range(10, 15))
  })

  it('goes on where the sequence number wraps', () => {
    const stream = new TcpStream()
    stream.open(0xffff_ffff - 50)
    const base = 0xffff_ffff - 49
    push(stream, 60, 100, base)
    assert.deepEqual(bytesOf(push(stream, 0, 60, base)), range(0, 100))
  })

  it('waits from the SYN on, so that a later segment is not taken for the first', () => {
    const stream = new TcpStream()
    stream.open(999)
    assert.deepEqual(push(stream, 10, 20, 1000), [])
    assert.deepEqual(bytesOf(push(stream, 0, 10, 1000)), range(0, 20))
  })

  it('gives up on a gap at the end, and says that there was one', () => {
    const stream = new TcpStream()
    push(stream, 0, 10)
    push(stream, 30, 40)
    push(stream, 20, 30)
    const runs = stream.flush()
    assert.deepEqual(bytesOf(runs), range(20, 40))
    assert.deepEqual(
      runs.map((run) => run.afterGap),
      [true, false],
    )
  })

  it('gives up on a gap when too many segments or bytes wait', () => {
    const many = new TcpStream()
    push(many, 0, 1)
    for (let i = 0; i < SEGMENTS_WAITING_MAX; i++) {
      assert.deepEqual(many.push(10 + i, DATA.subarray(0, 1), 0), [])
    }
    assert.ok(many.push(10 + SEGMENTS_WAITING_MAX, DATA.subarray(0, 1), 0).length > 0)
    const large = new TcpStream()
    push(large, 0, 1)
    assert.ok(large.push(10, new Uint8Array(BYTES_WAITING_MAX + 1), 0).length > 0)
  })

  it('puts any shuffled, doubled, overlapping segmentation back together', () => {
    const piece = fc.tuple(fc.nat(99), fc.integer({ min: 1, max: 30 }))
    fc.assert(
      fc.property(fc.array(piece), fc.nat(0xffff_ffff), (pieces, isn) => {
        const stream = new TcpStream()
        stream.open(isn)
        const base = (isn + 1) >>> 0
        // However wild the rest: a last pass over all of it fills every hole.
        const runs = pieces.flatMap(([from, n]) =>
          push(stream, from, Math.min(100, from + n), base),
        )
        for (let from = 0; from < 100; from += 10) runs.push(...push(stream, from, from + 10, base))
        assert.deepEqual(bytesOf(runs), range(0, 100))
      }),
      { seed: 4, numRuns: 500 },
    )
  })
})
