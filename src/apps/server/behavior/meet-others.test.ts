import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keptTypist } from '../../../../test/kept-typist.ts'
import { memoryPersonStore } from '../../../adapters/memory/person-store.ts'
import { POPULATION_MAX, Population } from '../../../behavior/person/population.ts'
import { meetOthers } from './meet-others.ts'

describe('meetOthers()', () => {
  it('meets those who are kept, a few at a time, and no more than there is room for', async () => {
    const store = memoryPersonStore(1000)
    const population = new Population()
    await meetOthers(population, store)
    assert.equal(population.size, 0)
    for (let i = 0; i < 10; i++) await store.save(keptTypist(i))
    await store.save({ ...keptTypist(10), label: 'bad' })
    await store.save(keptTypist(11, 5))
    await meetOthers(population, store)
    assert.equal(population.size, 10)
    for (let i = 20; i < 200; i++) await store.save(keptTypist(i))
    for (let i = 0; i < 40; i++) await meetOthers(population, store)
    assert.equal(population.size, POPULATION_MAX)
  })

  it('forgets who is not kept any more, and who is said to be somebody else', async () => {
    const store = memoryPersonStore(1000)
    const population = new Population()
    for (let i = 0; i < 9; i++) await store.save(keptTypist(i))
    await meetOthers(population, store)
    await store.erase(keptTypist(3).id)
    await store.save({ ...keptTypist(4), label: 'bad' })
    for (let i = 0; i < 9; i++) await meetOthers(population, store)
    assert.deepEqual(
      Array.from({ length: 9 }, (_, i) => population.has(keptTypist(i).id)),
      [true, true, true, false, false, true, true, true, true],
    )
  })

  it('leaves it to the caller when the storage fails', async () => {
    const store = { ...memoryPersonStore(1), some: () => Promise.reject(new Error('down')) }
    await assert.rejects(meetOthers(new Population(), store), /down/)
  })
})
