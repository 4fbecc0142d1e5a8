import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { makeSealedKey, openSealedKey } from '../../adapters/node/sealed-key.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { giveShare, takeShares } from './unseal-door.ts'

const random = systemRandom()
let folder = ''
let lines: readonly Uint8Array[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'limen-unseal-door-'))
  const [path, sharesPath] = [join(folder, 'key'), join(folder, 'shares')]
  makeSealedKey({ path, sharesPath, shares: 3, threshold: 2, random })
  lines = readFileSync(sharesPath, 'utf8')
    .trim()
    .split('\n')
    .map((line) => Buffer.from(line))
})
afterEach(() => rmSync(folder, { recursive: true }))

async function openDoor(signal?: AbortSignal) {
  const door = join(folder, 'door.sock')
  const { promise: opened, resolve } = Promise.withResolvers<void>()
  const key = takeShares({
    ...{ sealed: openSealedKey(join(folder, 'key'), random), door, onOpen: resolve },
    ...(signal === undefined ? {} : { signal }),
  })
  await Promise.race([opened, key])
  return { door, key }
}
const share = (i: number): Uint8Array => lines[i] ?? new Uint8Array()

describe('takeShares()', () => {
  it('opens the key when enough were given, and closes the door', async () => {
    const { door, key } = await openDoor()
    assert.equal(statSync(door).mode & 0o777, 0o600)
    assert.deepEqual(await giveShare(door, new Uint8Array()), { kind: 'sealed', missing: 2 })
    assert.deepEqual(await giveShare(door, share(0)), { kind: 'sealed', missing: 1 })
    const again = await giveShare(door, share(0))
    assert.deepEqual([again.kind, again.code], ['refused', 'dup-x'])
    const nonsense = await giveShare(door, Buffer.from('nonsense'))
    assert.deepEqual([nonsense.kind, nonsense.code], ['refused', 'format'])
    assert.deepEqual(await giveShare(door, share(2)), { kind: 'unsealed' })
    const data = random.bytes(32)
    const opened = await key
    assert.deepEqual(await opened.unwrap(await opened.wrap(data)), data)
    assert.equal(existsSync(door), false)
    await assert.rejects(giveShare(door, share(1)), { code: 'custody-door' })
  })

  it('closes on a line that does not end where one ends', async () => {
    const stop = new AbortController()
    const { door, key } = await openDoor(stop.signal)
    const socket = createConnection(door)
    socket.on('error', () => undefined)
    socket.write(Buffer.alloc(10_000, 'x'))
    await once(socket.resume(), 'close')
    assert.deepEqual(await giveShare(door, share(1)), { kind: 'sealed', missing: 1 })
    stop.abort()
    await assert.rejects(key, { code: 'custody-sealed' })
    assert.equal(existsSync(door), false)
  })

  it('takes no door that somebody answers at', async () => {
    const stop = new AbortController()
    const { door, key } = await openDoor(stop.signal)
    await assert.rejects(openDoor(), { code: 'cannot-listen' })
    assert.deepEqual(await giveShare(door, share(0)), { kind: 'sealed', missing: 1 })
    stop.abort()
    await assert.rejects(key, { code: 'custody-sealed' })
  })
})
