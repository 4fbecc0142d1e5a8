import assert from 'node:assert/strict'
import { it } from 'node:test'
import { SaidLoad } from './said-load.ts'

it('SaidLoad has the newest that can be read, and when it was said', () => {
  const said = new SaidLoad()
  assert.deepEqual([said.load(), said.loadAt], [undefined, 0])
  said.hear('TEXT cpu_utilization=0.1', false, 5)
  said.hear('TEXT cpu_utilization=0.2', false, 6)
  assert.deepEqual([said.load()?.cpu, said.loadAt], [0.2, 6])
  said.hear('TEXT cpu_utilization=NaN', false, 7)
  assert.deepEqual([said.load()?.cpu, said.loadAt], [0.2, 6])
  said.hear('CQAAAAAAAOA/', true, 8)
  assert.deepEqual([said.load()?.cpu, said.loadAt], [0.5, 8])
})
