import assert from 'node:assert/strict'
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import {
  type SampleShare,
  sampleDeletion,
  sampleShare,
  shareVaultContract,
  VAULT_NODE,
} from '../../ports/share-vault.contract.ts'
import type { ShareVault } from '../../ports/share-vault.ts'
import type { WrappingKey } from '../../ports/wrapping-key.ts'
import { memoryWrappingKey } from './memory-key.ts'
import { openShareVault } from './share-vault.ts'
import { systemRandom } from './system-random.ts'
import { type VaultDisk, vaultDisk } from './vault-disk.ts'

const random = systemRandom()
const REFERENCE = new Uint8Array(16).fill(3)
const wrappingKey = (octet = 5): WrappingKey =>
  memoryWrappingKey(new Uint8Array(32).fill(octet), REFERENCE, random)

let folder: string
const inFreshFolder = (): void => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'limen-vault-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))
}

const open = (disk: VaultDisk = vaultDisk(), wrapping = wrappingKey()): Promise<ShareVault> =>
  openShareVault({ folder, node: VAULT_NODE, wrapping, random, disk })
const files = (): string[] => readdirSync(join(folder, 'shares')).sort()
const pathOf = (file: string): string => join(folder, 'shares', file)
const keep = async (vault: ShareVault, { unsigned, signed, share }: SampleShare): Promise<void> => {
  await vault.prepare(unsigned, share)
  await vault.commit(signed)
}

shareVaultContract('disk', async (act) => {
  const own = mkdtempSync(join(tmpdir(), 'limen-vault-'))
  const options = { folder: own, node: VAULT_NODE, random }
  try {
    await act(await openShareVault({ ...options, wrapping: wrappingKey() }))
  } finally {
    rmSync(own, { recursive: true })
  }
})

const one = sampleShare(1, 1)
const two = sampleShare(1, 2)
const { keyId } = one.share.header

describe('openShareVault()', () => {
  inFreshFolder()

  it('finds what it kept, and nothing of it in the clear', async () => {
    const vault = await open()
    await keep(vault, one)
    await vault.prepare(two.unsigned, two.share)
    vault.close()
    assert.throws(() => vault.current(keyId)?.open(), RangeError)
    const again = await open()
    assert.deepEqual(again.current(keyId)?.manifest, one.signed)
    assert.deepEqual(new Uint8Array(again.current(keyId)?.open().secret ?? []), one.share.secret)
    assert.deepEqual(
      again.generations(keyId).map(({ state }) => state),
      ['committed', 'prepared'],
    )
    const secret = Buffer.from(one.share.secret.subarray(0, 32))
    for (const file of files()) assert.equal(readFileSync(pathOf(file)).includes(secret), false)
    assert.equal(readFileSync(join(folder, 'keystore')).includes(secret), false)
  })

  it('needs its wrapping key and its keystore', async () => {
    await keep(await open(), one)
    const bad = { code: 'vault-key' }
    await assert.rejects(open(vaultDisk(), wrappingKey(6)), bad)
    const other = memoryWrappingKey(new Uint8Array(32).fill(5), new Uint8Array(16), random)
    await assert.rejects(open(vaultDisk(), other), bad)
    const keystore = join(folder, 'keystore')
    const bytes = readFileSync(keystore)
    for (const at of [0, 4, 6, 8, 27, 30, bytes.length - 1]) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      writeFileSync(keystore, changed)
      await assert.rejects(open(), bad, `octet ${at}`)
    }
    rmSync(keystore)
    await assert.rejects(open(), bad)
    assert.deepEqual(readdirSync(folder), ['shares'])
  })

  it('names each file that does not open, and lets no older generation pass for it', async () => {
    const vault = await open()
    await keep(vault, one)
    await keep(vault, two)
    const [first = '', second = ''] = files()
    const whole = readFileSync(pathOf(second))
    // Every octet of the record, whose length this is, and those of the manifest that are compared.
    const record = 80 + whole.readUInt32BE(76)
    for (let at = 0; at < record + 36; at++) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 0x10
      writeFileSync(pathOf(second), changed)
      const { damaged, generations } = vault.list()
      assert.deepEqual(
        damaged.map(({ file, generation }) => [file, generation]),
        [[second, 2]],
        `octet ${at}`,
      )
      assert.deepEqual(
        generations.map(({ state }) => state),
        ['committed', 'damaged'],
      )
      assert.throws(() => vault.current(keyId)?.open(), { code: 'vault-record' })
    }
    writeFileSync(pathOf(second), '')
    const again = await open()
    assert.throws(() => again.current(keyId), { code: 'vault-record' })
    await again.destroy(keyId, 2)
    assert.deepEqual(again.current(keyId)?.manifest, one.signed)
    assert.deepEqual(files(), [first])
  })

  it('tells a record in the place of another, and strangers', async () => {
    const vault = await open()
    await keep(vault, one)
    await keep(vault, two)
    const [first = '', second = ''] = files()
    copyFileSync(pathOf(first), pathOf(second))
    writeFileSync(pathOf('notes.txt'), 'x')
    assert.deepEqual(
      vault.list().damaged.map(({ file, code }) => `${file} ${code}`),
      [`${second} mismatch`, 'notes.txt format'],
    )
    // A whole vault of another node, under the same wrapping key.
    const node = new Uint8Array(16).fill(11)
    const stolen = await openShareVault({ folder, node, wrapping: wrappingKey(), random })
    assert.throws(() => stolen.current(keyId), { code: 'vault-record' })
  })

  it('finishes what was begun: half a file, half a destruction', async () => {
    const vault = await open()
    await keep(vault, one)
    await vault.prepare(two.unsigned, two.share)
    const [first = '', second = ''] = files()
    renameSync(pathOf(first), pathOf(first.replace(/c$/, 'd')))
    writeFileSync(pathOf(second.replace(/p$/, 't')), readFileSync(pathOf(second)).subarray(0, 50))
    const again = await open()
    assert.deepEqual(files(), [second])
    assert.equal(again.current(keyId), undefined)
    await again.commit(two.signed)
    assert.deepEqual(again.current(keyId)?.manifest, two.signed)
  })
})

