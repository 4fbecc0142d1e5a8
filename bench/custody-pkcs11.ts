/**
 * How fast a PKCS#11 token wraps and unwraps data keys: SoftHSM, one call after the other as a session takes them, in real time, since
 * the work is done on another thread. Median of rounds.
 *
 * @module
 */
import { systemRandom } from '../src/adapters/node/system-random.ts'
import { readPkcs11Uri } from '../src/adapters/pkcs11/pkcs11-uri.ts'
import { makeTokenKey, openTokenKey } from '../src/adapters/pkcs11/wrapping-key.ts'
import { softHsm } from '../test/real/soft-hsm.ts'

const ROUNDS = 9
const CALLS = 500

/** @throws LimenError `token-module` where `pkcs11js` is not installed */
export async function benchPkcs11() {
  const random = systemRandom()
  const hsm = softHsm()
  try {
    const outcome = readPkcs11Uri(hsm.uri('kek'))
    if (outcome.kind === 'refused') throw new Error(outcome.says)
    const options = { uri: outcome.uri, random }
    await makeTokenKey(options)
    const key = await openTokenKey(options)
    const data = random.bytes(32)
    const wrapped = await key.wrap(data)
    const perS = async (call: () => Promise<unknown>): Promise<number> => {
      const rounds: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const before = performance.now()
        for (let n = 0; n < CALLS; n++) await call()
        rounds.push((1000 * CALLS) / (performance.now() - before))
      }
      return rounds.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0
    }
    const figures = {
      pkcs11_wrap_per_s: await perS(() => key.wrap(data)),
      pkcs11_unwrap_per_s: await perS(() => key.unwrap(wrapped)),
    }
    await key.close()
    return figures
  } finally {
    hsm.end()
  }
}
