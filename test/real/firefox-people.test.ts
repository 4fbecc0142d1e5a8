/**
 * Two people at one account, in Firefox: the owner stays with the first server, the other goes to the second and the third. As in Chromium
 * (`behavior-people.test.ts`), but that hands take their time: so a second factor vouches for the owner, who is learned sooner then, in three
 * logins: of one alone 25 passwords count.
 *
 * Real time: on a machine with other work hands tremble, and people are not told apart. So it is no part of `npm test`: `npm run real:firefox`.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { fittedTypist } from '../fixtures/fitted-typists.ts'
import { until } from './fleet-under-test.ts'
import { type PeopleInFirefox, startPeopleInFirefox } from './people-in-firefox.ts'
import { passwordsTyped, typesUntil } from './people-site.ts'

const STEP_MS_MAX = 30_000
/** This pair needs 10 to 12, and 16 to 20 (2026-11-22): one that is harder to tell apart than the median of docs/behavior.md, 7 and 11. */
const TIER2_WITHIN_PASSWORDS = 16
const TIER3_WITHIN_PASSWORDS = 28
const LOGINS = 3
const PAGES_PER_LOGIN = 2
const OWNER_PASSWORDS = 10
const PASSWORDS_PER_PAGE = 10
const BETWEEN_MS = 300

let people: PeopleInFirefox

before(async () => {
  people = await startPeopleInFirefox()
})
after(() => people?.close())

const owner = fittedTypist('s004', 1)
const other = fittedTypist('s002', 2)

describe('two people at one account, in Firefox', () => {
  it('lets the owner be, who has been learned', async () => {
    for (let login = 0; login < LOGINS; login++) {
      const visit = await people.comes('owner', 'alice')
      for (let page = 0; page < PAGES_PER_LOGIN; page++) {
        assert.equal(await visit.load('user=alice;confirmed'), 'open')
        await visit.play(passwordsTyped(owner, PASSWORDS_PER_PAGE, BETWEEN_MS))
      }
      await visit.leave()
    }
    const again = await people.comes('owner', 'alice')
    await again.play(passwordsTyped(owner, OWNER_PASSWORDS, BETWEEN_MS))
    assert.equal(await again.load(), 'open')
    const { tier, reasons } = await again.me()
    assert.deepEqual([tier, reasons], [1, []])
    await again.leave()
    assert.deepEqual(Object.keys(people.served('owner')), ['open'])
  })

  it('takes the other to the second server and the third, and back by a second factor', async () => {
    const visit = await people.comes('other', 'alice')
    assert.equal(await visit.hasPass(), false)
    const strict = await typesUntil(visit, other, {
      server: 'strict',
      typed: 0,
      within: TIER2_WITHIN_PASSWORDS,
      betweenMs: BETWEEN_MS,
    })
    // The second server serves whoever has done the work, which the page did by itself.
    assert.equal(await visit.hasPass(), true)
    const sandbox = await typesUntil(visit, other, {
      server: 'sandbox',
      typed: strict,
      within: TIER3_WITHIN_PASSWORDS,
      betweenMs: BETWEEN_MS,
    })
    console.log(`tier 2 after ${strict} passwords, tier 3 after ${sandbox}`)
    assert.ok((await visit.me()).reasons.includes('password-differs'))
    await visit.load('user=alice;confirmed')
    await until('tier 1', STEP_MS_MAX, async () => (await visit.me()).tier === 1)
    await until('the first server', STEP_MS_MAX, async () => (await visit.load()) === 'open')
    await visit.leave()
  })
})
