/**
 * Two people at one account, in Chromium, with the collector that pages load, in front of a whole Limen with three servers: the owner
 * stays with the first server, the other goes to the second and the third, and gets access again by what a person can show.
 *
 * How they type was fitted to recordings of two people (`fitted-typists.ts`); the recordings themselves are replayed by
 * `npm run eval -- impostor`.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fittedTypist, type TypedKey } from '../fixtures/fitted-typists.ts'
import { type PeopleInChromium, startPeople } from './people-in-chromium.ts'
import { isFoundOutAndClears, passwordsTyped, type Visit } from './people-site.ts'

/** 60 are taken on trust, ten more make sure of it. */
const LEARNED_PASSWORDS = 72
const OWNER_PASSWORDS = 40
/** Of one load of the page: 4 s each. */
const PASSWORDS_PER_PAGE = 10
/** From one password to the next, the name that is typed before it included. */
const BETWEEN_MS = 1500

let people: PeopleInChromium

before(async () => {
  people = await startPeople()
})
after(() => people?.close())

async function typesAndStays(visit: Visit, type: () => TypedKey[], count: number): Promise<void> {
  for (let typed = 0; typed < count; typed += PASSWORDS_PER_PAGE) {
    await visit.play(passwordsTyped(type, PASSWORDS_PER_PAGE, BETWEEN_MS))
    assert.equal(await visit.load(), 'open')
  }
}

const owner = fittedTypist('s004', 1)
const other = fittedTypist('s002', 2)

describe('two people at one account', () => {
  it('lets the owner be, who has been learned', async () => {
    const visit = await people.comes('owner', 'alice')
    await typesAndStays(visit, owner, LEARNED_PASSWORDS)
    await visit.leave()
    const again = await people.comes('owner', 'alice')
    await typesAndStays(again, owner, OWNER_PASSWORDS)
    const { tier, reasons } = await again.me()
    assert.deepEqual([tier, reasons], [1, []])
    await again.leave()
    assert.deepEqual(Object.keys(people.served('owner')), ['open'])
  })

  it('takes the other to the second server and the third, and back by a second factor', async () => {
    await isFoundOutAndClears(people, other, BETWEEN_MS)
  })
})
