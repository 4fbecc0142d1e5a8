import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MACHINE_LOAD_CHARS_MAX, readMachineLoad, writeMachineLoad } from './machine-load.ts'

const { LIMEN_FUZZ_RUNS } = process.env
const RUNS = Number(LIMEN_FUZZ_RUNS ?? 20_000)
const SEED = 27_450_913
const LOAD = {
  ...{ cpu: 0.25, memory: 0.5, loadAverage: 1.5 },
  ...{ receivedBytesPerSecond: 1000, sentBytesPerSecond: 2000 },
}

describe('readMachineLoad()', () => {
  it('reads what was written, and passes over the rest', () => {
    assert.deepEqual(readMachineLoad(writeMachineLoad(LOAD, 1_790_000_000_000)), LOAD)
    assert.deepEqual(readMachineLoad(JSON.stringify({ ...LOAD, later: [1] })), LOAD)
  })

  it('takes shares above 1 for 1', () => {
    const read = readMachineLoad(JSON.stringify({ ...LOAD, cpu: 1e9, memory: 1.01 }))
    assert.deepEqual(read, { ...LOAD, cpu: 1, memory: 1 })
  })

  it('refuses what is missing, no number, or less than nothing', () => {
    for (const key of Object.keys(LOAD)) {
      for (const value of [undefined, null, '0.5', -0.1, [1]]) {
        assert.equal(readMachineLoad(JSON.stringify({ ...LOAD, [key]: value })), undefined, key)
      }
      const infinite = JSON.stringify(LOAD).replace(new RegExp(`"${key}":[^,}]+`), `"${key}":1e999`)
      assert.equal(readMachineLoad(infinite), undefined, key)
    }
    for (const text of ['', 'null', '[]', '0.5', '{', `${' '.repeat(MACHINE_LOAD_CHARS_MAX)}{}`]) {
      assert.equal(readMachineLoad(text), undefined, text.slice(0, 9))
    }
  })

  it('whatever comes: nothing, or measures', () => {
    const text = JSON.stringify(LOAD)
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...'{}[]",:-0159eE.nu')), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(edits, (changes) => {
        let edited = text
        for (const [where, cut, put] of changes) {
          const at = where % edited.length
          edited = `${edited.slice(0, at)}${put}${edited.slice(at + cut)}`
        }
        const load = readMachineLoad(edited)
        if (load === undefined) return
        assert.deepEqual(Object.keys(load), Object.keys(LOAD))
        for (const value of Object.values(load)) assert.ok(Number.isFinite(value) && value >= 0)
        assert.ok(load.cpu <= 1 && load.memory <= 1)
      }),
      { numRuns: RUNS, seed: SEED },
    )
  })
})
