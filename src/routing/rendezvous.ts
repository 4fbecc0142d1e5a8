/**
 * Rendezvous hashing (Thaler and Ravishankar 1998): everybody who knows the same ids names the same owner of a key, without
 * asking, and an id that comes or goes moves only the keys that it owns. Keyed by nothing: not for secrets.
 *
 * @module
 */
import { hash32 } from './hash-ring.ts'

/** The id whose hash with the key is the highest; of equal ones the first by name. undefined of none. */
export function rendezvousOwner(key: string, ids: readonly string[]): string | undefined {
  let owner: string | undefined
  let highest = -1
  for (const id of ids) {
    const weight = hash32(`${id}\n${key}`)
    if (weight > highest || (weight === highest && owner !== undefined && id < owner)) {
      highest = weight
      owner = id
    }
  }
  return owner
}
