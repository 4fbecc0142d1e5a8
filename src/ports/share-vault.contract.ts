/**
 * What every {@link ShareVault} must do, run against memory and against the disk.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { commitmentTo, dealOctets } from '../keys/custody/octet-shares.ts'
import { writeCustodyDeletion } from '../wire/custody-deletion.ts'
import { sealCustodyManifest, writeCustodyManifest } from '../wire/custody-manifest.ts'
import { SCHEME } from '../wire/share-record.ts'
import { seededRandom } from './profile-store.contract.ts'
import { GENERATIONS_MAX, type HeldShare, type ShareVault } from './share-vault.ts'

export const VAULT_NODE = new Uint8Array(16).fill(7)
const random = seededRandom(20261121)

export interface SampleShare {
  readonly unsigned: Uint8Array
  readonly signed: Uint8Array
  readonly share: HeldShare
}

/** A share of some 32 octets for {@link VAULT_NODE}, 2 of 3. */
export function sampleShare(key: number, generation: number): SampleShare {
  const keyId = new Uint8Array(16).fill(key)
  const sharing = { shares: 3, threshold: 2 }
  const { shares, checkValue } = dealOctets(
    { keyId, generation },
    random.bytes(32),
    sharing,
    random,
  )
  const sorted = shares
    .map((held) => ({ held, point: held.share.at(-1) ?? 0 }))
    .sort((a, b) => a.point - b.point)
  const unsigned = writeCustodyManifest({
    ...{ scheme: SCHEME.octets, keyId, generation, dealt: generation, threshold: 2 },
    holders: sorted.map(({ point }, i) => ({
      point,
      node: i === 0 ? VAULT_NODE : new Uint8Array(16).fill(10 + i),
    })),
    commitments: sorted.map(({ held }) => commitmentTo(keyId, held)),
    checkValue,
  })
  const [own] = sorted
  if (own === undefined) throw new Error('no share')
  const header = { scheme: SCHEME.octets, keyId, generation, holders: 3, threshold: 2 } as const
  const secret = new Uint8Array([...own.held.share, ...own.held.salt])
  return {
    unsigned,
    signed: sealCustodyManifest(unsigned, random.bytes(64)),
    share: { header: { ...header, point: own.point }, secret },
  }
}

export function sampleDeletion(keyId: Uint8Array, generation: number): Uint8Array {
  return new Uint8Array([...writeCustodyDeletion({ keyId, generation }), ...random.bytes(64)])
}

