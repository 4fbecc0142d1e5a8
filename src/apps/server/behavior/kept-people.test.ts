import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keptTypist } from '../../../../test/kept-typist.ts'
import { memoryPersonStore } from '../../../adapters/memory/person-store.ts'
import { openLog } from '../../../adapters/node/json-log.ts'
import { PeopleWatch } from '../../../flows/watch-people.ts'
import { seededFraction } from '../../../math/seeded-chance.ts'
import type { PersonStore } from '../../../ports/person-store.ts'
import { KeptPeople } from './kept-people.ts'

function started() {
  let now = 1_795_000_000_000
  let isDown = false
  const asked: string[] = []
  const stored = memoryPersonStore(100)
  const ask = <T>(what: string, answer: () => Promise<T>): Promise<T> => {
    asked.push(what)
    return isDown ? Promise.reject(new Error('down')) : answer()
  }
  const store: PersonStore = {
    ...stored,
    load: (id) => ask('load', () => stored.load(id)),
    save: (person, revision) => ask('save', () => stored.save(person, revision)),
    some: (count) => ask('some', () => stored.some(count)),
    size: () => ask('size', () => stored.size()),
  }
  const watch = new PeopleWatch(
    {
      ...{ thresholds: { tier2: 3, tier3: 5 }, tuning: 'fixed', falsePositiveBudget: 0.01 },
      ...{ enrol: 'first', sessionMs: 60_000 },
    },
    seededFraction(1),
    now,
  )
  const lines: string[] = []
  const log = openLog({ level: 'info', format: 'json', write: (line) => lines.push(line) })
  const kept = new KeptPeople({ watch, store, clock: { now: () => now }, log })
  return {
    ...{ kept, watch, stored, lines },
    /** What the storage was asked since. */
    asked: () => asked.splice(0),
    set: (next: { isDown?: boolean; passMs?: number }) => {
      isDown = next.isDown ?? isDown
      now += next.passMs ?? 0
    },
  }
}

describe('KeptPeople', () => {
  it('spares a storage that fails for five seconds, says so once, and asks whether it is back', async () => {
    const { kept, lines, asked, set } = started()
    const { id } = keptTypist(1)
    await kept.probe()
    assert.deepEqual([kept.isStored, asked()], [true, []])
    set({ isDown: true })
    assert.equal(await kept.admit(id), false)
    assert.deepEqual([kept.isStored, asked()], [false, ['load']])
    kept.note(keptTypist(2))
    assert.equal(await kept.admit(id), false)
    await kept.save()
    await kept.meetOthers()
    await kept.probe()
    assert.deepEqual(asked(), [])
    set({ passMs: 5000 })
    await kept.probe()
    assert.deepEqual([kept.isStored, asked()], [false, ['size']])
    set({ isDown: false, passMs: 5000 })
    await kept.probe()
    assert.deepEqual([kept.isStored, asked()], [true, ['size']])
    assert.equal(await kept.admit(id), true)
    assert.equal(lines.length, 1)
    assert.match(lines[0] ?? '', /Cannot load a person/)
  })

  it('knows who waits to be stored, and stores all of them, a failure just now or not, at the end', async () => {
    const { kept, watch, stored, asked, set } = started()
    set({ isDown: true })
    for (let i = 0; i < 40; i++) kept.note(keptTypist(i))
    await kept.save()
    assert.deepEqual([kept.unsaved, asked().length], [40, 32])
    await assert.rejects(kept.load(keptTypist(3).id), /down/)
    set({ isDown: false })
    await kept.save(true)
    assert.deepEqual([kept.unsaved, await stored.size()], [0, 40])
    kept.note(keptTypist(50))
    asked()
    set({ passMs: 5000 })
    assert.equal(await kept.admit(keptTypist(50).id), true)
    assert.deepEqual(asked(), [])
    assert.ok(watch.has(keptTypist(50).id))
  })

  it('has no room for more than 2000 who wait', () => {
    const { kept } = started()
    for (let i = 0; i < 1999; i++) kept.note(keptTypist(i, 0))
    assert.equal(kept.hasRoom(), true)
    kept.note(keptTypist(1999, 0))
    assert.equal(kept.hasRoom(), false)
  })

  it('changes a person over the revision that is meant only, at hand or not', async () => {
    const { kept, watch } = started()
    const person = keptTypist(1)
    const { id } = person
    assert.equal(await kept.change(id, 0, () => person), 1)
    assert.equal(await kept.change(id, 0, () => person), undefined)
    assert.equal(await kept.change(id, 1, () => ({ ...person, label: 'bad' })), 2)
    assert.equal(watch.person(id)?.person.label, 'bad')
    kept.note({ ...person, label: 'good' })
    assert.equal((await kept.load(id))?.revision, 3)
    assert.equal(await kept.erase(id), true)
    assert.equal(await kept.erase(id), false)
  })
})
