import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { sampleShare, VAULT_NODE } from '../../ports/share-vault.contract.ts'
import type { WrappingKey } from '../../ports/wrapping-key.ts'
import { makeSealedKey, openSealedKey, type SealedKeyOptions } from './sealed-key.ts'
import { openShareVault } from './share-vault.ts'
import { systemRandom } from './system-random.ts'

const random = systemRandom()
const folder = mkdtempSync(join(tmpdir(), 'limen-sealed-'))
let options: SealedKeyOptions
let lines: Buffer[]
const line = (at: number): Buffer => lines[at] ?? Buffer.of()
const unsealBy = (...which: readonly number[]): WrappingKey => {
  const sealed = openSealedKey(options.path, random)
  const said = which.map((at) => sealed.give(line(at)))
  const last = said.at(-1)
  if (last?.kind !== 'unsealed') assert.fail(JSON.stringify(said))
  return last.key
}

describe('a sealed key', () => {
  after(() => rmSync(folder, { recursive: true }))
  beforeEach(() => {
    const own = mkdtempSync(join(folder, 'key-'))
    options = {
      ...{ path: join(own, 'key.lcm'), sharesPath: join(own, 'shares/operators.txt') },
      ...{ shares: 5, threshold: 3, random },
    }
    makeSealedKey(options)
    lines = readFileSync(options.sharesPath, 'latin1')
      .split('\n')
      .slice(0, -1)
      .map((line) => Buffer.from(line, 'latin1'))
  })

  it('is the same key whoever opens it, and a vault opens with it', async () => {
    const share = sampleShare(1, 1)
    const vaultOptions = { folder: mkdtempSync(join(folder, 'vault-')), node: VAULT_NODE, random }
    const vault = await openShareVault({ ...vaultOptions, wrapping: unsealBy(0, 1, 2) })
    await vault.prepare(share.unsigned, share.share)
    await vault.commit(share.signed)
    const again = await openShareVault({ ...vaultOptions, wrapping: unsealBy(4, 0, 3) })
    const secret = again.current(share.share.header.keyId)?.open().secret
    assert.deepEqual(new Uint8Array(secret ?? []), share.share.secret)
  })

  it('stays sealed with fewer, and names what is wrong', () => {
    const sealed = openSealedKey(options.path, random)
    assert.deepEqual(sealed.give(line(0)), { kind: 'sealed', missing: 2 })
    const [point = 0] = sealed.state().points
    const refused = (code: string, points: readonly number[] = []) => ({
      ...{ kind: 'refused', code, points },
    })
    assert.deepEqual(sealed.give(line(0)), refused('dup-x', [point]))
    assert.deepEqual(sealed.give(Buffer.from('x')), refused('format'))
    const slip = Buffer.from(line(1))
    const at = slip.length - 2
    slip[at] = slip[at] === 0x58 ? 0x59 : 0x58
    assert.deepEqual(sealed.give(slip), refused('checksum'))
    const other = { ...options, path: `${options.path}-2`, sharesPath: `${options.sharesPath}-2` }
    makeSealedKey(other)
    const [stranger = ''] = readFileSync(other.sharesPath, 'latin1').split('\n')
    const said = sealed.give(Buffer.from(stranger))
    assert.ok(said.kind === 'refused' && said.code === 'share-key')
    assert.deepEqual(sealed.give(line(1)), { kind: 'sealed', missing: 1 })
    sealed.forget()
    assert.deepEqual(sealed.give(line(2)), { kind: 'sealed', missing: 2 })
  })

  it('leaves shares in one file for its owner, once, and the key nowhere', () => {
    assert.equal(lines.length, 5)
    assert.equal(statSync(options.sharesPath).mode & 0o777, 0o600)
    assert.equal(statSync(options.path).mode & 0o777, 0o600)
    assert.throws(() => makeSealedKey(options), { code: 'key-file-there' })
    const absent = { ...options, path: `${options.path}-3` }
    assert.throws(() => makeSealedKey(absent), { code: 'key-file-there' })
    assert.throws(() => openSealedKey(absent.path, random), { code: 'key-file-missing' })
    writeFileSync(absent.path, readFileSync(options.path).subarray(1))
    assert.throws(() => openSealedKey(absent.path, random), { code: 'key-file-damaged' })
  })
})
