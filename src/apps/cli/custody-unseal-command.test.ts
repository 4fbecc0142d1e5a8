import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { makeSealedKey, openSealedKey } from '../../adapters/node/sealed-key.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { takeShares } from '../custody/unseal-door.ts'
import { unsealNode } from './custody-unseal-command.ts'

it('unsealNode() gives lines as they come, says what is missing, and names what is no share', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'limen-pdesk-'))
  try {
    const random = systemRandom()
    const [path, sharesPath] = [join(folder, 'key'), join(folder, 'shares')]
    makeSealedKey({ path, sharesPath, shares: 3, threshold: 2, random })
    const [first = '', second = ''] = readFileSync(sharesPath, 'latin1').split('\n')
    const door = join(folder, 'door')
    const { promise: open, resolve } = Promise.withResolvers<void>()
    const key = takeShares({ sealed: openSealedKey(path, random), door, onOpen: resolve })
    await open
    const said: string[] = []
    // Pieces as a terminal or a pipe may cut them.
    const pieces = [`no share\n${first.slice(0, 20)}`, `${first.slice(20)}\n${second}`]
    const input = (async function* () {
      for (const piece of pieces) yield Buffer.from(piece)
    })()
    for (const empty of ['', '\n\n']) {
      const nothing = (async function* () {
        yield Buffer.from(empty)
      })()
      await assert.rejects(unsealNode(door, nothing, assert.fail), { code: 'usage' })
    }
    assert.equal(await unsealNode(door, input, (text) => said.push(text)), 1)
    assert.deepEqual(said, ['Refused: format', 'Taken: 1 more are needed', 'It is unsealed'])
    assert.equal((await key).reference.length, 16)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
