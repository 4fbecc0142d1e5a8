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
import { type PeopleInFirefox, startPeopleInFirefox } from './people-in-firefox.ts'
import { isFoundOutAndClears, passwordsTyped } from './people-site.ts'

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
    await isFoundOutAndClears(people, other, BETWEEN_MS)
  })
})
