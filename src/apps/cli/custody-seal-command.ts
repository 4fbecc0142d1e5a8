/**
 * `limen custody seal-key`: the wrapping key of a custody node, made in shares of operators. They are given by `limen custody unseal`.
 *
 * @module
 */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeSealedKey } from '../../adapters/node/sealed-key.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { LimenError } from '../../ground/limen-error.ts'

export interface SealKeyOptions {
  readonly sharesTo: string
  readonly shares: string
  readonly threshold: string
}

/** Of Shamir's scheme. */
const SHARES_MAX = 255

/** @throws LimenError `usage`, `key-file-there` */
export function sealKey(path: string, options: SealKeyOptions, out: (text: string) => void): void {
  const [shares, threshold] = [Number(options.shares), Number(options.threshold)]
  const isSharing = Number.isInteger(shares) && shares <= SHARES_MAX && Number.isInteger(threshold)
  if (!isSharing || threshold < 2 || threshold > shares) {
    const text = `There are 2 to ${SHARES_MAX} shares, and a threshold of 2 to that many`
    throw new LimenError('usage', text, { side: 'operator', retry: false })
  }
  const sharesPath = options.sharesTo
  // One that is made by a typo would have the shares where nobody looks.
  const folder = dirname(sharesPath)
  if (!existsSync(folder)) {
    const text = `There is no folder ${folder} for the shares`
    throw new LimenError('usage', text, { side: 'operator', retry: false })
  }
  makeSealedKey({ path, sharesPath, shares, threshold, random: systemRandom() })
  out(
    `${sharesPath}: ${shares} shares, any ${threshold} open ${path}: hand them out, and remove it`,
  )
}
