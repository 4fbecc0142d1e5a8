/**
 * What every {@link ReplayScope} must do, run against memory and against the real stores.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ReplayScope } from './replay-scope.ts'

/** Seconds since 1970. */
const NOW = 1_795_000_000
const SESSION = 'AAAAAAAAAAAAAAAAAAAAAA'
const OTHER = 'BBBBBBBBBBBBBBBBBBBBBA'
let proofs = 0
const nonce = (): string => `nonce-${String(proofs++).padStart(10, '0')}`

/**
 * @param open two ends of one scope, as two edges have them; tests do not share proofs, so the store may stay
 */
export function replayScopeContract(
  name: string,
  open: () => readonly [ReplayScope, ReplayScope] | Promise<readonly [ReplayScope, ReplayScope]>,
): void {
  describe(`${name} as a replay scope`, () => {
    it('takes a proof once, whoever asks', async () => {
      const [one, two] = await open()
      const mine = nonce()
      assert.equal(await one.meet(SESSION, mine, NOW), 'fresh')
      assert.equal(await one.meet(SESSION, mine, NOW), 'replay')
      assert.equal(await two.meet(SESSION, mine, NOW + 34.5), 'replay')
    })

    it('tells sessions and nonces apart', async () => {
      const [one, two] = await open()
      const mine = nonce()
      assert.equal(await one.meet(SESSION, mine, NOW), 'fresh')
      assert.equal(await two.meet(OTHER, mine, NOW), 'fresh')
      assert.equal(await two.meet(SESSION, nonce(), NOW), 'fresh')
    })

    it('says fresh to exactly one of many that ask at once', async () => {
      const [one, two] = await open()
      const mine = nonce()
      const met = await Promise.all(
        Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? one : two).meet(SESSION, mine, NOW)),
      )
      assert.equal(met.filter((each) => each === 'fresh').length, 1)
      assert.equal(met.filter((each) => each === 'replay').length, 99)
    })
  })
}
