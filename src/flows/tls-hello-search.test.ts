import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { capturedHello, helloRecord } from '../../test/fixtures/hello-bytes.ts'
import { TlsHelloSearch } from './tls-hello-search.ts'

const CURL = Uint8Array.from(capturedHello('curl-openssl-001'))

describe('TlsHelloSearch', () => {
  it('finds the same however a hello is cut, and says in how many pieces it came, from when to when', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(CURL.length - 2), { maxLength: 14 }), (cuts) => {
        const ends = [...cuts.map((cut) => cut + 1).sort((a, b) => a - b), CURL.length]
        const search = new TlsHelloSearch()
        const met = ends.flatMap((end, i) =>
          search.add({ bytes: CURL.subarray(ends[i - 1] ?? 0, end), at: 10 + i, afterGap: false }),
        )
        const [one] = met
        assert.deepEqual([met.length, one?.error, one?.hello.chunks], [1, undefined, ends.length])
        assert.deepEqual([one?.hello.startedAt, one?.hello.completedAt], [10, 10 + ends.length - 1])
        assert.equal(search.isReading, false)
        assert.equal(search.heldBytes, 0)
      }),
      { seed: 11, numRuns: 200 },
    )
  })

  it('holds of a beginning about what came', () => {
    const search = new TlsHelloSearch()
    search.add({ bytes: CURL.subarray(0, 7), at: 0, afterGap: false })
    assert.equal(search.isReading, true)
    assert.ok(search.heldBytes >= 7 && search.heldBytes < 512, String(search.heldBytes))
  })

  it('looks for another beginning as soon as one is wrong', () => {
    const search = new TlsHelloSearch()
    const add = (bytes: readonly number[]) =>
      search.add({ bytes: Uint8Array.from(bytes), at: 0, afterGap: false })
    // An empty record, one above 2^14 bytes, and a hello above 64 KiB.
    for (const bytes of [
      [22, 3, 1, 0, 0],
      [22, 3, 1, 0xff, 0xff],
      [22, 3, 1, 1, 0, 1, 9, 0, 0],
    ]) {
      assert.deepEqual(add(bytes), [])
      assert.equal(search.isReading, false)
    }
    assert.equal(add([...helloRecord()]).length, 1)
  })
})
