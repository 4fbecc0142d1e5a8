import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { TOKEN_AGE_S_MAX } from './event-token.ts'
import { SeenTokens } from './seen-tokens.ts'

const NOW = 1_795_000_000
const ISSUER = 'https://idp.test'
let folder = ''
let unkept = 0
const open = (now = NOW) => new SeenTokens(join(folder, 'seen'), now, () => unkept++)

describe('SeenTokens', () => {
  beforeEach(() => {
    unkept = 0
    folder = mkdtempSync(join(tmpdir(), 'limen-seen-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('remembers tokens by issuer, over restarts, without their ids', () => {
    const seen = open()
    assert.equal(seen.has(ISSUER, 'one', NOW), false)
    seen.add(ISSUER, 'one', NOW, NOW)
    assert.equal(seen.has(ISSUER, 'one', NOW), true)
    assert.equal(seen.has('https://other.test', 'one', NOW), false)
    seen.close()
    const text = readFileSync(join(folder, 'seen'), 'latin1')
    assert.match(text, /^[\w-]{22} [\w-]{22} 1795000000\n$/)
    assert.equal(statSync(join(folder, 'seen')).mode & 0o777, 0o600)
    const again = open()
    assert.equal(again.has(ISSUER, 'one', NOW), true)
    again.close()
    assert.equal(unkept, 0)
  })

  it('forgets those that would be refused by their age', () => {
    const seen = open()
    seen.add(ISSUER, 'one', NOW, NOW)
    seen.add(ISSUER, 'two', NOW + TOKEN_AGE_S_MAX + 121, NOW + TOKEN_AGE_S_MAX + 121)
    assert.equal(seen.has(ISSUER, 'one', NOW), false)
    seen.close()
  })

  it('takes what is older than it remembers for seen, when there are too many', () => {
    const seen = open()
    for (let i = 0; i <= 20_000; i++) seen.add(ISSUER, `t${i}`, NOW + i, NOW + i)
    assert.equal(seen.has(ISSUER, 't0', NOW), true)
    assert.equal(seen.has(ISSUER, 'never', NOW), true)
    assert.equal(seen.has(ISSUER, 'new', NOW + 1), false)
    seen.close()
  })

  it('takes a torn or foreign line for nothing, and goes on where it cannot write', () => {
    const seen = open()
    seen.add(ISSUER, 'one', NOW, NOW)
    seen.close()
    appendFileSync(join(folder, 'seen'), 'x y z\nabc')
    const again = open()
    assert.equal(again.has(ISSUER, 'one', NOW), true)
    again.close()
    rmSync(folder, { recursive: true })
    again.add(ISSUER, 'two', NOW, NOW)
    assert.equal(again.has(ISSUER, 'two', NOW), true)
    assert.equal(unkept, 1)
  })
})
