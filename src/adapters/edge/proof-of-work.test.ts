import assert from 'node:assert/strict'
import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { solveChallenge, verifySolution } from 'altcha-lib/v1'
import fc from 'fast-check'
import { type Challenge, ProofsOfWork } from './proof-of-work.ts'

const KEY = new Uint8Array(32).fill(3)
const PROFILE = '0123456789abcdef'
const OTHER = 'fedcba9876543210'
const START = 1_800_000_000_000

function proofs(key: Uint8Array = KEY) {
  const clock = { now: START }
  const random = { bytes: (length: number) => randomBytes(length), fraction: () => 0.5 }
  return { clock, made: new ProofsOfWork({ key, random, wallClock: () => clock.now }) }
}

/** By ALTCHA's own solver. */
async function solve(challenge: Challenge): Promise<string> {
  const { promise } = solveChallenge(
    challenge.challenge,
    challenge.salt,
    challenge.algorithm,
    challenge.maxnumber,
  )
  const number = (await promise)?.number
  const { maxnumber: _, ...rest } = challenge
  return Buffer.from(JSON.stringify({ ...rest, number })).toString('base64')
}

const changed = (solution: string, change: Record<string, unknown>): string =>
  Buffer.from(
    JSON.stringify({ ...JSON.parse(Buffer.from(solution, 'base64').toString()), ...change }),
  ).toString('base64')

describe('ProofsOfWork', () => {
  it("is solved by ALTCHA's library, and ALTCHA's library takes the solution", async () => {
    const { made } = proofs()
    const solution = await solve(made.challenge(PROFILE, 200))
    const root = Buffer.from(hkdfSync('sha256', KEY, '', 'limen/proof of work/1', 32))
    const ofProfile = createHmac('sha256', root).update(PROFILE).digest('hex')
    assert.equal(await verifySolution(solution, ofProfile, false), true)
    assert.equal(await verifySolution(solution, `${ofProfile}0`, false), false)
    assert.equal(made.redeem(solution, PROFILE).kind, 'passed')
  })

  it('gives a pass for the profile, on every edge with the key, until it expires', async () => {
    const { made, clock } = proofs()
    const redeemed = made.redeem(await solve(made.challenge(PROFILE, 50)), PROFILE)
    assert.equal(redeemed.kind, 'passed')
    const { pass, seconds } = redeemed as { pass: string; seconds: number }
    const elsewhere = proofs()
    assert.equal(elsewhere.made.isPass(pass, PROFILE), true)
    assert.equal(made.isPass(pass, OTHER), false)
    assert.equal(proofs(new Uint8Array(32).fill(4)).made.isPass(pass, PROFILE), false)
    clock.now = START + seconds * 1000
    assert.equal(made.isPass(pass, PROFILE), true)
    clock.now += 1000
    assert.equal(made.isPass(pass, PROFILE), false)
  })

  it('takes a solution once here; elsewhere it gives the same pass and no longer one', async () => {
    const { made } = proofs()
    const solution = await solve(made.challenge(PROFILE, 50))
    const first = made.redeem(solution, PROFILE)
    assert.deepEqual(made.redeem(solution, PROFILE), { kind: 'spent' })
    assert.deepEqual(proofs().made.redeem(solution, PROFILE), first)
  })

  it('takes no solution late, of another profile, or under another key', async () => {
    const { made, clock } = proofs()
    const solution = await solve(made.challenge(PROFILE, 50))
    assert.deepEqual(made.redeem(solution, OTHER), { kind: 'forged' })
    const otherKey = proofs(new Uint8Array(32).fill(4)).made
    assert.deepEqual(otherKey.redeem(solution, PROFILE), { kind: 'forged' })
    clock.now += 301_000
    assert.deepEqual(made.redeem(solution, PROFILE), { kind: 'expired' })
  })

  it('takes nothing forged: another number, a salt cut differently, an end moved', async () => {
    const { made } = proofs()
    const solution = await solve(made.challenge(PROFILE, 5000))
    const { number, salt } = JSON.parse(Buffer.from(solution, 'base64').toString()) as {
      number: number
      salt: string
    }
    const later = salt.replace(/\d{10}/, (seconds) => String(Number(seconds) + 9999))
    const forgeries = [
      { number: number + 1 },
      { number: -number },
      { number: String(number) },
      { number: 0.5 },
      { salt: later },
      { salt: `${salt}${String(number)[0]}`, number: Number(String(number).slice(1)) },
      { signature: 'ff'.repeat(32) },
      { signature: 'FF'.repeat(32) },
      { challenge: 'ff'.repeat(32) },
      { algorithm: 'SHA-1' },
    ]
    for (const change of forgeries) {
      assert.deepEqual(made.redeem(changed(solution, change), PROFILE), { kind: 'forged' })
    }
    assert.equal(made.redeem(solution, PROFILE).kind, 'passed')
  })

  it('never throws on garbage, and takes none', () => {
    const { made } = proofs()
    const garbage = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64')),
      fc
        .record({
          algorithm: fc.constant('SHA-256'),
          challenge: fc.string(),
          number: fc.oneof(fc.integer(), fc.double(), fc.string()),
          salt: fc.string(),
          signature: fc.string(),
        })
        .map((value) => Buffer.from(JSON.stringify(value)).toString('base64')),
    )
    fc.assert(
      fc.property(garbage, (text) => {
        assert.equal(made.redeem(text, PROFILE).kind, 'forged')
        assert.equal(made.isPass(text, PROFILE), false)
      }),
      { seed: 20261122, numRuns: 2000 },
    )
  })

  it('takes a pass in one spelling only', async () => {
    const { made } = proofs()
    const { pass } = made.redeem(await solve(made.challenge(PROFILE, 5)), PROFILE) as {
      pass: string
    }
    for (const spelt of [`${pass}=`, `${pass}A`, ` ${pass}`, pass.slice(1), '']) {
      assert.equal(made.isPass(spelt, PROFILE), false)
    }
  })

  it('asks for about as much work as it is told to', () => {
    const { made } = proofs()
    const challenge = made.challenge(PROFILE, 1000)
    assert.equal(challenge.maxnumber, 2000)
  })
})
