import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { joinOctets } from '../ground/octets.ts'
import {
  type CustodyBackup,
  RECOVERY_HOLDERS,
  type RecoveryKey,
  readCustodyBackup,
  readRecoveryKey,
  writeCustodyBackup,
  writeRecoveryKey,
} from './custody-backup.ts'

const SEED = 11764948
const SIGNATURE = new Uint8Array(64).fill(7)
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const some = fc.uint8Array({ maxLength: 300 })
const plain = { noNullPrototype: true }
const pair = fc.record({ publicKey: octets(32), wrapped: octets(61) }, plain)
const recoveryKeys: fc.Arbitrary<RecoveryKey> = fc.record(
  {
    reference: octets(16),
    identity: pair,
    holders: fc.array(pair, { minLength: RECOVERY_HOLDERS, maxLength: RECOVERY_HOLDERS }),
  },
  plain,
)
const backups: fc.Arbitrary<CustodyBackup> = fc.record(
  {
    at: fc.maxSafeNat(),
    recovery: some,
    operators: some,
    keys: fc.array(
      fc.record(
        {
          ...{ label: some, manifest: some, plan: some },
          dealings: fc.array(fc.array(some, { minLength: 2, maxLength: 2 }), { maxLength: 5 }),
        },
        plain,
      ),
      { maxLength: 4 },
    ),
  },
  plain,
)

describe('LRC1 and LCB1', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(recoveryKeys, backups, (key, backup) => {
        const keyBytes = joinOctets(writeRecoveryKey(key), SIGNATURE)
        assert.deepEqual(readRecoveryKey(keyBytes)?.value, key)
        const signed = writeCustodyBackup(backup)
        const read = readCustodyBackup(joinOctets(signed, SIGNATURE))
        assert.deepEqual(read, { value: backup, signed, signature: SIGNATURE })
      }),
      { seed: SEED },
    )
  })

  it('are read whole, or not at all', () => {
    fc.assert(
      fc.property(backups, fc.nat(), fc.nat(255), some, (backup, place, octet, more) => {
        const bytes = joinOctets(writeCustodyBackup(backup), SIGNATURE)
        const cut = bytes.subarray(0, place % bytes.length)
        assert.equal(readCustodyBackup(cut), undefined)
        const changed = bytes.slice()
        changed[place % bytes.length] = octet
        // Whatever it says now, it does not throw, and says all that is there.
        const read = readCustodyBackup(changed)
        if (read !== undefined) assert.deepEqual(writeCustodyBackup(read.value), read.signed)
        if (more.length > 0) {
          const longer = readCustodyBackup(joinOctets(bytes, more))
          assert.notDeepEqual(longer?.signature, SIGNATURE)
        }
      }),
      { seed: SEED, numRuns: 500 },
    )
  })

  it('are not read from anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        assert.equal(readCustodyBackup(bytes), undefined)
        assert.equal(readRecoveryKey(bytes), undefined)
      }),
      { seed: SEED },
    )
  })
})
