import assert from 'node:assert/strict'
import { it } from 'node:test'
import { personStoreContract, samplePerson } from '../../ports/person-store.contract.ts'
import { memoryPersonStore } from './person-store.ts'

personStoreContract('memory', async () => memoryPersonStore(100))

it('memoryPersonStore() keeps no more than it may', async () => {
  const store = memoryPersonStore(2)
  for (const number of [1, 2, 3]) await store.save(samplePerson(number))
  assert.equal(await store.size(), 2)
  assert.equal(await store.load(samplePerson(1).id), undefined)
})
