/**
 * A client of custody whose operations are counted, by key, for placement.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'
import { keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import type { CustodyClient, KeyName } from './custody-client.ts'
import type { KeyDemand } from './key-demand.ts'
import { type Demanded, USE_OF } from './operation-costs.ts'

export function countedClient(
  client: CustodyClient,
  demand: Pick<KeyDemand, 'count'>,
): CustodyClient {
  const count = ({ name, version }: KeyName, operation: Demanded): void =>
    demand.count(
      toHex(keyIdOf(writeKeyLabel({ name, version, use: USE_OF[operation] }))),
      operation,
    )
  /** Only what succeeds has a key. */
  const counted = async <T>(key: KeyName, operation: Demanded, done: Promise<T>): Promise<T> => {
    const result = await done
    count(key, operation)
    return result
  }
  return {
    ...client,
    sign: (key, message) => counted(key, 'sign', client.sign(key, message)),
    open: (key, sealed, info, aad) => counted(key, 'open', client.open(key, sealed, info, aad)),
    derive: (key, objectId) => counted(key, 'derive', client.derive(key, objectId)),
    encrypt: (key, plain, aad) => counted(key, 'encrypt', client.encrypt(key, plain, aad)),
    decrypt: (key, encrypted, aad) => counted(key, 'decrypt', client.decrypt(key, encrypted, aad)),
    mac: (key, message) => counted(key, 'mac', client.mac(key, message)),
    signAssembled: (key, message) =>
      counted(key, 'sign-assembled', client.signAssembled(key, message)),
  }
}