export function shareVaultContract(
  name: string,
  withVault: (act: (vault: ShareVault) => Promise<void>) => Promise<void>,
): void {
  const one = sampleShare(1, 1)
  const two = sampleShare(1, 2)
  const { keyId } = one.share.header
  const code = (expected: string) => ({ code: expected })
  const keep = async (vault: ShareVault, { unsigned, signed, share }: SampleShare) => {
    await vault.prepare(unsigned, share)
    await vault.commit(signed)
  }
  const states = (vault: ShareVault) =>
    vault.generations(keyId).map(({ generation, state }) => `${generation} ${state}`)

  describe(`a share vault (${name})`, () => {
    it('uses the old generation until the new one is committed, and keeps it until it is destroyed', () =>
      withVault(async (vault) => {
        assert.equal(vault.current(keyId), undefined)
        await vault.prepare(one.unsigned, one.share)
        assert.equal(vault.current(keyId), undefined)
        await vault.commit(one.signed)
        assert.deepEqual(vault.current(keyId)?.manifest, one.signed)
        const held = vault.current(keyId)?.open()
        assert.deepEqual(held?.header, one.share.header)
        assert.deepEqual(new Uint8Array(held?.secret ?? []), one.share.secret)
        await vault.prepare(two.unsigned, two.share)
        assert.deepEqual(vault.current(keyId)?.manifest, one.signed)
        assert.equal(vault.committed(keyId, 2), undefined)
        await vault.commit(two.signed)
        assert.deepEqual(vault.current(keyId)?.manifest, two.signed)
        assert.deepEqual(vault.committed(keyId, 1)?.manifest, one.signed)
        assert.deepEqual(states(vault), ['1 committed', '2 committed'])
        await vault.destroy(keyId, 1)
        assert.deepEqual(states(vault), ['2 committed'])
        assert.equal(vault.committed(keyId, 1), undefined)
        await vault.destroy(keyId, 2)
        assert.equal(vault.current(keyId), undefined)
        assert.deepEqual(vault.list(), { generations: [], damaged: [] })
      }))

    it('does everything twice as if once, and keeps the signature that came first', () =>
      withVault(async (vault) => {
        await vault.prepare(one.unsigned, one.share)
        await vault.prepare(one.unsigned, one.share)
        await vault.commit(one.signed)
        await vault.commit(sealCustodyManifest(one.unsigned, random.bytes(64)))
        assert.deepEqual(vault.current(keyId)?.manifest, one.signed)
        await vault.prepare(two.unsigned, two.share)
        await vault.abort(keyId, 2)
        await vault.abort(keyId, 2)
        assert.deepEqual(states(vault), ['1 committed'])
        await vault.destroy(keyId, 1)
        await vault.destroy(keyId, 1)
        assert.deepEqual(states(vault), [])
      }))

    it('keeps its own copy of a secret', () =>
      withVault(async (vault) => {
        const secret = one.share.secret.slice()
        const kept = vault.prepare(one.unsigned, { ...one.share, secret })
        secret.fill(0)
        await kept
        await vault.commit(one.signed)
        vault.current(keyId)?.open().secret.fill(0)
        assert.deepEqual(
          new Uint8Array(vault.current(keyId)?.open().secret ?? []),
          one.share.secret,
        )
      }))

    it('refuses what it is not the time for', () =>
      withVault(async (vault) => {
        await assert.rejects(vault.commit(one.signed), code('vault-state'))
        await keep(vault, two)
        await assert.rejects(vault.prepare(one.unsigned, one.share), code('vault-state'))
        await assert.rejects(vault.prepare(two.unsigned, two.share), code('vault-state'))
        await assert.rejects(vault.abort(keyId, 2), code('vault-state'))
        for (let more = 1; more < GENERATIONS_MAX; more++) {
          const { unsigned, share } = sampleShare(1, 2 + more)
          await vault.prepare(unsigned, share)
        }
        const last = sampleShare(1, 2 + GENERATIONS_MAX)
        await assert.rejects(vault.prepare(last.unsigned, last.share), code('vault-state'))
        assert.deepEqual(vault.current(keyId)?.manifest, two.signed)
      }))

    it('refuses a share that is not as the manifest says, and another manifest than was prepared', () =>
      withVault(async (vault) => {
        const { header, secret } = one.share
        const others: readonly HeldShare[] = [
          { header: { ...header, point: header.point ^ 1 || 2 }, secret },
          { header: { ...header, generation: 2 }, secret },
          { header: { ...header, threshold: 3 }, secret },
          { header: { ...header, keyId: new Uint8Array(16) }, secret },
          { header, secret: secret.subarray(0, -1) },
          { header, secret: new Uint8Array(33) },
        ]
        for (const share of others) {
          await assert.rejects(vault.prepare(one.unsigned, share), code('vault-mismatch'))
        }
        const cut = one.unsigned.subarray(1)
        await assert.rejects(vault.prepare(cut, one.share), code('vault-mismatch'))
        await vault.prepare(one.unsigned, one.share)
        await assert.rejects(vault.commit(sampleShare(1, 1).signed), code('vault-mismatch'))
        await assert.rejects(vault.commit(one.unsigned), code('vault-mismatch'))
        assert.deepEqual(states(vault), ['1 prepared'])
      }))

    it('deletes all generations of a key, and takes none of them again', () =>
      withVault(async (vault) => {
        const other = sampleShare(2, 1)
        await keep(vault, other)
        await keep(vault, one)
        await vault.prepare(two.unsigned, two.share)
        assert.equal(vault.deletion(keyId), undefined)
        const deletion = sampleDeletion(keyId, 3)
        await vault.delete(deletion)
        assert.deepEqual(states(vault), [])
        assert.equal(vault.current(keyId), undefined)
        assert.deepEqual(vault.deletion(keyId), deletion)
        for (const old of [one, two, sampleShare(1, 3)]) {
          await assert.rejects(vault.prepare(old.unsigned, old.share), code('vault-state'))
          await assert.rejects(vault.commit(old.signed), code('vault-state'))
        }
        await vault.delete(deletion)
        // An older one, that comes late, changes nothing.
        await vault.delete(sampleDeletion(keyId, 2))
        assert.deepEqual(vault.deletion(keyId), deletion)
        await assert.rejects(vault.delete(deletion.subarray(1)), code('vault-mismatch'))
        // A key that was made later is another one.
        const later = sampleShare(1, 4)
        await keep(vault, later)
        await vault.delete(deletion)
        assert.deepEqual(states(vault), ['4 committed'])
        assert.deepEqual(vault.list(), {
          generations: [
            { keyId, generation: 4, state: 'committed' },
            { keyId: other.share.header.keyId, generation: 1, state: 'committed' },
          ],
          damaged: [],
        })
      }))

    it('keeps keys apart, and lists them all', () =>
      withVault(async (vault) => {
        const other = sampleShare(2, 9)
        await keep(vault, one)
        await vault.prepare(other.unsigned, other.share)
        assert.deepEqual(vault.list(), {
          generations: [
            { keyId, generation: 1, state: 'committed' },
            { keyId: other.share.header.keyId, generation: 9, state: 'prepared' },
          ],
          damaged: [],
        })
        await vault.destroy(other.share.header.keyId, 9)
        assert.deepEqual(states(vault), ['1 committed'])
      }))
  })
}