describe('a disk that fails', () => {
  inFreshFolder()

  /** Fails at the `nth` call: before it, after it, or half way; from then on all of them fail, as after a crash. */
  const failing = (nth: number, how: 'before' | 'half' | 'after'): VaultDisk => {
    const real = vaultDisk()
    let calls = 0
    const call = async (whole: () => Promise<void>, half?: () => Promise<void>): Promise<void> => {
      calls++
      if (calls === nth && how === 'after') await whole()
      if (calls === nth && how === 'half') await half?.()
      if (calls >= nth) throw Object.assign(new Error('injected'), { code: 'ENOSPC' })
      await whole()
    }
    return {
      write: (path, bytes) =>
        call(
          () => real.write(path, bytes),
          () => real.write(path, bytes.subarray(0, bytes.length / 2)),
        ),
      overwrite: (path, at, bytes) =>
        call(
          () => real.overwrite(path, at, bytes),
          () => real.overwrite(path, at, bytes.subarray(0, bytes.length / 2)),
        ),
      rename: (from, to) => call(() => real.rename(from, to)),
      remove: (path) => call(() => real.remove(path)),
      flushFolder: (path) => call(() => real.flushFolder(path)),
    }
  }
  /** Calls of one whole change: 3 to prepare, 3 to commit, 5 to destroy. */
  const CALLS = 11

  for (const how of ['before', 'half', 'after'] as const) {
    it(`leaves the old generation or the new one whole, wherever it fails (${how})`, async () => {
      for (let nth = 1; nth <= CALLS; nth++) {
        rmSync(join(folder, 'shares'), { recursive: true, force: true })
        rmSync(join(folder, 'keystore'), { force: true })
        await keep(await open(), one)
        const vault = await open(failing(nth, how))
        let isCommitted = false
        const change = async (): Promise<void> => {
          await vault.prepare(two.unsigned, two.share)
          await vault.commit(two.signed)
          isCommitted = true
          await vault.destroy(keyId, 1)
        }
        await assert.rejects(change(), { code: 'vault-full' }, `call ${nth}`)
        for (const seen of [vault, await open()]) {
          const entry = seen.current(keyId)
          const isNew = Buffer.compare(entry?.manifest ?? Buffer.of(), two.signed) === 0
          const { signed, share } = isNew ? two : one
          assert.deepEqual(entry?.manifest, signed, `call ${nth}`)
          assert.deepEqual(new Uint8Array(entry?.open().secret ?? []), share.secret)
          if (isCommitted) assert.ok(isNew)
          assert.deepEqual(seen.list().damaged, [])
        }
        // The change can be made again, from the beginning or where it ended.
        const after = await open()
        if (after.committed(keyId, 2) === undefined) await keep(after, two)
        await after.destroy(keyId, 1)
        assert.deepEqual(after.current(keyId)?.manifest, two.signed)
        assert.equal(files().length, 1)
      }
      const whole = await open(failing(CALLS + 1, how))
      const three = sampleShare(1, 3)
      await keep(whole, three)
      await whole.destroy(keyId, 2)
    })
  }

  /** To write the deletion 3, then to destroy two shares, 5 each. */
  const DELETION_CALLS = 13

  for (const how of ['before', 'half', 'after'] as const) {
    it(`leaves a key as it was or deletes it, wherever it fails (${how})`, async () => {
      const deletion = sampleDeletion(keyId, 3)
      for (let nth = 1; nth <= DELETION_CALLS; nth++) {
        rmSync(join(folder, 'shares'), { recursive: true, force: true })
        rmSync(join(folder, 'keystore'), { force: true })
        const before = await open()
        await keep(before, one)
        await keep(before, two)
        const vault = await open(failing(nth, how))
        await assert.rejects(vault.delete(deletion), { code: 'vault-full' }, `call ${nth}`)
        const after = await open()
        const isGone = after.deletion(keyId) !== undefined
        assert.deepEqual(after.generations(keyId).length, isGone ? 0 : 2, `call ${nth}`)
        assert.deepEqual(after.list().damaged, [])
        if (isGone) assert.deepEqual(after.deletion(keyId), deletion)
        await after.delete(deletion)
        assert.deepEqual(after.generations(keyId), [])
        assert.equal(files().length, 1)
      }
      rmSync(join(folder, 'shares'), { recursive: true, force: true })
      const before = await open()
      await keep(before, one)
      await keep(before, two)
      await (await open(failing(DELETION_CALLS + 1, how))).delete(deletion)
    })
  }

  it('names a deletion with an octet changed, and still takes no share of before it', async () => {
    const vault = await open()
    await keep(vault, one)
    await vault.delete(sampleDeletion(keyId, 3))
    const [file = ''] = files()
    const path = join(folder, 'shares', file)
    const bytes = readFileSync(path)
    bytes[9] = (bytes[9] ?? 0) ^ 1
    writeFileSync(path, bytes)
    const again = await open()
    assert.deepEqual(
      again.list().damaged.map(({ file: name, code, generation }) => [name, code, generation]),
      [[file, 'format', 3]],
    )
    await assert.rejects(again.prepare(two.unsigned, two.share), { code: 'vault-state' })
  })
})
