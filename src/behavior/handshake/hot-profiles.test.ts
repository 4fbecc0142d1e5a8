import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { cool, newHotProfiles, warm } from './hot-profiles.ts'
import { newProfile } from './profile.ts'

const profile = (id: string, addressGroup: string) =>
  newProfile({ decision: '', at: 0, profile: id, own: id, lineage: false, addressGroup, error: '' })

it('warm() keeps its bounds, and both indexes agree', () => {
  const steps = fc.array(fc.tuple(fc.nat(60), fc.nat(3), fc.boolean()), { maxLength: 200 })
  fc.assert(
    fc.property(steps, (taken) => {
      const hot = newHotProfiles(20, 0.5)
      for (const [id, group, goes] of taken) {
        const one = hot.profiles.get(`${id}`) ?? profile(`${id}`, `${group}`)
        if (goes) cool(hot, one)
        else warm(hot, one)
      }
      assert.ok(hot.profiles.size <= 20)
      let grouped = 0
      for (const [group, ids] of hot.groups) {
        assert.ok(ids.size > 0 && ids.size <= hot.groupMax)
        grouped += ids.size
        for (const id of ids) assert.equal(hot.profiles.get(id)?.addressGroup, group)
      }
      assert.equal(grouped, hot.profiles.size)
    }),
    { seed: 20261122 },
  )
})

it('warm() lets the one unseen for longest go, of its own network first', () => {
  const hot = newHotProfiles(100, 0)
  for (let i = 0; i < 8; i++) warm(hot, profile(`a${i}`, 'a'))
  warm(hot, profile('b', 'b'))
  const first = hot.profiles.get('a0')
  if (first !== undefined) warm(hot, first)
  warm(hot, profile('a8', 'a'))
  assert.ok(hot.profiles.has('a0') && !hot.profiles.has('a1') && hot.profiles.has('b'))
})
