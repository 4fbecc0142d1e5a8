import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { type CataloguedKey, labelOf, newKey } from '../../keys/custody/catalogued-key.ts'
import { keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import { ShareDeletions } from './share-deletions.ts'

let folder = ''
let path = ''
let keys: Map<string, CataloguedKey>
/** Nodes that do not answer, and key ids that were deleted. */
let away: string[]
let deleted: string[]
let complaints: string[]
const opened: ShareDeletions[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'limen-share-deletions-'))
  path = join(folder, 'deletions.json')
  keys = new Map([['a', { ...key('a'), isDeleted: true, versions: [] }]])
  ;[away, deleted, complaints] = [[], [], []]
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  rmSync(folder, { recursive: true })
})

const MARK = '0123456789abcdef'
const A1 = { name: 'a', type: 'derive', version: 1, mark: MARK } as const
const ID = toHex(keyIdOf(writeKeyLabel(labelOf(A1, A1))))
function key(name: string): CataloguedKey {
  const version = { version: 1, createdAt: 1, mark: MARK, publicKey: new Uint8Array() }
  return newKey(name, 'derive', false, version, 1)
}
const open = (): ShareDeletions => {
  const deletions = new ShareDeletions({
    path,
    catalogue: { get: (name) => keys.get(name) },
    driver: {
      async delete(keyId) {
        if (away.length === 5) throw new LimenError('custody-change', 'no node has it', SIDE)
        deleted.push(toHex(keyId))
        return { keyId, waiting: away }
      },
    },
    complain: (text) => void complaints.push(text),
  })
  opened.push(deletions)
  return deletions
}
const SIDE = { side: 'upstream', retry: true } as const
const kept = (): unknown => JSON.parse(readFileSync(path, 'utf8'))

describe('ShareDeletions', () => {
  it('deletes what was announced and is forgotten, and then forgets it, too', async () => {
    const one = open()
    one.announce([A1])
    assert.deepEqual(kept(), [A1])
    assert.equal(statSync(path).mode & 0o777, 0o600)
    await one.run()
    assert.deepEqual(deleted, [ID])
    assert.deepEqual(kept(), [])
    await one.run()
    assert.equal(deleted.length, 1)
  })

  it('asks nodes again that were away, over a restart, and complains once', async () => {
    away = ['n4', 'n5']
    const one = open()
    one.announce([A1])
    await one.run()
    away = ['n1', 'n2', 'n3', 'n4', 'n5']
    await one.run()
    assert.deepEqual(kept(), [A1])
    assert.equal(complaints.length, 1)
    assert.match(complaints[0] ?? '', /transit\/a\/.* wait to be deleted: n4, n5 did not answer/)
    away = []
    const again = open()
    await again.run()
    assert.deepEqual(deleted, [ID, ID])
    assert.deepEqual(kept(), [])
  })

  it('deletes nothing that the catalogue still has', async () => {
    keys.set('a', key('a'))
    const one = open()
    one.announce([A1])
    await one.run()
    assert.deepEqual([deleted, kept()], [[], [A1]])
    one.withdraw([A1])
    assert.deepEqual(kept(), [])
    // As after a crash between the two.
    writeFileSync(path, JSON.stringify([A1, { ...A1, name: 'never' }]))
    await open().run()
    assert.deepEqual([deleted, kept()], [[], []])
  })

  it('does not start with a file that is none of its own', () => {
    open()
    assert.equal(existsSync(path), false)
    for (const text of ['', '{}', '[1]', JSON.stringify([{ ...A1, mark: '../x' }])]) {
      writeFileSync(path, text)
      assert.throws(() => open(), { code: 'deletions-damaged' }, text)
    }
  })
})
