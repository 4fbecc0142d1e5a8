/**
 * A process that opens the key of a PKCS#11 URI and a vault wrapped by it, for what only a new process shows: `URI FOLDER`. Says the
 * current generation, or the code and message of what went wrong, as JSON.
 *
 * @module
 */
import { writeSync } from 'node:fs'
import { openShareVault } from '../../src/adapters/node/share-vault.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { readPkcs11Uri } from '../../src/adapters/pkcs11/pkcs11-uri.ts'
import { openTokenKey } from '../../src/adapters/pkcs11/wrapping-key.ts'
import { LimenError } from '../../src/ground/limen-error.ts'
import { VAULT_NODE } from '../../src/ports/share-vault.contract.ts'

const [text = '', folder = ''] = process.argv.slice(2)
const outcome = readPkcs11Uri(text)
if (outcome.kind === 'refused') throw new Error(outcome.says)
const random = systemRandom()
try {
  const wrapping = await openTokenKey({ uri: outcome.uri, random })
  const vault = await openShareVault({ folder, node: VAULT_NODE, wrapping, random })
  const [held] = vault.list().generations
  writeSync(1, JSON.stringify({ state: held?.state }))
  await wrapping.close()
} catch (error) {
  if (!(error instanceof LimenError)) throw error
  const { code, message, stack } = error
  writeSync(1, JSON.stringify({ code, message, stack, cause: String(error.cause) }))
}
